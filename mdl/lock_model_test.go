package mdl_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/slab"
)

// At whichever call the kernel refuses: the error has the numbers, nothing is
// left locked, no reference is left.
func TestLockRefused(t *testing.T) {
	l := pagesList(t, 9)
	// Every other page is locked by somebody else, so that each gap needs a call.
	others := mdl.New()
	for i := 1; i < 9; i += 2 {
		part, err := l.Partial(i*page, page)
		require.NoError(t, err)
		require.NoError(t, others.Append(objectsOf(part)[0], i*page, page))
		part.Release()
	}
	require.NoError(t, others.Lock())
	twice, err := l.Clone()
	require.NoError(t, err)
	require.NoError(t, twice.Append(objectsOf(l)[0], 0, 9*page))
	for name, x := range map[string]*mdl.List{"once": l, "twice": twice} {
		refs := refsOf(x)
		for at := range 5 {
			stop := refuse(t, "mlock", at)
			err := x.Lock()
			stop()
			var e *mdl.LockError
			require.ErrorAs(t, err, &e, "%s, call %d", name, at)
			require.ErrorIs(t, err, errInjected)
			require.NotErrorIs(t, err, mdl.ErrLockLimit, "that was not the reason")
			require.EqualValues(t, 5*page, e.Want)
			require.EqualValues(t, 4*page, e.Locked)
			require.Contains(t, err.Error(), "mdl: lock: 20480 bytes besides 16384 locked")
			require.False(t, x.IsLocked())
			require.Equal(t, 4, lockedPages(t))
			require.Equal(t, refs, refsOf(x))
		}
		stop := refuse(t, "mlock", 5)
		require.NoError(t, x.Lock(), "five gaps, five calls")
		stop()
		require.Equal(t, 9, lockedPages(t))
		require.NoError(t, x.Unlock())
		require.Equal(t, 4, lockedPages(t))
	}
	require.NoError(t, others.Unlock())
	for _, x := range []*mdl.List{l, others, twice} {
		x.Release()
	}
}

// A kernel that refuses to unlock is reported; the list is no longer locked.
func TestUnlockRefused(t *testing.T) {
	l := pagesList(t, 1)
	require.NoError(t, l.Lock())
	stop := refuse(t, "munlock", 0)
	require.ErrorIs(t, l.Unlock(), errInjected)
	stop()
	require.False(t, l.IsLocked())
	require.Zero(t, mdl.LockedBytes())
	require.NoError(t, l.Lock())
	require.NoError(t, l.Unlock(), "which puts it right")
	require.Zero(t, lockedPages(t))
	l.Release()
}

// An arena that is closed under a locked list takes its pages along: Unlock says
// so, and the pages count no more.
func TestUnlockAfterClose(t *testing.T) {
	onLinux(t)
	a, err := arena.Open(arena.Config{Reserve: 1 << 20})
	require.NoError(t, err)
	l, err := mdl.AllocatePages(a, 1, 0)
	require.NoError(t, err)
	require.NoError(t, l.Lock())
	mapped := a.Stats().Backing != "heap"
	require.NoError(t, a.Close())
	require.Equal(t, mapped, l.Unlock() != nil)
	require.Zero(t, mdl.LockedBytes())
	require.False(t, l.IsLocked())
	l.Release()
}

// Memory that is gone cannot be locked, and nothing else of the list is. (It is
// what MmProbeAndLockPages raises an access violation for.)
func TestLockOfMemoryThatIsGone(t *testing.T) {
	a, err := arena.Open(arena.Config{Reserve: 1 << 20})
	require.NoError(t, err)
	if a.Stats().Backing == "heap" {
		t.Skip("memory of the Go heap is never gone")
	}
	l := pagesList(t, 2)
	gone, err := mdl.AllocatePages(a, 1, 0)
	require.NoError(t, err)
	require.NoError(t, l.Append(objectsOf(gone)[0], 0, page))
	require.NoError(t, a.Close())
	refs := refsOf(l)
	err = l.Lock()
	var e *mdl.LockError
	require.ErrorAs(t, err, &e)
	require.EqualValues(t, 3*page, e.Want)
	require.False(t, l.IsLocked())
	require.Zero(t, lockedPages(t))
	require.Equal(t, refs, refsOf(l))
	gone.Release()
	l.Release()
}

// Lists of many goroutines lock the same pages.
func TestLockConcurrently(t *testing.T) {
	whole := pagesList(t, 6)
	var group sync.WaitGroup
	for g := range 4 {
		mine, err := whole.Partial(g*page/2, 3*page)
		require.NoError(t, err)
		group.Go(func() {
			for range 100 {
				if err := mine.Lock(); err != nil {
					t.Error(err)
				}
				if err := mine.Unlock(); err != nil {
					t.Error(err)
				}
			}
			mine.Release()
		})
	}
	group.Wait()
	require.Zero(t, lockedPages(t))
	whole.Release()
}

// Random lists over few pages lock, unlock, advance and go; after every step the
// pages locked are those of the lists that are locked.
func TestLocksAgainstAModel(t *testing.T) {
	const pages, lists = 12, 6
	whole := pagesList(t, pages)
	m := objectsOf(whole)[0]
	type part struct{ off, n int }
	type modelled struct {
		l      *mdl.List
		locked []part // as it was when it was locked, less what was passed
		parts  []part
	}
	rounds := 3000
	if testing.Short() || race.Enabled {
		rounds = 500
	}
	for seed := range uint64(3) {
		t.Logf("seed %d", seed)
		rnd := rand.New(rand.NewPCG(seed, 5))
		all := make([]*modelled, lists)
		for range rounds {
			i := rnd.IntN(lists)
			x := all[i]
			if x == nil {
				x = &modelled{l: mdl.New()}
				for range 1 + rnd.IntN(3) {
					off := rnd.IntN(pages * page)
					n := 1 + rnd.IntN(min(3*page, pages*page-off))
					require.NoError(t, x.l.Append(m, off, n))
					x.parts = append(x.parts, part{off, n})
				}
				all[i] = x
				continue
			}
			switch rnd.IntN(4) {
			case 0:
				err := x.l.Lock()
				if x.locked != nil {
					unbalanced(t, "lock", err)
				} else {
					require.NoError(t, err)
					x.locked = append([]part{}, x.parts...)
				}
			case 1:
				err := x.l.Unlock()
				if x.locked == nil {
					unbalanced(t, "unlock", err)
				} else {
					require.NoError(t, err)
					x.locked = nil
				}
			case 2:
				n := rnd.IntN(x.l.Len() + 1)
				require.NoError(t, x.l.Advance(n))
				for _, parts := range []*[]part{&x.parts, &x.locked} {
					for left := n; left > 0 && len(*parts) > 0; {
						k := min(left, (*parts)[0].n)
						(*parts)[0].off += k
						(*parts)[0].n -= k
						if left -= k; (*parts)[0].n == 0 {
							*parts = (*parts)[1:]
						}
					}
				}
			case 3:
				if x.locked != nil {
					require.Equal(t, slab.Unbalanced, misuse(t, x.l.Release).Kind)
				} else {
					x.l.Release()
					all[i] = nil
				}
			}
			want := map[int]bool{}
			for _, x := range all {
				if x == nil {
					continue
				}
				for _, p := range x.locked {
					for at := p.off / page; at <= (p.off+p.n-1)/page; at++ {
						want[at] = true
					}
				}
			}
			require.EqualValues(t, len(want)*page, mdl.LockedBytes())
		}
		require.Equal(t, int(mdl.LockedBytes())/page, lockedPages(t))
		for _, x := range all {
			if x != nil && x.locked != nil {
				require.NoError(t, x.l.Unlock())
			}
			if x != nil {
				x.l.Release()
			}
		}
		require.Zero(t, lockedPages(t))
	}
	whole.Release()
}
