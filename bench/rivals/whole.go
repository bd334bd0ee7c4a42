//go:build !rival_bytebufferpool && !rival_grpcmem

package main

// Allocators whose block is a []byte and that have no call of their own for
// these.

type rivalBlock = []byte

func (*rivalHeap) bytes(b rivalBlock) []byte { return b }

func (h *rivalHeap) zeroed(n int) rivalBlock {
	b := h.alloc(n)
	clear(b)
	return b
}

// realloc stays in place while more than half of the block is used.
func (h *rivalHeap) realloc(b rivalBlock, n int) rivalBlock {
	if n <= cap(b) && n > cap(b)/2 {
		return b[:n]
	}
	c := h.alloc(n)
	copy(c, b)
	h.free(b)
	return c
}

// aligned relies on the size: all of them align a block to the power of two
// that its size is a multiple of, up to 16.
func (h *rivalHeap) aligned(n, to int) rivalBlock { return h.alloc((n + to - 1) &^ (to - 1))[:n] }
