package arena

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPurgeMakesResidentMemoryFall watches the kernel's own count.
func TestPurgeMakesResidentMemoryFall(t *testing.T) {
	const size = 24 << 20
	eachVariant(t, Config{}, func(t *testing.T, cfg Config) {
		a := open(t, cfg)
		a.policy.hot = hotLeast // as after some epochs
		keep := acquire(t, a, size/3/a.PageSize())
		r := acquire(t, a, size/a.PageSize())
		fill(keep, 1)
		fill(r, 2)
		require.GreaterOrEqual(t, a.Stats().Resident, int64(size+size/3))
		a.Release(r)
		s := a.Stats()
		require.LessOrEqual(t, s.Committed-s.InUse, int64(hotLeast), "Release gives back what exceeds the window")
		require.Less(t, s.Resident, int64(size))
		require.Positive(t, a.Purge(1<<20))
		s = a.Stats()
		require.Equal(t, int64(1<<20), s.Committed-s.InUse, "the window asked for stays")
		require.Equal(t, int64(1<<20), a.Purge(-1))
		s = a.Stats()
		require.Equal(t, s.InUse, s.Committed)
		require.LessOrEqual(t, s.Resident, int64(size/3+1<<20))
		require.Equal(t, int64(size), s.Purged)
		require.Zero(t, a.Purge(0))
		require.True(t, isFilled(keep.Bytes(), 1))
		again := acquire(t, a, size/a.PageSize())
		require.True(t, isFilled(again.Bytes(), 0))
		audit(t, a)
	})
}

// TestPurgeTakesTheColdest: what was released first goes first, and of one run the highest pages.
func TestPurgeTakesTheColdest(t *testing.T) {
	a := open(t, Config{})
	page := int64(a.PageSize())
	var runs []Run
	for range 3 {
		r := acquire(t, a, 10)
		fill(r, 1)
		runs = append(runs, r)
		acquire(t, a, 1)
	}
	for _, i := range []int{1, 2, 0} {
		a.Release(runs[i])
	}
	p := a.pieces[0]
	dirty := func(r Run) int { return int(p.dirty.count(r.first, r.first+r.pages)) }
	require.Equal(t, 4*page, a.Purge(26*page))
	require.Equal(t, []int{10, 6, 10}, []int{dirty(runs[0]), dirty(runs[1]), dirty(runs[2])})
	require.True(t, p.dirty.has(runs[1].first), "the lowest pages stay")
	require.Equal(t, 14*page, a.Purge(12*page))
	require.Equal(t, []int{10, 0, 2}, []int{dirty(runs[0]), dirty(runs[1]), dirty(runs[2])})
	audit(t, a)
}

// TestResidentPagesAreUsedFirst: a dirty hole is preferred to a clean one that fits better.
func TestResidentPagesAreUsedFirst(t *testing.T) {
	a := open(t, Config{})
	cold := acquire(t, a, 4)
	acquire(t, a, 1)
	warm := acquire(t, a, 8)
	acquire(t, a, 1)
	fill(cold, 1)
	fill(warm, 2)
	a.Release(cold)
	a.Purge(0)
	a.Release(warm)
	before := a.Stats().Committed
	r, err := a.AcquireUninitialized(4)
	require.NoError(t, err)
	require.Equal(t, warm.Base(), r.Base())
	require.Equal(t, before, a.Stats().Committed, "nothing new became resident")
	require.True(t, isFilled(r.Bytes(), 2), "old bytes shine through")
}

// TestTheDirtyEndIsTaken: of a free run that is longer than needed, the end with more resident pages is used.
func TestTheDirtyEndIsTaken(t *testing.T) {
	for _, dirtyFirst := range []bool{false, true} {
		a := open(t, Config{})
		low, high := acquire(t, a, 4), acquire(t, a, 4)
		acquire(t, a, 1)
		clean, dirty := low, high
		if dirtyFirst {
			clean, dirty = high, low
		}
		a.Release(clean)
		a.Purge(0)
		a.Release(dirty)
		require.Equal(t, 1, a.Stats().FreeRuns)
		r := acquire(t, a, 3)
		require.GreaterOrEqual(t, r.first, dirty.first)
		require.LessOrEqual(t, r.first+r.pages, dirty.first+dirty.pages)
		audit(t, a)
	}
}

// TestGrowAndShrinkDoesNotThrash alternates between two sizes and counts calls to the kernel and pages faulted again.
func TestGrowAndShrinkDoesNotThrash(t *testing.T) {
	for _, c := range []struct {
		name          string
		runs, pages   int
		scattered     bool
		rounds        int
		callsPerRound uint64
	}{
		{"one large run", 1, 4096, false, 64, 1},
		{"small runs, 2 MiB", 512, 1, false, 32, 1},
		{"small runs, 16 MiB", 4096, 1, false, 24, 16},
		{"scattered small runs, 16 MiB", 4096, 1, true, 24, 256},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, Config{})
			round := func() {
				var runs []Run
				for range c.runs {
					r, err := a.AcquireUninitialized(c.pages)
					require.NoError(t, err)
					runs = append(runs, r)
				}
				for i := range runs {
					if c.scattered {
						i = i * 1021 % len(runs)
					}
					a.Release(runs[i])
				}
			}
			round() // the high-water mark rises once
			s := a.Stats()
			for range c.rounds {
				round()
			}
			e := a.Stats()
			audit(t, a)
			require.LessOrEqual(t, e.Syscalls-s.Syscalls, c.callsPerRound*uint64(c.rounds))
			acquired := int64(c.rounds*c.runs*c.pages) << a.shift
			require.LessOrEqual(t, e.Purged-s.Purged, acquired/4, "most pages stay for the next round")
		})
	}
}

// TestRegretFades: what was kept because it was wanted again goes when it is not wanted any more.
func TestRegretFades(t *testing.T) {
	a := open(t, Config{})
	for range 10 {
		a.Release(acquire(t, a, 4*hotMost/a.PageSize()))
	}
	require.Greater(t, a.Stats().Committed, int64(hotMost), "four times as much was wanted again and again")
	small := acquire(t, a, 1)
	for range 6000 {
		a.Release(small)
		small = acquire(t, a, 512)
	}
	a.Release(small)
	require.LessOrEqual(t, a.Stats().Committed, int64(2*hotMost))
	for range 4 {
		a.Tick(EpochOps)
	}
	require.EqualValues(t, hotLeast, a.policy.hot, "nobody wanted it in four epochs")
	require.LessOrEqual(t, a.Stats().Committed, int64(2*hotLeast))
}

// TestCommittedStaysNearThePeak: a long random history never makes more resident than the rules allow.
func TestCommittedStaysNearThePeak(t *testing.T) {
	a := open(t, Config{})
	var runs []Run
	peak := int64(0)
	seed := uint64(88172645463325252)
	next := func(n uint64) int {
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		return int(seed % n)
	}
	for step := range 20000 {
		if grow := step/2000%2 == 0; next(10) < 3 != grow || len(runs) == 0 {
			r, err := a.AcquireUninitialized(1 + next(30))
			require.NoError(t, err)
			runs = append(runs, r)
		} else {
			i := next(uint64(len(runs)))
			a.Release(runs[i])
			runs[i] = runs[len(runs)-1]
			runs = runs[:len(runs)-1]
		}
		a.mu.Lock()
		peak = max(peak, a.bytesOf(a.inUse))
		committed, allowed := a.bytesOf(a.committed()), peak+peak/8+4*hotLeast
		a.mu.Unlock()
		require.LessOrEqual(t, committed, allowed)
	}
	audit(t, a)
}

// TestPeaksAreNotFreePages: where runs are wanted that do not fit what is free, free pages are given back before the
// resident memory grows to a new peak.
func TestPeaksAreNotFreePages(t *testing.T) {
	a := open(t, Config{Huge: HugeNever})
	small := (64 << 10) / a.PageSize()
	var odd []Run
	for i := range 256 { // 16 MiB, half of which comes back in pieces
		r := acquire(t, a, small)
		fill(r, 1)
		if i%2 == 1 {
			odd = append(odd, r)
		}
	}
	for _, r := range odd {
		a.Release(r)
	}
	s := a.Stats()
	free := s.Committed - s.InUse
	require.Greater(t, free, int64(4<<20), "within the window")
	peak := s.Committed
	for range 64 { // 8 MiB in pieces that do not fit
		fill(acquire(t, a, 2*small), 2)
		a.Tick(4 * callEvery) // pays for calls
	}
	s = a.Stats()
	require.Less(t, s.Committed-s.InUse, free/2)
	require.LessOrEqual(t, s.Committed, max(peak, s.InUse+2*max(s.InUse/flatPart, flatLeast)))
	require.Equal(t, s.Committed, a.PeakCommitted())
	audit(t, a)
}

// The same where a run is extended.
func TestPeaksOfExtendedRuns(t *testing.T) {
	a := open(t, Config{Huge: HugeNever})
	small := (64 << 10) / a.PageSize()
	var odd []Run
	for i := range 256 {
		r := acquire(t, a, small)
		fill(r, 1)
		if i%2 == 1 {
			odd = append(odd, r)
		}
	}
	grown := acquire(t, a, 2*small)
	for _, r := range odd {
		a.Release(r)
	}
	s := a.Stats()
	free := s.Committed - s.InUse
	for range 128 {
		a.Tick(4 * callEvery)
		r, ok := a.Extend(grown, grown.Pages()+small)
		if !ok { // the reserve behind it is not free
			break
		}
		grown = r
		fill(grown, 2)
	}
	s = a.Stats()
	require.GreaterOrEqual(t, grown.Pages(), 64*small)
	require.Less(t, s.Committed-s.InUse, free/2)
	require.GreaterOrEqual(t, a.PeakCommitted(), s.Committed)
	audit(t, a)
}
