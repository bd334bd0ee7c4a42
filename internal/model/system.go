package model

import (
	"errors"
	"fmt"
	"time"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/slab"
)

// Face is what an allocator and its tags have in common.
type Face interface {
	Alloc(n int) ([]byte, error)
	AllocZeroed(n int) ([]byte, error)
	AllocAligned(n, to int) ([]byte, error)
	Realloc(b []byte, n int) ([]byte, error)
	Free(b []byte)
}

// Account is what an allocator and a lookaside have in common.
type Account interface {
	Trim() int64
	Tune(now time.Time)
	Stats() slab.Stats
	Audit() error
	Close() error
}

// Heap is an allocator, as slab.Allocator.
type Heap interface {
	Face
	Account
	AllocBatch(dst [][]byte, n int) (int, error)
	FreeBatch(src [][]byte)
}

// List is a lookaside, as slab.Lookaside.
type List interface {
	Account
	Get() ([]byte, error)
	Put(b []byte)
	GetBatch(dst [][]byte) (int, error)
	PutBatch(src [][]byte)
}

// Own is what one goroutine has of an allocator, as slab.Local.
type Own interface {
	Alloc(n int) ([]byte, error)
	Free(b []byte)
	Close() error
}

// System is what a program runs on.
type System struct {
	Arena  *arena.Arena
	Heap   Heap
	Tagged func(slab.Tag) Face
	Local  func() Own
	Lists  [2]List
}

// Opener makes a fresh system.
type Opener func(Setup) (*System, error)

// heapName is the name of the allocator in a System.
const heapName = "heap"

// reserve is the address space of a System's arena: so much that fragments never exhaust it.
const reserve = 512 << 20

// Open makes the real thing.
func Open(s Setup) (*System, error) {
	src, err := arena.Open(arena.Config{Name: "model", Reserve: reserve, Limit: s.Limit, Guard: s.Guard, Shared: s.Shared})
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*System, error) { return nil, errors.Join(err, src.Close()) }
	a, err := slab.NewAllocator(src, slab.AllocatorConfig{Name: heapName, ParkedPerP: s.ParkedPerP})
	if err != nil {
		return fail(err)
	}
	sys := &System{
		Arena: src, Heap: a,
		Tagged: func(t slab.Tag) Face { return a.Tagged(t) },
		Local:  func() Own { return a.NewLocal() },
	}
	for i, cfg := range s.Lists {
		l, err := slab.New(src, cfg)
		if err != nil {
			return fail(err)
		}
		sys.Lists[i] = l
	}
	return sys, nil
}

// tagNumber is the i-th tag of a program.
func tagNumber(i int) slab.Tag {
	t, err := slab.ParseTag(fmt.Sprintf("t%d", i))
	if err != nil {
		panic(err)
	}
	return t
}
