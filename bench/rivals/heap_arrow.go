//go:build rival_arrow

package main

import "github.com/apache/arrow-go/v18/arrow/memory"

const rivalModule = "github.com/apache/arrow-go/v18"

func rivalVersion() string { return "" }

// rivalHeap is the Go allocator of arrow.
type rivalHeap struct{ a memory.GoAllocator }

func openRival() *rivalHeap { return new(rivalHeap) }

func (h *rivalHeap) Alloc(n int) (rivalBlock, error) { return h.a.Allocate(n), nil }

func (h *rivalHeap) Free(b rivalBlock) { h.a.Free(b) }

func (*rivalHeap) close() error { return nil }
