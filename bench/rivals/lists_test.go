package main

import (
	"fmt"
	"testing"

	"google.golang.org/grpc/mem"
	"gvisor.dev/gvisor/pkg/buffer"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/slab"
)

// Lists of parts that are counted: 4 KiB each, so that all three take them from
// where they keep memory. What is cut off leaves 62 whole parts and two that
// are not.
const (
	partBytes = 4096
	cutFront  = 100
	cutBack   = 100
)

// lists is one way to have them: how to clone and release one, and how to make
// another of its middle and release that.
type lists struct {
	name         string
	clone, slice func()
	close        func()
}

func ours(tb testing.TB, parts int) lists {
	src, err := arena.Open(arena.Config{})
	check(tb, err)
	blocks, err := slab.New(src, slab.Config{Name: "parts", Size: partBytes})
	check(tb, err)
	l := mdl.New()
	for range parts {
		m, err := memory.FromLookaside(blocks)
		check(tb, err)
		check(tb, l.AppendOwned(m))
	}
	n := l.Len() - cutFront - cutBack
	return lists{
		name: "lookaside",
		clone: func() {
			c, err := l.Clone()
			if err != nil {
				tb.Fatal(err)
			}
			c.Release()
		},
		slice: func() {
			c, err := l.Partial(cutFront, n)
			if err != nil || c.Len() != n {
				tb.Fatal(c.Len(), err)
			}
			c.Release()
		},
		close: func() {
			l.Release()
			check(tb, blocks.Close())
			check(tb, src.Close())
		},
	}
}

func gvisor(tb testing.TB, parts int) lists {
	var l buffer.Buffer
	for range parts {
		check(tb, l.Append(buffer.NewViewSize(partBytes)))
	}
	n := l.Size() - cutFront - cutBack
	return lists{
		name: "gvisor",
		clone: func() {
			c := l.Clone()
			c.Release()
		},
		slice: func() {
			c := l.Clone()
			c.TrimFront(cutFront)
			c.Truncate(n)
			if c.Size() != n {
				tb.Fatal(c.Size())
			}
			c.Release()
		},
		close: func() { l.Release() },
	}
}

func grpc(tb testing.TB, parts int) lists {
	var l, room mem.BufferSlice // room is made once: the type itself has no way to be used again
	for range parts {
		l = append(l, mem.Copy(make([]byte, partBytes), mem.DefaultBufferPool()))
	}
	n := l.Len() - cutFront - cutBack
	return lists{
		name: "grpcmem",
		clone: func() {
			room = append(room[:0], l...)
			room.Ref()
			room.Free()
		},
		slice: func() {
			last := len(l) - 1
			room = append(room[:0], l[0].Slice(cutFront, partBytes))
			room = append(room, l[1:last]...)
			room[1:].Ref()
			room = append(room, l[last].Slice(0, partBytes-cutBack))
			if room.Len() != n {
				tb.Fatal(room.Len())
			}
			room.Free()
		},
		close: func() { l.Free() },
	}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

var everyList = []func(testing.TB, int) lists{ours, gvisor, grpc}

// Lists can be cut and released again and again.
func TestLists(t *testing.T) {
	for _, open := range everyList {
		l := open(t, 64)
		for range 100 {
			l.clone()
			l.slice()
		}
		l.close()
	}
}

func BenchmarkLists(b *testing.B) {
	for _, parts := range []int{16, 64} {
		for _, open := range everyList {
			l := open(b, parts)
			for op, f := range map[string]func(){"clone": l.clone, "slice": l.slice} {
				b.Run(fmt.Sprintf("impl=%s/op=%s/segments=%d", l.name, op, parts), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						f()
					}
				})
			}
			l.close()
		}
	}
}
