//go:build rival_mcache

package main

import "github.com/bytedance/gopkg/lang/mcache"

const rivalModule = "github.com/bytedance/gopkg"

func rivalVersion() string { return "" }

// rivalHeap is the one of package mcache.
type rivalHeap struct{}

func openRival() *rivalHeap { return new(rivalHeap) }

func (*rivalHeap) Alloc(n int) (rivalBlock, error) { return mcache.Malloc(n), nil }

func (*rivalHeap) Free(b rivalBlock) { mcache.Free(b) }

func (*rivalHeap) close() error { return nil }
