//go:build rival_grpcmem

package main

import "google.golang.org/grpc/mem"

const rivalModule = "google.golang.org/grpc"

func rivalVersion() string { return "" }

// rivalBlock is what the pool hands out.
type rivalBlock = *[]byte

// rivalHeap is the default pool, which clears what it hands out.
type rivalHeap struct{ pool mem.BufferPool }

func openRival() *rivalHeap { return &rivalHeap{mem.DefaultBufferPool()} }

func (h *rivalHeap) alloc(n int) rivalBlock { return h.pool.Get(n) }

func (h *rivalHeap) free(b rivalBlock) { h.pool.Put(b) }

func (*rivalHeap) bytes(b rivalBlock) []byte { return *b }

func (h *rivalHeap) zeroed(n int) rivalBlock { return h.alloc(n) }

func (h *rivalHeap) aligned(n, to int) rivalBlock {
	b := h.alloc((n + to - 1) &^ (to - 1))
	*b = (*b)[:n]
	return b
}

// realloc stays in place while more than half of the buffer is used.
func (h *rivalHeap) realloc(b rivalBlock, n int) rivalBlock {
	if c := cap(*b); n <= c && n > c/2 {
		*b = (*b)[:n]
		return b
	}
	grown := h.alloc(n)
	copy(*grown, *b)
	h.free(b)
	return grown
}

func (*rivalHeap) close() error { return nil }
