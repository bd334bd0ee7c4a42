//go:build linux && !android && gc && amd64 && !race && !lookaside_pinned && !lookaside_tokens

package slab

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
)

// Each continuation loads its number, and a table of them that does not is
// refused.
func TestContinuations(t *testing.T) {
	var c codeAddrs
	codes(&c)
	for at, by := range map[uintptr]int{c.allocAt: allocStrideShift, c.freeAt: allocStrideShift, c.getAt: 0, c.putAt: 0} {
		var e pEntry
		require.True(t, e.fork(at, by))
		require.Equal(t, at+(fastPs-1)<<contShift, e.at[fastPs-1])
		require.False(t, e.fork(at+1<<contShift, by), "number 1 is not number 0")
		require.False(t, e.fork(at+1, by), "no code")
		require.False(t, e.fork(at, by+1), "number 1 is not number 2")
	}
	if allocEntry.code != allocEntry.whole {
		require.Equal(t, putEntry.at, reclaimEntry.at, "a reclaim shares the code of Put")
		require.Equal(t, freeEntry.at, reclaimAllocEntry.at)
	}
}

// With more Ps than continuations the fast path is for those that have one, and
// everything works on the others.
func TestMorePsThanContinuations(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(fastPs + 44))
	src := openArena(t, arena.Config{})
	a, err := NewAllocator(src, AllocatorConfig{})
	require.NoError(t, err)
	l, err := New(src, Config{Size: 100})
	require.NoError(t, err)
	require.LessOrEqual(t, a.gate.Load(), uint32(fastPs))
	require.LessOrEqual(t, l.gate.Load(), uint32(fastPs))
	require.GreaterOrEqual(t, a.open.Load(), uint32(fastPs+44))
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	var all sync.WaitGroup
	for range 2 * (fastPs + 44) {
		all.Go(func() {
			for i := range rounds {
				b, _ := a.Alloc(1 + i)
				c, _ := l.Get()
				b[0], c[0] = 1, 2
				if i%16 == 0 {
					runtime.Gosched()
				}
				a.Free(b)
				l.Put(c)
			}
		})
	}
	all.Wait()
	require.Zero(t, a.Stats().Live)
	require.Zero(t, l.Stats().Live)
	require.NoError(t, a.Audit())
	require.NoError(t, l.Audit())
	require.NoError(t, a.Close())
	require.NoError(t, l.Close())
}
