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

func (h *rivalHeap) Alloc(n int) (rivalBlock, error) { return h.pool.Get(n), nil }

func (h *rivalHeap) Free(b rivalBlock) { h.pool.Put(b) }

func (*rivalHeap) bytes(b rivalBlock) []byte { return *b }

func (h *rivalHeap) AllocZeroed(n int) (rivalBlock, error) { return h.Alloc(n) }

func (h *rivalHeap) AllocAligned(n, to int) (rivalBlock, error) {
	b, _ := h.Alloc((n + to - 1) &^ (to - 1))
	*b = (*b)[:n]
	return b, nil
}

// Realloc stays in place while more than half of the buffer is used.
func (h *rivalHeap) Realloc(b rivalBlock, n int) (rivalBlock, error) {
	if c := cap(*b); n <= c && n > c/2 {
		*b = (*b)[:n]
		return b, nil
	}
	grown, _ := h.Alloc(n)
	copy(*grown, *b)
	h.Free(b)
	return grown, nil
}

func (*rivalHeap) close() error { return nil }
