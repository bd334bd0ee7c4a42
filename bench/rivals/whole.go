//go:build !rival_bytebufferpool && !rival_grpcmem

package main

// Allocators whose block is a []byte and that have no call of their own for
// these.

type rivalBlock = []byte

func (*rivalHeap) bytes(b rivalBlock) []byte { return b }

func (h *rivalHeap) AllocZeroed(n int) (rivalBlock, error) {
	b, _ := h.Alloc(n)
	clear(b)
	return b, nil
}

// Realloc stays in place while more than half of the block is used.
func (h *rivalHeap) Realloc(b rivalBlock, n int) (rivalBlock, error) {
	if n <= cap(b) && n > cap(b)/2 {
		return b[:n], nil
	}
	c, _ := h.Alloc(n)
	copy(c, b)
	h.Free(b)
	return c, nil
}

// AllocAligned relies on the size: all of them align a block to the power of two
// that its size is a multiple of, up to 16.
func (h *rivalHeap) AllocAligned(n, to int) (rivalBlock, error) {
	b, err := h.Alloc((n + to - 1) &^ (to - 1))
	return b[:n], err
}
