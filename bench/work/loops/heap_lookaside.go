package loops

import (
	"errors"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/slab"
)

// lookasideBlock is what lookaside hands out.
type lookasideBlock = []byte

// lookasideHeap is a slab.Allocator over an arena of its own, whose methods the
// algorithms call.
type lookasideHeap struct {
	*slab.Allocator
	arena *arena.Arena
}

// lookasideCalls is what the algorithms call.
type lookasideCalls = slab.Allocator

// calls returns what the algorithms call: a program holds its allocator, not a
// record of the benchmark's that holds it.
func (h *lookasideHeap) calls() *lookasideCalls { return h.Allocator }

func openLookaside() (*lookasideHeap, error) {
	src, err := arena.Open(arena.Config{Name: "bench"})
	if err != nil {
		return nil, err
	}
	a, err := slab.NewAllocator(src, slab.AllocatorConfig{Name: "bench"})
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return &lookasideHeap{Allocator: a, arena: src}, nil
}

func (h *lookasideHeap) bytes(b lookasideBlock) []byte { return b }

func (h *lookasideHeap) allocBatch(dst []lookasideBlock, n int) {
	if _, err := h.AllocBatch(dst, n); err != nil {
		panic(err)
	}
}

func (h *lookasideHeap) freeBatch(src []lookasideBlock) { h.FreeBatch(src) }

// localPairs makes n pairs with a Local.
func (h *lookasideHeap) localPairs(n, size int) {
	c := h.NewLocal()
	for range n {
		b, err := c.Alloc(size)
		if err != nil {
			panic(err)
		}
		b[0] = 1
		c.Free(b)
	}
	if err := c.Close(); err != nil {
		panic(err)
	}
}

// line is 64 bytes without Go pointers.
type line struct{ words [8]uint64 }

// typedPairs makes n pairs with a Typed.
func (h *lookasideHeap) typedPairs(n int) {
	t, err := slab.NewTyped[line](h.arena, slab.Config{Name: "line"})
	if err != nil {
		panic(err)
	}
	for range n {
		p, err := t.New()
		if err != nil {
			panic(err)
		}
		p.words[0] = 1
		t.Free(p)
	}
	if err := t.Close(); err != nil {
		panic(err)
	}
}

// table is a block that holds the references: they are to memory outside the Go
// heap and may lie there themselves, where the collector does not look.
func (h *lookasideHeap) table(n int) []lookasideBlock {
	b, err := h.Alloc(n * headerSize)
	if err != nil {
		panic(err)
	}
	return headers(b, n)
}

func (h *lookasideHeap) freeTable(t []lookasideBlock) { h.Free(headerBytes(t)) }

func (h *lookasideHeap) trim() { h.Trim() }

// close reports blocks that are still out.
func (h *lookasideHeap) close() error { return errors.Join(h.Close(), h.arena.Close()) }
