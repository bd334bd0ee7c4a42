package slab

import (
	"time"
	"unsafe"

	"offheap.example/lookaside/arena"
)

// Stand-in, replaced within the hour.

type Lookaside struct{ cfg Config }

func New(src *arena.Arena, cfg Config) (*Lookaside, error) { return &Lookaside{cfg}, nil }
func (l *Lookaside) Get() ([]byte, error)                  { return make([]byte, l.cfg.Size), nil }
func (l *Lookaside) Put(b []byte)                          {}
func (l *Lookaside) GetBatch(dst [][]byte) (int, error) {
	for i := range dst {
		dst[i] = make([]byte, l.cfg.Size)
	}
	return len(dst), nil
}
func (l *Lookaside) PutBatch(src [][]byte) {}
func (l *Lookaside) Trim() int64           { return 0 }
func (l *Lookaside) Tune(now time.Time)    {}
func (l *Lookaside) Stats() Stats          { return Stats{} }
func (l *Lookaside) Close() error          { return nil }
func (l *Lookaside) Size() int             { return l.cfg.Size }

type Allocator struct{ live int }

func NewAllocator(src *arena.Arena, cfg AllocatorConfig) (*Allocator, error) {
	return &Allocator{}, nil
}
func (a *Allocator) Alloc(n int) ([]byte, error)       { return make([]byte, n, (n+7)&^7), nil }
func (a *Allocator) AllocZeroed(n int) ([]byte, error) { return make([]byte, n, (n+7)&^7), nil }
func (a *Allocator) AllocAligned(n, to int) ([]byte, error) {
	b := make([]byte, n+to)
	o := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & uintptr(to-1))
	return b[o : o+n : o+n], nil
}
func (a *Allocator) Realloc(b []byte, n int) ([]byte, error) {
	c := make([]byte, n)
	copy(c, b)
	return c, nil
}
func (a *Allocator) AllocBatch(dst [][]byte, n int) (int, error) {
	for i := range dst {
		dst[i] = make([]byte, n)
	}
	return len(dst), nil
}
func (a *Allocator) Free(b []byte)          {}
func (a *Allocator) FreeBatch(src [][]byte) {}
func (a *Allocator) Trim() int64            { return 0 }
func (a *Allocator) Stats() Stats           { return Stats{} }
func (a *Allocator) Close() error           { return nil }
func (a *Allocator) Tagged(t Tag) *Tagged   { return &Tagged{} }
func (a *Allocator) NewLocal() *Local       { return &Local{} }

type Tagged struct{}

func (t *Tagged) Alloc(n int) ([]byte, error)            { return make([]byte, n), nil }
func (t *Tagged) AllocZeroed(n int) ([]byte, error)      { return make([]byte, n), nil }
func (t *Tagged) AllocAligned(n, to int) ([]byte, error) { return make([]byte, n), nil }
func (t *Tagged) Free(b []byte)                          {}

type Local struct{}

func (c *Local) Alloc(n int) ([]byte, error) { return make([]byte, n), nil }
func (c *Local) Free(b []byte)               {}
func (c *Local) Close() error                { return nil }
