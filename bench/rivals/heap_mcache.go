//go:build rival_mcache

package main

import "github.com/bytedance/gopkg/lang/mcache"

const rivalModule = "github.com/bytedance/gopkg"

func rivalVersion() string { return "" }

// rivalHeap is the one of package mcache.
type rivalHeap struct{}

func openRival() *rivalHeap { return new(rivalHeap) }

func (*rivalHeap) alloc(n int) rivalBlock { return mcache.Malloc(n) }

func (*rivalHeap) free(b rivalBlock) { mcache.Free(b) }

func (*rivalHeap) close() error { return nil }
