//go:build rival_bytebufferpool

package main

import "github.com/valyala/bytebufferpool"

const rivalModule = "github.com/valyala/bytebufferpool"

func rivalVersion() string { return "" }

// rivalBlock is a buffer of the pool.
type rivalBlock = *bytebufferpool.ByteBuffer

// rivalHeap is one pool. It hands out buffers without regard to their size, so
// that a buffer that is too small is grown.
type rivalHeap struct{ pool bytebufferpool.Pool }

func openRival() *rivalHeap { return new(rivalHeap) }

func (h *rivalHeap) Alloc(n int) (rivalBlock, error) {
	b := h.pool.Get()
	if cap(b.B) < n {
		b.B = make([]byte, n)
	}
	b.B = b.B[:n]
	return b, nil
}

func (h *rivalHeap) Free(b rivalBlock) { h.pool.Put(b) }

func (*rivalHeap) bytes(b rivalBlock) []byte { return b.B }

func (h *rivalHeap) AllocZeroed(n int) (rivalBlock, error) {
	b, _ := h.Alloc(n)
	clear(b.B)
	return b, nil
}

func (h *rivalHeap) AllocAligned(n, to int) (rivalBlock, error) {
	b, _ := h.Alloc((n + to - 1) &^ (to - 1))
	b.B = b.B[:n]
	return b, nil
}

// Realloc grows the buffer in place, which is what the pool is for.
func (*rivalHeap) Realloc(b rivalBlock, n int) (rivalBlock, error) {
	if cap(b.B) < n {
		grown := make([]byte, n)
		copy(grown, b.B)
		b.B = grown
	}
	b.B = b.B[:n]
	return b, nil
}

func (*rivalHeap) close() error { return nil }
