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

func (h *rivalHeap) alloc(n int) rivalBlock {
	b := h.pool.Get()
	if cap(b.B) < n {
		b.B = make([]byte, n)
	}
	b.B = b.B[:n]
	return b
}

func (h *rivalHeap) free(b rivalBlock) { h.pool.Put(b) }

func (*rivalHeap) bytes(b rivalBlock) []byte { return b.B }

func (h *rivalHeap) zeroed(n int) rivalBlock {
	b := h.alloc(n)
	clear(b.B)
	return b
}

func (h *rivalHeap) aligned(n, to int) rivalBlock {
	b := h.alloc((n + to - 1) &^ (to - 1))
	b.B = b.B[:n]
	return b
}

// realloc grows the buffer in place, which is what the pool is for.
func (*rivalHeap) realloc(b rivalBlock, n int) rivalBlock {
	if cap(b.B) < n {
		grown := make([]byte, n)
		copy(grown, b.B)
		b.B = grown
	}
	b.B = b.B[:n]
	return b
}

func (*rivalHeap) close() error { return nil }
