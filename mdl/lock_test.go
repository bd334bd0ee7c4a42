package mdl_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// pagesList is a list of n pages of an arena of its own.
func pagesList(t testing.TB, n int) *mdl.List {
	t.Helper()
	onLinux(t)
	a := openArena(t, arena.Config{Name: t.Name()})
	l, err := mdl.AllocatePages(a, int64(n*page), mdl.FullyRequired|mdl.RequireContiguous)
	require.NoError(t, err)
	return l
}

// lockedPages is how many pages lists have locked, which the kernel must
// confirm, since no test here locks anything in another way.
func lockedPages(t testing.TB) int {
	t.Helper()
	require.Equal(t, lockedNow(t), mdl.LockedBytes())
	return int(mdl.LockedBytes()) / page
}

func TestLock(t *testing.T) {
	l := pagesList(t, 5)
	require.False(t, l.IsLocked())
	require.NoError(t, l.Lock())
	require.True(t, l.IsLocked())
	require.Equal(t, 5, lockedPages(t))
	unbalanced(t, "lock", l.Lock())
	require.Equal(t, 5, lockedPages(t))
	require.NoError(t, l.Unlock())
	require.False(t, l.IsLocked())
	require.Zero(t, lockedPages(t))
	unbalanced(t, "unlock", l.Unlock())
	require.NoError(t, l.Lock(), "and again")
	require.NoError(t, l.Unlock())
	l.Release()
	require.ErrorIs(t, l.Lock(), object.ErrDeleted)
	require.ErrorIs(t, l.Unlock(), object.ErrDeleted)
	require.Panics(t, func() { l.IsLocked() })

	empty := mdl.New()
	require.NoError(t, empty.Lock())
	unbalanced(t, "lock", empty.Lock())
	require.NoError(t, empty.Unlock())
	empty.Release()
}

// mlock does not nest, and these locks do: a page is locked until the last list
// that locked it lets go, in whatever order.
func TestLocksOfListsAddUp(t *testing.T) {
	for first := range 3 {
		l := pagesList(t, 4)
		same, err := l.Clone()
		require.NoError(t, err)
		middle, err := l.Partial(page+10, page)
		require.NoError(t, err)
		lists := []*mdl.List{l, same, middle}
		for _, x := range lists {
			require.NoError(t, x.Lock())
			require.Equal(t, 4, lockedPages(t))
		}
		for i := range lists {
			left := len(lists) - 1 - i
			require.NoError(t, lists[(first+i)%3].Unlock())
			want := 4
			if left == 0 {
				want = 0
			} else if left == 1 && (first+2)%3 == 2 {
				want = 2 // the part alone, which touches two pages
			}
			require.Equal(t, want, lockedPages(t), "first %d, %d left", first, left)
		}
		for _, x := range lists {
			x.Release()
		}
	}
}

// A part of a locked list is not locked itself; its pages are as long as the
// list's.
func TestPartsOfALockedList(t *testing.T) {
	l := pagesList(t, 3)
	require.NoError(t, l.Lock())
	part, err := l.Partial(page, page)
	require.NoError(t, err)
	require.False(t, part.IsLocked())
	unbalanced(t, "unlock", part.Unlock())
	require.NoError(t, part.Lock())
	require.NoError(t, l.Unlock())
	require.Equal(t, 1, lockedPages(t))
	l.Release()
	require.NoError(t, part.Unlock())
	part.Release()
	require.Zero(t, lockedPages(t))
}

// Releasing a locked list is misuse, found before anything has changed.
func TestReleaseOfALockedList(t *testing.T) {
	l := pagesList(t, 2)
	require.NoError(t, l.Lock())
	e := misuse(t, l.Release)
	require.Equal(t, mdl.MisuseError{Op: "release", Kind: slab.Unbalanced, List: "scatter list"}, *e)
	require.Equal(t, 2*page, l.Len())
	require.True(t, l.IsLocked())
	require.Equal(t, 2, lockedPages(t))
	require.NoError(t, l.Unlock())
	l.Release()
}

// The lock keeps the memory where it is, whatever the list does meanwhile.
func TestALockHoldsReferences(t *testing.T) {
	l := pagesList(t, 1)
	require.Equal(t, []int{1}, refsOf(l))
	require.NoError(t, l.Lock())
	require.Equal(t, []int{2}, refsOf(l))
	m := objectsOf(l)[0]
	require.NoError(t, l.Advance(page/2))
	require.True(t, m.Valid())
	require.NoError(t, l.Unlock())
	require.Equal(t, []int{1}, refsOf(l))
	l.Release()
	require.False(t, m.Valid())
}

// Advance unlocks whole pages as it passes them; what Retreat wins back is not
// locked.
func TestAdvanceUnlocks(t *testing.T) {
	l := pagesList(t, 4)
	require.NoError(t, l.Lock())
	for _, c := range []struct{ by, want int }{
		{0, 4}, {page - 1, 4}, {1, 3}, {page / 2, 3}, {-page / 2, 3}, {page / 2, 3}, {page / 2, 2}, {-page, 2}, {page, 2}, {page + 1, 1},
		{-1, 1}, {page - 1, 1}, {1, 0},
	} {
		if c.by < 0 {
			require.NoError(t, l.Retreat(-c.by))
		} else {
			require.NoError(t, l.Advance(c.by))
		}
		require.Equal(t, c.want, lockedPages(t), "%+v", c)
	}
	require.True(t, l.IsLocked())
	require.NoError(t, l.Unlock())
	l.Release()
}

// What is appended later is not locked, and a split leaves the lock with the
// list.
func TestLockIsOfTheListAsItWas(t *testing.T) {
	l := pagesList(t, 4)
	more := pagesList(t, 1)
	require.NoError(t, l.Lock())
	require.NoError(t, l.Append(objectsOf(more)[0], 0, page))
	require.Equal(t, 4, lockedPages(t))
	rest, err := l.Split(2 * page)
	require.NoError(t, err)
	require.False(t, rest.IsLocked())
	require.Equal(t, 4, lockedPages(t))
	rest.Release()
	require.Equal(t, 4, lockedPages(t))
	require.NoError(t, l.Unlock())
	require.Zero(t, lockedPages(t))
	l.Release()
	more.Release()
}

// Buffers of the Go heap can be locked too: the pages around them are.
func TestLockOfBorrowedBytes(t *testing.T) {
	onLinux(t)
	b := make([]byte, 3*page)
	l, err := mdl.Describe(b[1 : 2*page])
	require.NoError(t, err)
	m, err := memory.Wrap(b[2*page:])
	require.NoError(t, err)
	require.NoError(t, l.Append(m, 10, 20))
	require.NoError(t, l.Append(m, 12, 3))
	before := mdl.LockedBytes()
	require.NoError(t, l.Lock())
	require.GreaterOrEqual(t, mdl.LockedBytes()-before, int64(2*page))
	require.Equal(t, lockedNow(t), mdl.LockedBytes())
	require.NoError(t, l.Unlock())
	require.Equal(t, before, mdl.LockedBytes())
	l.Release()
	require.NoError(t, m.Delete())
}

// Locking in the steady state leaves no garbage.
func TestLockWithoutGarbage(t *testing.T) {
	if race.Enabled {
		t.Skip("race builds allocate")
	}
	l := pagesList(t, 3)
	require.Zero(t, testing.AllocsPerRun(200, func() {
		if l.Lock() != nil || l.Unlock() != nil {
			t.Fatal("lock")
		}
	}))
	l.Release()
}

func TestLockErrorText(t *testing.T) {
	e := &mdl.LockError{Want: 3, Locked: 2, Limit: 4, Err: errInjected}
	require.EqualError(t, e, "mdl: lock: 3 bytes besides 2 locked, the limit is 4: injected refusal")
	e.Limit = -1
	require.EqualError(t, e, "mdl: lock: 3 bytes besides 2 locked: injected refusal")
	require.ErrorIs(t, e, errInjected)
}

func TestFrames(t *testing.T) {
	l := pagesList(t, 3)
	// The second page was never touched.
	require.NoError(t, l.CopyIn(0, []byte{1}))
	require.NoError(t, l.CopyIn(2*page, []byte{1}))
	given := []uint64{7}
	got, err := l.Frames(given)
	if err != nil && !isResident(err) {
		require.ErrorIs(t, err, mdl.ErrNotPermitted)
		require.Equal(t, given, got)
		l.Release()
		t.Skip("the kernel hides frame numbers from this process")
	}
	if !race.Enabled { // the Go heap is touched where it was zeroed
		require.ErrorIs(t, err, mdl.ErrNotResident)
		require.EqualError(t, err, "mdl: frames: page 1 of 3 of segment 0: not in memory")
		require.Equal(t, given, got, "as it was")
	}
	require.NoError(t, l.Lock())
	got, err = l.Frames(given)
	require.NoError(t, err)
	require.Len(t, got, 4)
	require.Equal(t, uint64(7), got[0])
	require.NotEqual(t, got[1], got[2])
	// A page that two segments touch appears twice.
	two, err := l.Partial(page-1, 2)
	require.NoError(t, err)
	require.NoError(t, two.Append(objectsOf(l)[0], 5, 1))
	again, err := two.Frames(nil)
	require.NoError(t, err)
	require.Equal(t, []uint64{got[1], got[2], got[1]}, again)
	two.Release()
	require.NoError(t, l.Unlock())
	stop := sys.SetFault(func(op string) error {
		if op == "pagemap" {
			return errInjected
		}
		return nil
	})
	_, err = l.Frames(nil)
	stop()
	require.ErrorIs(t, err, errInjected)
	l.Release()
	_, err = l.Frames(nil)
	require.ErrorIs(t, err, object.ErrDeleted)
	empty := mdl.New()
	got, err = empty.Frames(given)
	require.NoError(t, err)
	require.Equal(t, given, got)
	empty.Release()
}

func isResident(err error) bool { return err == nil || errors.Is(err, mdl.ErrNotResident) }
