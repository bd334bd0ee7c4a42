package loops

import (
	"math/bits"
	"runtime/debug"
	"sync"
)

// syncpoolBlock is what is put into a sync.Pool: a pointer to a slice, so that
// nothing is allocated for the put.
type syncpoolBlock = *[]byte

// syncpoolHeap has one sync.Pool for every power of two up to 32 MiB.
type syncpoolHeap struct{ pools [26]sync.Pool }

func (h *syncpoolHeap) alloc(n int) syncpoolBlock {
	class := max(bits.Len(uint(n-1)), 3)
	if class < len(h.pools) {
		if p, ok := h.pools[class].Get().(*[]byte); ok {
			*p = (*p)[:n]
			return p
		}
	}
	return fresh(n, class)
}

// fresh makes a block of a class; above the largest, one that nobody will keep.
//
//go:noinline
func fresh(n, class int) *[]byte {
	b := make([]byte, n, max(1<<class, n))
	return &b
}

func (h *syncpoolHeap) free(p syncpoolBlock) {
	if class := bits.Len(uint(cap(*p))) - 1; uint(class) < uint(len(h.pools)) {
		h.pools[class].Put(p)
	}
}

func (*syncpoolHeap) bytes(p syncpoolBlock) []byte { return *p }

func (h *syncpoolHeap) zeroed(n int) syncpoolBlock {
	p := h.alloc(n)
	clear(*p)
	return p
}

// aligned takes a block of a multiple of to, which the Go heap aligns.
func (h *syncpoolHeap) aligned(n, to int) syncpoolBlock {
	p := h.alloc((n + to - 1) &^ (to - 1))
	*p = (*p)[:n]
	return p
}

// realloc stays in place while the class stays.
func (h *syncpoolHeap) realloc(p syncpoolBlock, n int) syncpoolBlock {
	if c := cap(*p); n <= c && n > c/2 {
		*p = (*p)[:n]
		return p
	}
	q := h.alloc(n)
	copy(*q, *p)
	h.free(p)
	return q
}

func (h *syncpoolHeap) allocBatch(dst []syncpoolBlock, n int) {
	for i := range dst {
		dst[i] = h.alloc(n)
	}
}

func (h *syncpoolHeap) freeBatch(src []syncpoolBlock) {
	for _, p := range src {
		h.free(p)
	}
}

func (h *syncpoolHeap) localPairs(n, size int) {
	for range n {
		p := h.alloc(size)
		(*p)[0] = 1
		h.free(p)
	}
}

// typedPairs uses a pool of values, which must be cleared.
func (*syncpoolHeap) typedPairs(n int) {
	pool := sync.Pool{New: func() any { return new(line) }}
	for range n {
		p, _ := pool.Get().(*line)
		*p = line{}
		p.words[0] = 1
		pool.Put(p)
	}
}

func (*syncpoolHeap) table(n int) []syncpoolBlock { return make([]syncpoolBlock, n) }

func (*syncpoolHeap) freeTable([]syncpoolBlock) {}

func (*syncpoolHeap) trim() { debug.FreeOSMemory() }

func (*syncpoolHeap) close() error { return nil }
