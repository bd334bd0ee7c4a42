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

// Alloc takes a block from the pool of its class.
func (h *syncpoolHeap) Alloc(n int) (syncpoolBlock, error) {
	class := max(bits.Len(uint(n-1)), 3)
	if class < len(h.pools) {
		if p, ok := h.pools[class].Get().(*[]byte); ok {
			*p = (*p)[:n]
			return p, nil
		}
	}
	return fresh(n, class), nil
}

// fresh makes a block of a class; above the largest, one that nobody will keep.
//
//go:noinline
func fresh(n, class int) *[]byte {
	b := make([]byte, n, max(1<<class, n))
	return &b
}

// Free puts a block into the pool of its class.
func (h *syncpoolHeap) Free(p syncpoolBlock) {
	if class := bits.Len(uint(cap(*p))) - 1; uint(class) < uint(len(h.pools)) {
		h.pools[class].Put(p)
	}
}

func (*syncpoolHeap) bytes(p syncpoolBlock) []byte { return *p }

// AllocZeroed clears what it takes.
func (h *syncpoolHeap) AllocZeroed(n int) (syncpoolBlock, error) {
	p, err := h.Alloc(n)
	clear(*p)
	return p, err
}

// AllocAligned takes a block of a multiple of to, which the Go heap aligns.
func (h *syncpoolHeap) AllocAligned(n, to int) (syncpoolBlock, error) {
	p, err := h.Alloc((n + to - 1) &^ (to - 1))
	*p = (*p)[:n]
	return p, err
}

// Realloc stays in place while the class stays.
func (h *syncpoolHeap) Realloc(p syncpoolBlock, n int) (syncpoolBlock, error) {
	if c := cap(*p); n <= c && n > c/2 {
		*p = (*p)[:n]
		return p, nil
	}
	q, err := h.Alloc(n)
	copy(*q, *p)
	h.Free(p)
	return q, err
}

func (h *syncpoolHeap) allocBatch(dst []syncpoolBlock, n int) {
	for i := range dst {
		dst[i], _ = h.Alloc(n)
	}
}

func (h *syncpoolHeap) freeBatch(src []syncpoolBlock) {
	for _, p := range src {
		h.Free(p)
	}
}

// localPairs uses one pool for one size, as somebody does who needs no other.
func (*syncpoolHeap) localPairs(n, size int) {
	pool := sync.Pool{New: func() any {
		b := make([]byte, size)
		return &b
	}}
	for range n {
		p, _ := pool.Get().(*[]byte)
		(*p)[0] = 1
		pool.Put(p)
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

// syncpoolCalls is what the algorithms call.
type syncpoolCalls = syncpoolHeap

func (h *syncpoolHeap) calls() *syncpoolCalls { return h }
