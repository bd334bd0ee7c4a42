package fuzz

import (
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/slab"
)

// place is where a crime is committed.
type place struct {
	src  *arena.Arena
	heap *slab.Allocator
	rx   *slab.Lookaside
	tx   *slab.Lookaside
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// newPlace is called in the child only: whoever dies leaves nothing behind.
func newPlace(debug slab.Debug) place {
	src := must(arena.Open(arena.Config{Name: "scene"}))
	return place{
		src:  src,
		heap: must(slab.NewAllocator(src, slab.AllocatorConfig{Name: "heap"})),
		rx:   must(slab.New(src, slab.Config{Name: "rx", Size: 100, Tag: slab.Tag{'r', 'x'}, Debug: debug})),
		tx:   must(slab.New(src, slab.Config{Name: "tx", Size: 100})),
	}
}

// Crimes that nobody recovers from end the process, and the first line says which it was. Whoever searches a log for
// these texts finds them.
func TestDeaths(t *testing.T) {
	tag := slab.Tag{'m', 'i', 'n', 'e'}
	other := slab.Tag{'y', 'o', 'u', 'r'}
	for _, crime := range []struct {
		name, line string
		debug      slab.Debug
		commit     func(p place)
	}{
		{"put twice", `slab: put: double free: address 0x?, list "rx"`, 0, func(p place) {
			b := must(p.rx.Get())
			p.rx.Put(b)
			p.rx.Put(b)
		}},
		{"free twice", `slab: free: double free: address 0x?, list "heap"`, 0, func(p place) {
			b := must(p.heap.Alloc(40))
			p.heap.Free(b)
			p.heap.Free(b)
		}},
		{"free a large block twice", `slab: free: double free: address 0x?, list "heap"`, 0, func(p place) {
			b := must(p.heap.Alloc(1 << 20))
			p.heap.Free(b)
			p.heap.Free(b)
		}},
		{"put Go memory", `slab: put: foreign address: address 0x?, list "rx"`, 0, func(p place) {
			p.rx.Put(make([]byte, 100))
		}},
		{"put nothing", `slab: put: foreign address: address 0x?, list "rx"`, 0, func(p place) {
			p.rx.Put(nil)
		}},
		{"free inside a block", `slab: free: address inside a block: address 0x?, list "heap"`, 0, func(p place) {
			p.heap.Free(must(p.heap.Alloc(40))[8:])
		}},
		{"put into another list", `slab: put: wrong list: address 0x?, list "tx"`, 0, func(p place) {
			p.tx.Put(must(p.rx.Get()))
		}},
		{"free without the tag", `slab: free: wrong tag: address 0x?, list "heap", tag "mine"`, 0, func(p place) {
			p.heap.Free(must(p.heap.Tagged(tag).Alloc(40)))
		}},
		{"free under another tag", `slab: free: wrong tag: address 0x?, list "heap", tag "mine"`, 0, func(p place) {
			p.heap.Tagged(other).Free(must(p.heap.Tagged(tag).Alloc(40)))
		}},
		{"twice in a batch", `slab: free batch: double free: address 0x?, list "heap"`, 0, func(p place) {
			b := must(p.heap.Alloc(40))
			p.heap.FreeBatch([][]byte{b, must(p.heap.Alloc(40)), b})
		}},
		{"realloc what is free", `slab: realloc: double free: address 0x?, list "heap"`, 0, func(p place) {
			b := must(p.heap.Alloc(40))
			p.heap.Free(b)
			must(p.heap.Realloc(b, 50))
		}},
		{"put after close", `slab: put: use after close: address 0x?, list "rx", tag "rx"`, 0, func(p place) {
			b := must(p.rx.Get())
			_ = p.rx.Close()
			p.rx.Put(b)
		}},
		{"free after the arena is gone", `slab: free: use after close: address 0x?, list "heap"`, 0, func(p place) {
			b := must(p.heap.Alloc(40))
			_ = p.src.Close()
			p.heap.Free(b)
		}},
		{"write after put", `slab: get: use after free: address 0x?, list "rx", tag "rx"`, slab.Poison, func(p place) {
			for range 1000 { // race builds take the slow way at random, and then another block is the newest
				b := must(p.rx.Get())
				p.rx.Put(b)
				b[3] = 1
			}
		}},
	} {
		testkit.Child(t, crime.name, testkit.Panicked(crime.line), func() {
			runtime.GOMAXPROCS(1) // a block that was put comes back to the next who gets
			crime.commit(newPlace(crime.debug))
		})
	}
	testkit.Child(t, "no crime", testkit.Survived, func() {
		p := newPlace(0)
		p.rx.Put(must(p.rx.Get()))
		p.heap.Free(must(p.heap.Alloc(40)))
	})
}

// A crime that is recovered changes nothing: the allocator goes on.
func TestRecoveredCrime(t *testing.T) {
	p := newPlace(0)
	b := must(p.heap.Alloc(40))
	for range 1000 {
		err := testkit.Guarded(func() { p.heap.Free(b[1:]) })
		var e *slab.MisuseError
		require.True(t, errors.As(err, &e))
		require.Equal(t, slab.Misaligned, e.Kind)
	}
	require.NoError(t, p.heap.Audit())
	require.Equal(t, int64(1), p.heap.Stats().Live)
	p.heap.Free(b)
	require.NoError(t, errors.Join(p.heap.Close(), p.rx.Close(), p.tx.Close(), p.src.Close()))
}
