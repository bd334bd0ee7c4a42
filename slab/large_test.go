package slab

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
)

// Runs of large blocks that came back wait for the next block of their size:
// the address is used again, reads zero when asked to, and counts as parked.
func TestLargeRunsAreKept(t *testing.T) {
	a := newAllocator(t)
	const size = 40_000
	b := mustAlloc(t, a, size)
	for i := range b {
		b[i] = 0xEE
	}
	at := addrOf(b)
	room := cap(b)
	a.Free(b)
	s := a.Stats()
	require.EqualValues(t, 0, s.Live)
	require.EqualValues(t, 1, s.Parked)
	require.EqualValues(t, room, s.ParkedBytes)

	require.Equal(t, DoubleFree, misuse(t, func() { a.Free(b) }).Kind)
	require.Equal(t, DoubleFree, misuse(t, func() { a.Free(b[8192:]) }).Kind, "its pages are free")
	tagged := a.Tagged(Tag{'l', 'r', 'g', 'e'})
	require.Equal(t, DoubleFree, misuse(t, func() { tagged.Free(b) }).Kind)

	c, err := a.AllocZeroed(size - 3000)
	require.NoError(t, err)
	require.Equal(t, at, addrOf(c), "as many pages")
	for i, x := range c {
		require.Zero(t, x, "byte %d", i)
	}
	require.Equal(t, Misaligned, misuse(t, func() { a.Free(c[4096:]) }).Kind)
	require.EqualValues(t, 1, a.Stats().Live)
	require.EqualValues(t, 0, a.Stats().Parked)
	a.Free(c)
	a.Trim()
	require.EqualValues(t, 0, a.Stats().ParkedBytes)
	require.EqualValues(t, 0, a.src.Stats().InUse)
	require.Equal(t, DoubleFree, misuse(t, func() { a.Free(c) }).Kind)
}

// What is kept is bounded, and goes when nobody asks for it.
func TestKeptRunsAreBounded(t *testing.T) {
	a := newAllocator(t)
	var blocks [][]byte
	for i := range 200 {
		blocks = append(blocks, mustAlloc(t, a, 33_000+i*1000))
	}
	for i, b := range blocks {
		a.Free(b)
		require.LessOrEqual(t, a.large.keptBytes, max(keptLeast, int(a.Stats().LiveBytes)/keptPart), "after %d", i)
	}
	require.LessOrEqual(t, a.Stats().ParkedBytes, int64(keptLeast))
	// Blocks of another size push them out.
	for range keptRefused + 5 {
		x := [][]byte{}
		for range 10 {
			x = append(x, mustAlloc(t, a, 250_000))
		}
		for _, b := range x {
			a.Free(b)
		}
	}
	sum := 0
	for i, stack := range a.large.kept {
		sum += len(stack) * (i + 1) * a.src.PageSize()
		if (i+1)*a.src.PageSize() < 245_000 {
			require.Empty(t, stack, "runs of %d pages", i+1)
		}
	}
	require.Equal(t, sum, a.large.keptBytes)
	require.NoError(t, a.Close())
}

// At the limit, runs that are kept are given up before an allocation fails.
func TestKeptRunsDoNotMakeAnAllocationFail(t *testing.T) {
	src := openArena(t, arena.Config{Limit: 1 << 20})
	a, err := NewAllocator(src, AllocatorConfig{})
	require.NoError(t, err)
	for i := 1; i < 6; i++ {
		b := mustAlloc(t, a, 33_000*i)
		a.Free(b)
	}
	require.Positive(t, a.large.keptBytes)
	b, err := a.Alloc(1<<20 - 300_000)
	require.NoError(t, err, fmt.Sprintf("%+v", src.Stats()))
	a.Free(b)
	require.NoError(t, a.Close())
	require.Zero(t, src.Stats().InUse)
}
