package arena

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLimit(t *testing.T) {
	page := int64(pageSize())
	eachVariant(t, Config{Name: "limited", Limit: 100 * page}, func(t *testing.T, cfg Config) {
		a := open(t, cfg)
		var runs []Run
		for range 10 {
			r := acquire(t, a, 10)
			fill(r, 0xA5)
			runs = append(runs, r)
		}
		_, err := a.Acquire(1)
		require.ErrorIs(t, err, ErrLimit)
		require.NotErrorIs(t, err, ErrExhausted)
		for _, r := range runs {
			require.True(t, isFilled(r.Bytes(), 0xA5), "what was handed out stays valid")
		}
		// Free pages are resident and fragmented: 50 of them in ten-page holes cannot serve a run of 40.
		for i := 0; i < len(runs); i += 2 {
			a.Release(runs[i])
		}
		require.Equal(t, 100*page, a.Stats().Committed)
		r := acquire(t, a, 40)
		require.True(t, isFilled(r.Bytes(), 0))
		s := a.Stats()
		require.Equal(t, 90*page, s.InUse)
		require.LessOrEqual(t, s.Committed, 100*page)
		require.GreaterOrEqual(t, s.Purged, 40*page, "free pages were given back before refusing")
		_, err = a.Acquire(11)
		require.ErrorIs(t, err, ErrLimit)
		acquire(t, a, 10)
		audit(t, a)
	})
}

func TestExhausted(t *testing.T) {
	page := int64(pageSize())
	eachVariant(t, Config{Name: "small", Reserve: 64 * page}, func(t *testing.T, cfg Config) {
		a := open(t, cfg)
		_, err := a.Acquire(65)
		require.ErrorIs(t, err, ErrExhausted)
		var runs []Run
		for {
			r, err := a.Acquire(3)
			if err != nil {
				require.ErrorIs(t, err, ErrExhausted)
				break
			}
			fill(r, 1)
			runs = append(runs, r)
		}
		require.Len(t, runs, 64/int(3+a.extra))
		for _, r := range runs {
			require.True(t, isFilled(r.Bytes(), 1))
			a.Release(r)
		}
		r := acquire(t, a, 64-int(a.extra))
		require.True(t, isFilled(r.Bytes(), 0), "everything coalesced, and reads zero")
		audit(t, a)
		a.Release(r)
		audit(t, a)
	})
}

// TestCoalescing releases neighbours in all orders; one free run must remain each time.
func TestCoalescing(t *testing.T) {
	orders := [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {0, 2, 1, 3}, {1, 3, 0, 2}, {2, 0, 3, 1}, {0, 3, 1, 2}}
	for _, order := range orders {
		a := open(t, Config{})
		var runs []Run
		for range 5 {
			runs = append(runs, acquire(t, a, 7))
		}
		for _, i := range order {
			a.Release(runs[i])
			audit(t, a)
		}
		require.Equal(t, 1, a.Stats().FreeRuns)
		r := acquire(t, a, 28)
		require.Equal(t, runs[0].Base(), r.Base())
	}
}

// TestBestFit: the smallest hole that is long enough, the lowest among equals.
func TestBestFit(t *testing.T) {
	a := open(t, Config{})
	holes := []int{9, 4, 6, 4, 30}
	var runs []Run
	for _, n := range holes {
		runs = append(runs, acquire(t, a, n))
		acquire(t, a, 1) // keeps the holes apart
	}
	for _, r := range runs {
		a.Release(r)
	}
	for _, c := range []struct{ pages, hole int }{{4, 1}, {3, 3}, {5, 2}, {7, 0}, {11, 4}} {
		require.Equal(t, runs[c.hole].Base(), acquire(t, a, c.pages).Base(), "%d pages", c.pages)
	}
	audit(t, a)
}

func TestAlignedRunsLeaveNoHoles(t *testing.T) {
	a := open(t, Config{})
	var runs []Run
	for _, to := range []int{1, 2, 16, 512, 4, 1024} {
		r, err := a.AcquireAligned(3, to*a.PageSize())
		require.NoError(t, err)
		require.Zero(t, r.addr()%uintptr(to*a.PageSize()))
		runs = append(runs, r)
		audit(t, a)
	}
	for _, r := range runs {
		a.Release(r)
	}
	require.Equal(t, a.Stats().Pieces, a.Stats().FreeRuns)
}

func TestExtend(t *testing.T) {
	page := int64(pageSize())
	eachVariant(t, Config{Limit: 64 * page}, func(t *testing.T, cfg Config) {
		a := open(t, cfg)
		first := acquire(t, a, 4)
		fill(first, 1)
		same, ok := a.Extend(first, 4)
		require.True(t, ok)
		require.Equal(t, first, same)
		_, ok = a.Extend(first, 3)
		require.False(t, ok, "Extend does not shrink")
		grown, ok := a.Extend(first, 10)
		require.True(t, ok, "into pages that nobody had")
		require.Equal(t, first.Base(), grown.Base())
		behind := acquire(t, a, 5)
		fill(behind, 2)
		_, ok = a.Extend(grown, 11)
		require.False(t, ok, "the pages behind are in use")
		a.Release(behind)
		grown, ok = a.Extend(grown, 30)
		require.True(t, ok, "over released pages and the high-water mark")
		require.True(t, isFilled(grown.Bytes()[4*page:], 0))
		require.True(t, isFilled(grown.Bytes()[:4*page], 1))
		_, ok = a.Extend(grown, 65)
		require.False(t, ok, "the limit")
		audit(t, a)
		a.Release(grown)
		var misuse *MisuseError
		requireMisuse(t, &misuse, func() { a.Extend(grown, 40) })
		require.Equal(t, NotInUse, misuse.Kind)
		require.Equal(t, "extend", misuse.Op)
	})
}

func TestMisuse(t *testing.T) {
	a, b := open(t, Config{Name: "one"}), open(t, Config{Name: "two"})
	r := acquire(t, a, 2)
	var e *MisuseError
	requireMisuse(t, &e, func() { b.Release(r) })
	require.Equal(t, Foreign, e.Kind)
	requireMisuse(t, &e, func() { a.Release(Run{}) })
	require.Equal(t, MisuseError{Op: "release", Kind: Foreign, Arena: "one"}, *e)
	require.EqualError(t, e, `arena: release: run of 0 pages at 0x0 in "one": the run is not this arena's`)
	a.Release(r)
	requireMisuse(t, &e, func() { a.Release(r) })
	require.Equal(t, NotInUse, e.Kind)
	again := acquire(t, a, 2)
	require.Equal(t, r.Base(), again.Base())
	requireMisuse(t, &e, func() { a.Release(r) })
	require.Equal(t, NotInUse, e.Kind, "the same pages, but another run")
	require.NoError(t, a.Close())
	requireMisuse(t, &e, func() { a.Release(again) })
	require.Equal(t, AfterClose, e.Kind)
	require.Equal(t, 2, e.Pages)
	var asError error = e
	require.True(t, errors.As(asError, &e))
}

// TestSteadyStateAllocatesNothing: acquiring, growing and releasing costs the Go heap nothing once the tables are there.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	a := open(t, Config{})
	a.Release(acquire(t, a, 64))
	require.Zero(t, testing.AllocsPerRun(200, func() {
		r, err := a.Acquire(10)
		if err != nil {
			panic(err)
		}
		r, _ = a.Extend(r, 20)
		q, err := a.AcquireUninitialized(3)
		if err != nil {
			panic(err)
		}
		a.Release(r)
		a.Release(q)
	}))
}

// TestLargestReserve: page numbers, table and bitsets of the largest arena hold together.
func TestLargestReserve(t *testing.T) {
	if heapOnly {
		t.Skip("a heap-backed arena has no large reserve")
	}
	a := open(t, Config{Reserve: MaxReserve})
	r := acquire(t, a, 2)
	fill(r, 1)
	a.Release(r)
	if s := a.Stats(); !s.Piecewise && s.Backing != "heap" {
		all, err := a.AcquireUninitialized(int(s.Reserved >> a.shift))
		require.NoError(t, err)
		b := all.Bytes()
		b[len(b)-1] = 1
		place, ok := a.Locate(b[len(b)-1:])
		require.True(t, ok)
		require.Equal(t, int64(MaxReserve)>>a.shift-1, place.Page)
		require.Equal(t, len(b)>>a.shift, place.RunPages)
		_, err = a.Acquire(1)
		require.ErrorIs(t, err, ErrExhausted)
	}
}
