package bench

import (
	"math/bits"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/slab"
)

// heap is what a benchmark asks for blocks.
type heap interface {
	Alloc(n int) ([]byte, error)
	Free(b []byte)
}

// batcher is a heap that knows batches.
type batcher interface {
	AllocBatch(dst [][]byte, n int) (int, error)
	FreeBatch(src [][]byte)
}

// impl is one contender.
type impl struct {
	name string
	// open gives a heap for the calling goroutine and what closes it. It is
	// called once for each goroutine; a is the allocator that all share.
	open func(a *slab.Allocator) (heap, func())
}

var impls = []impl{
	{"lookaside", func(a *slab.Allocator) (heap, func()) { return a, func() {} }},
	{"local", func(a *slab.Allocator) (heap, func()) { c := a.NewLocal(); return c, func() { _ = c.Close() } }},
	{"make", func(*slab.Allocator) (heap, func()) { return &collected{}, func() {} }},
	{"syncpool", func(*slab.Allocator) (heap, func()) { return pools{}, func() {} }},
}

// collected is make; free blocks are the collector's.
type collected struct{ last []byte }

func (c *collected) Alloc(n int) ([]byte, error) {
	c.last = make([]byte, n) // kept for a moment, or it would never leave the stack
	return c.last, nil
}

func (c *collected) Free([]byte) {}

// byClass has one pool for each power of two. They keep arrays, so that Put makes no garbage of its own.
var byClass [32]sync.Pool

// pools is sync.Pool as it is used for buffers of several sizes.
type pools struct{}

type buffer struct{ b []byte }

// headers are the buffers whose arrays are out.
var headers = sync.Pool{New: func() any { return new(buffer) }}

func (pools) Alloc(n int) ([]byte, error) {
	class := bits.Len(uint(n - 1))
	x, ok := byClass[class].Get().(*buffer)
	if !ok {
		return make([]byte, n, 1<<class), nil
	}
	b := x.b[:n]
	x.b = nil
	headers.Put(x)
	return b, nil
}

func (pools) Free(b []byte) {
	x, _ := headers.Get().(*buffer)
	x.b = b
	byClass[bits.Len(uint(cap(b)-1))].Put(x)
}

// newAllocator is a fresh allocator on a fresh arena. It must be empty in the end.
func newAllocator(tb testing.TB) *slab.Allocator {
	src, err := arena.Open(arena.Config{Name: "bench"})
	require.NoError(tb, err)
	a, err := slab.NewAllocator(src, slab.AllocatorConfig{Name: "bench"})
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, a.Close(), "a benchmark kept blocks")
		require.NoError(tb, src.Close())
	})
	return a
}

// Every contender gives what is asked for, and takes it back.
func TestImpls(t *testing.T) {
	for _, c := range impls {
		t.Run(c.name, func(t *testing.T) {
			h, done := c.open(newAllocator(t))
			defer done()
			var all [][]byte
			for n := 16; n <= 4096; n += 41 {
				b, err := h.Alloc(n)
				require.NoError(t, err)
				require.Len(t, b, n)
				b[0], b[n-1] = byte(n), byte(n)
				all = append(all, b)
			}
			for i, b := range all {
				require.Equal(t, byte(16+i*41), b[len(b)-1])
				h.Free(b)
			}
		})
	}
}
