package mdl_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

func TestFlagsHaveNames(t *testing.T) {
	require.Equal(t, "0", mdl.Flags(0).String())
	require.Equal(t, "NoZero|FullyRequired", (mdl.FullyRequired | mdl.NoZero).String())
	require.Equal(t, "LocalNode|PreferContiguous|RequireContiguous|Flags(0x40)",
		(mdl.LocalNode | mdl.PreferContiguous | mdl.RequireContiguous | 0x40).String())
}

// Any number of bytes is rounded up to whole pages, zeroed, and all of them go
// back with the list.
func TestAllocatePages(t *testing.T) {
	a := openArena(t, arena.Config{})
	for _, bytes := range []int64{1, int64(page) - 1, int64(page), int64(page) + 1, 10 * int64(page)} {
		for flags := range mdl.Flags(0x40) {
			if flags&0x08 != 0 {
				continue
			}
			l, err := mdl.AllocatePages(a, bytes, flags)
			if flags&mdl.LocalNode != 0 && sys.NumNodes() > 1 {
				require.ErrorIs(t, err, mdl.ErrInvalid)
				continue
			}
			require.NoError(t, err, "%d bytes, %v", bytes, flags)
			want := (int(bytes) + page - 1) / page * page
			require.Equal(t, want, l.Len())
			require.False(t, l.Borrowed())
			require.EqualValues(t, want, a.Stats().InUse)
			got := make([]byte, want)
			require.NoError(t, l.CopyOut(0, got))
			if flags&mdl.NoZero == 0 {
				require.True(t, isZero(got), "%d bytes, %v", bytes, flags)
			}
			for f := range l.Pages() {
				require.Zero(t, f.Offset)
				require.Equal(t, page, f.Length)
			}
			for i := range got {
				got[i] = 0xee
			}
			require.NoError(t, l.CopyIn(0, got))
			l.Release()
			require.Zero(t, a.Stats().InUse)
		}
	}
}

func isZero(b []byte) bool { return bytes.Count(b, []byte{0}) == len(b) }

// What makes no sense is refused with the numbers, and nothing is taken.
func TestAllocatePagesInvalid(t *testing.T) {
	a := openArena(t, arena.Config{Reserve: int64(4 * page)})
	for _, c := range []struct {
		a     *arena.Arena
		bytes int64
		flags mdl.Flags
		text  string
	}{
		{nil, 1, 0, "mdl: allocate pages: 1 bytes, flags 0: no arena: invalid argument"},
		{a, 0, 0, "mdl: allocate pages: 0 bytes, flags 0: must be at least 1: invalid argument"},
		{a, -5, mdl.NoZero, "mdl: allocate pages: -5 bytes, flags NoZero: must be at least 1: invalid argument"},
		{a, math.MinInt64, 0, "mdl: allocate pages: -9223372036854775808 bytes, flags 0: must be at least 1: invalid argument"},
		{a, 1, 0x08, "mdl: allocate pages: 1 bytes, flags Flags(0x8): no such flag as Flags(0x8): invalid argument"},
		{a, 1, 1<<31 | 1, "mdl: allocate pages: 1 bytes, flags NoZero|Flags(0x80000000): no such flag as Flags(0x80000000): invalid argument"},
	} {
		l, err := mdl.AllocatePages(c.a, c.bytes, c.flags)
		require.Nil(t, l)
		require.ErrorIs(t, err, mdl.ErrInvalid)
		require.EqualError(t, err, c.text)
	}
	for _, flags := range []mdl.Flags{mdl.FullyRequired, mdl.FullyRequired | mdl.RequireContiguous, mdl.FullyRequired | mdl.PreferContiguous} {
		_, err := mdl.AllocatePages(a, math.MaxInt64, flags)
		require.ErrorIs(t, err, arena.ErrExhausted)
	}
	require.Zero(t, a.Stats().InUse)
}

// The limit makes lists shorter, or fail with everything given back, for each
// combination of flags.
func TestAllocatePagesAtTheLimit(t *testing.T) {
	for flags := range mdl.Flags(0x40) {
		if flags&(0x08|mdl.LocalNode) != 0 {
			continue
		}
		for used := range 9 {
			a := openArena(t, arena.Config{Reserve: int64(16 * page), Limit: int64(8 * page)})
			var held *mdl.List
			if used > 0 {
				var err error
				held, err = mdl.AllocatePages(a, int64(used*page), mdl.FullyRequired)
				require.NoError(t, err)
			}
			for want := 1; want < 12; want++ {
				left := 8 - used
				l, err := mdl.AllocatePages(a, int64(want*page), flags)
				switch {
				case want <= left:
					require.NoError(t, err, "%v", flags)
					require.Equal(t, want*page, l.Len(), "%v", flags)
				case left == 0 || flags&mdl.FullyRequired != 0:
					require.ErrorIs(t, err, arena.ErrLimit, "%v", flags)
					require.Contains(t, err.Error(), fmt.Sprintf("mdl: allocate pages: %d bytes, flags %v: ", want*page, flags))
					require.Nil(t, l)
				default:
					require.NoError(t, err, "%v", flags)
					require.Equal(t, left*page, l.Len(), "%v: shorter", flags)
				}
				if l != nil {
					if flags&mdl.RequireContiguous != 0 {
						require.Equal(t, 1, l.Segments())
					}
					l.Release()
				}
				require.EqualValues(t, used*page, a.Stats().InUse)
			}
			if held != nil {
				held.Release()
			}
		}
	}
}

// holes makes an arena all of whose pages were in use and whose free runs have
// the given lengths.
func holes(t testing.TB, lengths ...int) *arena.Arena {
	t.Helper()
	total := 1
	for _, n := range lengths {
		total += n + 1
	}
	a := openArena(t, arena.Config{Reserve: int64(total * page)})
	var fences, free []arena.Run
	take := func(n int) arena.Run {
		r, err := a.Acquire(n)
		require.NoError(t, err)
		return r
	}
	fences = append(fences, take(1))
	for _, n := range lengths {
		free = append(free, take(n))
		fences = append(fences, take(1))
	}
	for _, r := range free {
		a.Release(r)
	}
	t.Cleanup(func() {
		for _, r := range fences {
			a.Release(r)
		}
	})
	return a
}

func lengths(l *mdl.List) (n []int) {
	for p := range l.All() {
		n = append(n, len(p)/page)
	}
	return n
}

// Pages need not be adjacent: holes are used, the longest first; contiguity is
// asked for.
func TestAllocatePagesFromHoles(t *testing.T) {
	for _, c := range []struct {
		flags mdl.Flags
		want  int
		got   []int // nil: arena.ErrExhausted
	}{
		{0, 3, []int{3}},
		{0, 4, []int{4}},
		{0, 6, []int{4, 2}},
		{0, 9, []int{4, 3, 2}},
		{0, 10, []int{4, 3, 2, 1}},
		{0, 11, []int{4, 3, 2, 1}},
		{mdl.PreferContiguous, 4, []int{4}},
		{mdl.PreferContiguous, 7, []int{4, 3}},
		{mdl.FullyRequired, 10, []int{4, 3, 2, 1}},
		{mdl.FullyRequired, 11, nil},
		{mdl.FullyRequired | mdl.PreferContiguous, 11, nil},
		{mdl.RequireContiguous, 2, []int{2}},
		{mdl.RequireContiguous, 9, []int{4}},
		{mdl.RequireContiguous | mdl.FullyRequired, 4, []int{4}},
		{mdl.RequireContiguous | mdl.FullyRequired, 5, nil},
	} {
		a := holes(t, 2, 4, 1, 3)
		before := a.Stats().InUse
		l, err := mdl.AllocatePages(a, int64(c.want*page), c.flags)
		if c.got == nil {
			require.ErrorIs(t, err, arena.ErrExhausted, "%+v", c)
			require.Equal(t, before, a.Stats().InUse, "%+v: nothing is left", c)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.got, lengths(l), "%+v", c)
		b := make([]byte, l.Len())
		require.NoError(t, l.CopyOut(0, b))
		require.True(t, isZero(b))
		l.Release()
		require.Equal(t, before, a.Stats().InUse)
	}
}

// Without contiguity asked for, free pages are used before new ones; with it,
// new ones are.
func TestPreferContiguousLeavesHoles(t *testing.T) {
	a := openArena(t, arena.Config{Reserve: int64(100 * page)})
	var keep []arena.Run
	for i := range 20 {
		r, err := a.Acquire(1)
		require.NoError(t, err)
		if i%2 == 0 {
			keep = append(keep, r)
		} else {
			defer a.Release(r)
		}
	}
	for _, r := range keep {
		a.Release(r)
	}
	l, err := mdl.AllocatePages(a, int64(12*page), 0)
	require.NoError(t, err)
	require.Equal(t, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2}, lengths(l))
	l.Release()
	l, err = mdl.AllocatePages(a, int64(12*page), mdl.PreferContiguous)
	require.NoError(t, err)
	require.Equal(t, []int{12}, lengths(l))
	l.Release()
}

// A closed arena gives no pages.
func TestAllocatePagesOfAClosedArena(t *testing.T) {
	a, err := arena.Open(arena.Config{Reserve: 1 << 20})
	require.NoError(t, err)
	l, err := mdl.AllocatePages(a, 1, 0)
	require.NoError(t, err)
	require.NoError(t, a.Close())
	_, err = mdl.AllocatePages(a, 1, 0)
	require.ErrorIs(t, err, arena.ErrClosed)
	require.NotPanics(t, l.Release, "the arena has taken the pages back before")
}

// Parts of a list keep its pages, run by run.
func TestPagesGoWithTheirLastReference(t *testing.T) {
	a := holes(t, 2, 4)
	before := a.Stats().InUse
	l, err := mdl.AllocatePages(a, int64(6*page), mdl.FullyRequired)
	require.NoError(t, err)
	require.Equal(t, []int{4, 2}, lengths(l))
	objects := objectsOf(l)
	require.Equal(t, []int{1, 1}, refsOf(l), "the list has the only reference")
	last, err := l.Partial(5*page+7, 1)
	require.NoError(t, err)
	require.Equal(t, 2, objects[1].Refs())
	l.Release()
	require.Equal(t, before+int64(2*page), a.Stats().InUse, "the first run is free, the second is not")
	require.False(t, objects[0].Valid())
	_, ok := memory.From(objects[0].Object)
	require.False(t, ok)
	last.Release()
	require.Equal(t, before, a.Stats().InUse)
	require.ErrorIs(t, objects[1].Ref(), object.ErrDeleted)
}

// Whatever the kernel refuses, at whichever call, leaves nothing behind.
func TestAllocatePagesRefused(t *testing.T) {
	for _, flags := range []mdl.Flags{0, mdl.FullyRequired, mdl.PreferContiguous, mdl.RequireContiguous | mdl.FullyRequired} {
		for at := 0; ; at++ {
			a := openArena(t, arena.Config{Guard: true, Shared: true, Reserve: int64(4096 * page)})
			calls := 0
			stop := sys.SetFault(func(string) error {
				if calls++; calls > at {
					return errInjected
				}
				return nil
			})
			l, err := mdl.AllocatePages(a, int64(3000*page), flags)
			stop()
			if err == nil {
				l.Release()
			} else {
				require.ErrorIs(t, err, errInjected)
				require.ErrorIs(t, err, arena.ErrExhausted)
			}
			require.Zero(t, a.Stats().InUse, "flags %v, call %d", flags, at)
			if calls <= at {
				require.NoError(t, err)
				require.Positive(t, at, "something was refused")
				break
			}
		}
	}
}

// Up to 16 runs, AllocatePages and Release allocate nothing on the Go heap.
func TestAllocatePagesWithoutGarbage(t *testing.T) {
	if race.Enabled {
		t.Skip("race builds allocate")
	}
	a := openArena(t, arena.Config{})
	round := func() {
		l, err := mdl.AllocatePages(a, int64(16*page), 0)
		if err != nil {
			t.Fatal(err)
		}
		l.Release()
	}
	for range 5000 { // past the time that released lists wait
		round()
	}
	require.Zero(t, testing.AllocsPerRun(100, round))
}

func ExampleAllocatePages() {
	a, err := arena.Open(arena.Config{Limit: 64 << 10, Reserve: 1 << 20})
	if err != nil {
		panic(err)
	}
	defer a.Close()
	// More than the limit allows: best effort is a shorter list.
	l, err := mdl.AllocatePages(a, 100<<10, 0)
	fmt.Println(l.Len()>>10, "KiB", err)
	l.Release()
	_, err = mdl.AllocatePages(a, 100<<10, mdl.FullyRequired)
	fmt.Println(errors.Is(err, arena.ErrLimit))
	// Output:
	// 64 KiB <nil>
	// true
}
