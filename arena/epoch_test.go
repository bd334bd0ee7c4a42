package arena

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// idle is how many bytes of free pages are resident.
func idle(a *Arena) int64 {
	s := a.figures()
	return s.Committed - s.InUse
}

// wanted makes an arena keep size bytes of free pages, because they were wanted again and again.
func wanted(t *testing.T, cfg Config, size int) *Arena {
	t.Helper()
	a := open(t, cfg)
	for range 40 {
		r, err := a.AcquireUninitialized(size / a.PageSize())
		require.NoError(t, err)
		a.Release(r)
	}
	require.Greater(t, idle(a), int64(size/3))
	return a
}

// TestUnwantedPagesHalveWithEveryEpoch: what nobody wants goes, whoever counts the operations.
func TestUnwantedPagesHalveWithEveryEpoch(t *testing.T) {
	const size = 96 << 20
	if testing.Short() && heapOnly {
		t.Skip("short")
	}
	for _, cfg := range []Config{{}, {Huge: HugeNever}} {
		a := wanted(t, cfg, size)
		a.Tick(EpochOps) // this one had traffic
		for have := idle(a); have > coldLeast; {
			a.Tick(EpochOps / 2)
			a.Tick(EpochOps / 2)
			now := idle(a)
			require.LessOrEqual(t, now, max(have/2+hugePage, coldLeast))
			require.GreaterOrEqual(t, now, min(have/2-hugePage, coldLeast))
			require.Less(t, now, have)
			have = now
		}
		a.Tick(10 * EpochOps)
		require.Positive(t, idle(a), "a little stays for good")
		audit(t, a)

		b := wanted(t, cfg, size)
		small := acquire(t, b, 1)
		for range 8 * EpochOps / 2 { // its own operations count as well
			b.Release(small)
			small, _ = b.AcquireUninitialized(1)
		}
		require.Less(t, idle(b), int64(size/20))
		b.Release(small)
		audit(t, b)
	}
}

// TestWhatAnEpochWantsStays: pages that are wanted once in every epoch are not given back.
func TestWhatAnEpochWantsStays(t *testing.T) {
	const size = 24 << 20
	a := wanted(t, Config{}, size)
	a.Tick(EpochOps)
	before := a.Stats()
	for range 20 {
		r, err := a.AcquireUninitialized(size / a.PageSize())
		require.NoError(t, err)
		a.Release(r)
		a.Tick(EpochOps - 100)
	}
	after := a.Stats()
	require.LessOrEqual(t, after.Purged-before.Purged, int64(20*size/4), "most pages stay")
	require.Less(t, after.Syscalls-before.Syscalls, uint64(20*EpochOps/1000))
}

// TestTickOnOddOccasions does nothing.
func TestTickOnOddOccasions(t *testing.T) {
	a := wanted(t, Config{}, 8<<20)
	before := idle(a)
	a.Tick(0)
	a.Tick(-1 << 30)
	require.Equal(t, before, idle(a))
	b, err := Open(Config{})
	require.NoError(t, err)
	require.NoError(t, b.Close())
	b.Tick(EpochOps)
}

// TestRoundsPayForTheirCalls: whatever the traffic, calls that nobody asked for are few, but while there is far too
// much.
func TestRoundsPayForTheirCalls(t *testing.T) {
	a := open(t, Config{})
	hold := acquire(t, a, 1)
	var runs []Run
	fillUp := func() {
		for range 6000 {
			r, err := a.AcquireUninitialized(1)
			require.NoError(t, err)
			runs = append(runs, r)
		}
	}
	empty := func(every int) {
		kept := runs[:0]
		for i, r := range runs {
			if i%every == 0 {
				a.Release(r)
				continue
			}
			kept = append(kept, r)
		}
		runs = kept
	}
	fillUp()
	before := a.Stats()
	for range 20 {
		empty(2) // every other page: ranges of one page
		fillUp()
		empty(1)
		fillUp()
	}
	after := a.Stats()
	ops := after.Acquires + after.Releases - before.Acquires - before.Releases
	require.LessOrEqual(t, after.Syscalls-before.Syscalls, ops/100+callsFirst)
	a.Release(hold)
	audit(t, a)
}

// TestDropMetadata: whole pages go, read zero, and can be used again; what is not metadata is left alone.
func TestDropMetadata(t *testing.T) {
	a := open(t, Config{})
	page := a.PageSize()
	p, err := a.Metadata(20 * page)
	require.NoError(t, err)
	b := metadataBytes(p, 20*page)
	for i := range b {
		b[i] = 7
	}
	r := acquire(t, a, 4)
	fill(r, 9)
	require.Zero(t, a.DropMetadata(r.Base(), 4*page), "pages are no metadata")
	require.True(t, isFilled(r.Bytes(), 9))
	require.Zero(t, a.DropMetadata(p, page/2), "less than a page")
	require.Zero(t, a.DropMetadata(p, -5))
	require.Zero(t, a.DropMetadata(p, 1<<30), "more than there is")
	dropped := a.DropMetadata(p, 20*page)
	if onHeap() {
		require.Zero(t, dropped)
		require.True(t, isFilled(b, 7))
		return
	}
	require.GreaterOrEqual(t, dropped, int64(19*page))
	zero := 0
	for _, x := range b {
		if x == 0 {
			zero++
		}
	}
	require.Equal(t, int(dropped), zero)
	b[10*page] = 1
	require.NoError(t, a.Close())
	require.Zero(t, a.DropMetadata(p, 20*page))
}
