// Command program holds the hot functions for the test that counts their
// instructions.
package main

import (
	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/slab"
)

func main() {
	src, err := arena.Open(arena.Config{})
	if err != nil {
		panic(err)
	}
	l, err := slab.New(src, slab.Config{Size: 64})
	if err != nil {
		panic(err)
	}
	b, err := l.Get()
	if err != nil {
		panic(err)
	}
	l.Put(b)
	a, err := slab.NewAllocator(src, slab.AllocatorConfig{})
	if err != nil {
		panic(err)
	}
	if b, err = a.Alloc(64); err == nil {
		a.Free(b)
	}
	if b, err = a.AllocZeroed(64); err == nil {
		a.Free(b)
	}
	c := a.NewLocal()
	if b, err = c.Alloc(64); err == nil {
		c.Free(b)
	}
}
