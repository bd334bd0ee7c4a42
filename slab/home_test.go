package slab

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
)

// A Home keeps its list until nothing of it is out, and takes blocks as late
// as they come.
func TestHome(t *testing.T) {
	src := openArena(t, arena.Config{})
	l, err := New(src, Config{Size: 3000})
	require.NoError(t, err)
	a, err := NewAllocator(src, AllocatorConfig{})
	require.NoError(t, err)
	x := a.Tagged(Tag{'t'})
	b, err := l.Get()
	require.NoError(t, err)
	small, own := mustAlloc(t, a, 100), mustAlloc(t, x, 100)
	hl, ha, hx := l.Home(), a.Home(), x.Home()
	require.Same(t, hl, l.Home())
	require.Same(t, l, hl.Owner())
	require.Same(t, l, hl.Lookaside())
	require.Same(t, a, ha.Owner())
	require.Nil(t, ha.Lookaside())
	require.Same(t, x, hx.Owner())

	// Open: it is Put and Free.
	hl.Reclaim(b)
	ha.Reclaim(small)
	hx.Reclaim(own)
	require.Zero(t, l.Stats().Live+a.Stats().Live)
	require.Equal(t, DoubleFree, misuse(t, func() { hl.Reclaim(b) }).Kind)

	b, err = l.Get()
	require.NoError(t, err)
	small, own = mustAlloc(t, a, 100), mustAlloc(t, x, 100)
	require.Error(t, l.Close())
	require.Error(t, a.Close())
	require.Same(t, l, hl.Owner(), "a block is out")
	require.Same(t, hl, l.Home())
	hl.Reclaim(b)
	require.Nil(t, hl.Owner(), "nothing is out any more")
	ha.Reclaim(small)
	require.Same(t, a, ha.Owner(), "the tag's block is out")
	hx.Reclaim(own)
	require.Nil(t, ha.Owner())
	require.Nil(t, hx.Owner())
	require.Zero(t, src.Stats().InUse)
	for range 2 { // later than that nothing happens
		nowhere.Reclaim(b)
		require.Same(t, &nowhere, l.Home())
		require.Same(t, &nowhere, a.Home())
		require.Same(t, &nowhere, x.Home())
	}
	require.NoError(t, src.Close())
}

// An arena that goes takes its lists' Homes along, whatever is out.
func TestHomeWhenTheArenaGoes(t *testing.T) {
	src := openArena(t, arena.Config{})
	l, err := New(src, Config{Size: 100})
	require.NoError(t, err)
	b, err := l.Get()
	require.NoError(t, err)
	h := l.Home()
	require.NoError(t, src.Close())
	require.Nil(t, h.Owner())
	h.Reclaim(b)
	require.Same(t, &nowhere, l.Home())
}

// Closed lists leave nothing behind but their Homes, which others get.
func TestHomesAreUsedAgain(t *testing.T) {
	src := openArena(t, arena.Config{})
	used := 0
	for range 100 {
		l, err := New(src, Config{Size: 64})
		require.NoError(t, err)
		require.Same(t, l, l.Home().Owner())
		require.NoError(t, l.Close())
		used = max(used, homes.Made())
	}
	require.LessOrEqual(t, used, 1024)
	runtime.GC()
	require.NoError(t, src.Close())
}
