package mdl_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/slab"
)

// Mapping in a loop uses the same addresses again and again: the process has no
// more mappings afterwards than after the first time.
func TestMapInALoop(t *testing.T) {
	a := sharedArena(t)
	lists := []*mdl.List{scattered(t, a, 1), scattered(t, a, 5), scattered(t, a, 16)}
	var first int
	seen := map[*byte]bool{}
	for round := range 300 {
		for _, l := range lists {
			v, err := l.Map()
			require.NoError(t, err)
			seen[&v[0]] = true
		}
		for _, l := range lists {
			require.NoError(t, l.Unmap())
		}
		if round == 0 {
			first = mappingsOf(t)
		}
	}
	// The Go runtime may map something for itself meanwhile; 900 mappings of ours would not hide behind that.
	require.Less(t, mappingsOf(t), first+20)
	require.LessOrEqual(t, len(seen), 64)
	s := mdl.Mappings()
	require.LessOrEqual(t, s.Idle, 64)
	require.Positive(t, s.IdleBytes)
	for _, l := range lists {
		l.Release()
	}
}

// More idle ranges than are kept, and ranges too large to keep, go back to the
// kernel.
func TestManyAndLargeMappings(t *testing.T) {
	a := openArena(t, arena.Config{Shared: true, Reserve: 128 << 20})
	if _, ok := a.Fd(); !ok {
		t.Skip("arenas have no memory file here")
	}
	held := sys.Held()
	large, err := mdl.AllocatePages(a, 80<<20, mdl.FullyRequired|mdl.RequireContiguous)
	require.NoError(t, err)
	v, err := large.Map()
	require.NoError(t, err)
	v[80<<20-1] = 1
	require.Equal(t, byte(1), objectsOf(large)[0].Bytes()[80<<20-1])
	require.Equal(t, held+80<<20, sys.Held())
	require.NoError(t, large.Unmap())
	require.Equal(t, held, sys.Held())
	large.Release()

	one := scattered(t, a, 1)
	var lists []*mdl.List
	for range 100 {
		l, err := one.Clone()
		require.NoError(t, err)
		_, err = l.Map()
		require.NoError(t, err)
		lists = append(lists, l)
	}
	for _, l := range lists {
		l.Release()
	}
	s := mdl.Mappings()
	require.LessOrEqual(t, s.Idle, 64)
	one.Release()
}

// At whichever call the kernel refuses, nothing is left of the attempt.
func TestMapRefused(t *testing.T) {
	a := sharedArena(t)
	l := scattered(t, a, 6)
	views := mdl.Mappings().Views
	refs := refsOf(l)
	for at := range 6 {
		stop := refuse(t, "mapat", at)
		_, err := l.Map()
		stop()
		var e *mdl.MapError
		require.ErrorAs(t, err, &e)
		require.ErrorIs(t, err, errInjected)
		require.ErrorIs(t, err, mdl.ErrCannotMap)
		require.Equal(t, mdl.Refused, e.Reason)
		require.Equal(t, at, e.Segment)
		require.Equal(t, refs, refsOf(l))
		require.False(t, l.IsMapped())
		require.Equal(t, views, mdl.Mappings().Views)
	}
	// No addresses: all idle ranges of this size are taken first.
	var taken []*mdl.List
	var err error
	for err == nil {
		x, e := l.Clone()
		require.NoError(t, e)
		stop := refuse(t, "reserve", 0)
		_, err = x.Map()
		stop()
		taken = append(taken, x)
	}
	var e *mdl.MapError
	require.ErrorAs(t, err, &e)
	require.Equal(t, mdl.NoAddresses, e.Reason)
	require.ErrorIs(t, err, errInjected)
	for _, x := range taken {
		x.Release()
	}
	require.Equal(t, refs, refsOf(l))
	// A range that cannot be emptied in place is given back.
	held := sys.Held()
	_, err = l.Map()
	require.NoError(t, err)
	stop := refuse(t, "vacate", 0)
	require.NoError(t, l.Unmap())
	stop()
	require.Less(t, sys.Held(), held+1)
	require.Equal(t, views, mdl.Mappings().Views)
	l.Release()
}

// Locks and mappings are independent: either may come and go while the other is
// there. (MmUnlockPages takes the mapping away, because it would not hold the
// pages; ours does.)
func TestLockAndMap(t *testing.T) {
	a := sharedArena(t)
	l := scattered(t, a, 3)
	require.False(t, l.IsLocked(), "AllocatePages locks nothing")
	require.NoError(t, l.Lock())
	v, err := l.Map()
	require.NoError(t, err)
	require.Equal(t, 3, lockedPages(t), "the pages, not the addresses")
	require.NoError(t, l.Unlock())
	require.Zero(t, lockedPages(t))
	v[0] = 77
	require.Equal(t, byte(77), flat(t, l)[0])
	require.NoError(t, l.Lock(), "mapped lists can be locked")
	require.NoError(t, l.Unmap())
	require.True(t, l.IsLocked())
	require.NoError(t, l.Unlock())
	l.Release()
}

// A part of a mapped list is not mapped, and can be, by itself; each is unmapped
// by itself. (IoBuildPartialMdl shares the source's mapping.)
func TestPartsOfAMappedList(t *testing.T) {
	a := sharedArena(t)
	l := scattered(t, a, 3)
	v, err := l.Map()
	require.NoError(t, err)
	part, err := l.Partial(page, page)
	require.NoError(t, err)
	require.False(t, part.IsMapped())
	unbalanced(t, "unmap", part.Unmap())
	w, err := part.Map()
	require.NoError(t, err)
	require.NotSame(t, &v[page], &w[0])
	w[9] = 9
	require.Equal(t, byte(9), v[page+9])
	l.Release()
	require.Equal(t, byte(9), w[9])
	part.Release()
}

// Objects of an allocator over a Shared arena can be mapped where they are whole
// pages, whatever else the arena does.
func TestMapOfAllocatedObjects(t *testing.T) {
	for _, guard := range []bool{false, true} {
		a, err := arena.Open(arena.Config{Shared: true, Guard: guard, Reserve: 64 << 20})
		require.NoError(t, err)
		if _, ok := a.Fd(); !ok {
			require.NoError(t, a.Close())
			t.Skip("arenas have no memory file here")
		}
		blocks, err := slab.NewAllocator(a, slab.AllocatorConfig{})
		require.NoError(t, err)
		l := mdl.New()
		for i := range 30 {
			size := page << (i * 7 % 4)
			m, err := memory.New(blocks, size)
			require.NoError(t, err)
			require.NoError(t, m.CopyIn(size/2, []byte{byte(i)}))
			if i%3 == 0 {
				require.NoError(t, m.Delete())
				continue
			}
			require.NoError(t, l.AppendOwned(m))
		}
		v, err := l.Map()
		require.NoError(t, err)
		require.True(t, bytes.Equal(flat(t, l), v))
		v[len(v)-1] = 99
		require.True(t, bytes.Equal(flat(t, l), v))
		l.Release()
		require.NoError(t, blocks.Close())
		require.NoError(t, a.Close())
	}
}

// A mapping outlives its arena's Close, and so does nothing else.
func TestMapAfterClose(t *testing.T) {
	a, err := arena.Open(arena.Config{Shared: true, Reserve: 1 << 20})
	require.NoError(t, err)
	if _, ok := a.Fd(); !ok {
		require.NoError(t, a.Close())
		t.Skip("arenas have no memory file here")
	}
	l, err := mdl.AllocatePages(a, 1, 0)
	require.NoError(t, err)
	v, err := l.Map()
	require.NoError(t, err)
	v[7] = 7
	other, err := l.Clone()
	require.NoError(t, err)
	require.NoError(t, a.Close())
	require.Equal(t, byte(7), v[7])
	_, err = other.Map()
	var e *mdl.MapError
	require.ErrorAs(t, err, &e)
	require.Equal(t, mdl.NotShared, e.Reason)
	other.Release()
	l.Release()
}

// Random lists of whole pages, mapped, written on both sides.
func TestMapAgainstAModel(t *testing.T) {
	a := sharedArena(t)
	const pages = 24
	all := scattered(t, a, pages)
	objects := objectsOf(all)
	rounds := 100
	if testing.Short() {
		rounds = 30
	}
	for seed := range uint64(rounds) {
		rnd := rand.New(rand.NewPCG(seed, 8))
		l := mdl.New()
		n := 1 + rnd.IntN(20)
		for i := range n {
			k := rnd.IntN(pages)
			off, size := (pages-1-k)*page, page
			if i == 0 {
				cut := rnd.IntN(page)
				off, size = off+cut, size-cut
			}
			if i == n-1 {
				size = 1 + rnd.IntN(size)
			}
			require.NoError(t, l.Append(objects[k], off, size))
		}
		v, err := l.Map()
		require.NoError(t, err, "seed %d", seed)
		for range 20 {
			at, mark := rnd.IntN(len(v)), byte(rnd.Uint32())
			if rnd.IntN(2) == 0 {
				v[at] = mark
			} else {
				require.NoError(t, l.CopyIn(at, []byte{mark}))
			}
			require.Equal(t, mark, v[at], "seed %d", seed)
			require.True(t, bytes.Equal(flat(t, l), v), "seed %d", seed)
		}
		if rnd.IntN(2) == 0 {
			require.NoError(t, l.Unmap())
		}
		l.Release()
	}
	all.Release()
}

// Lists of many goroutines map at once.
func TestMapConcurrently(t *testing.T) {
	a := sharedArena(t)
	l := scattered(t, a, 4)
	views := mdl.Mappings().Views
	var group sync.WaitGroup
	for g := range 4 {
		mine, err := l.Clone()
		require.NoError(t, err)
		group.Go(func() {
			defer mine.Release()
			for range 100 {
				v, err := mine.Map()
				if err != nil {
					t.Error(err)
					return
				}
				v[g] = byte(g)
				if v[3*page] != 0 || v[page] != 2 {
					t.Error("not the list's bytes")
				}
				if err := mine.Unmap(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, views, mdl.Mappings().Views)
	l.Release()
}

// Mapping in the steady state leaves no garbage.
func TestMapWithoutGarbage(t *testing.T) {
	a := sharedArena(t)
	l := scattered(t, a, 16)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := l.Map(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Protect(mdl.ReadOnly), l.Unmap()); err != nil {
			t.Fatal(err)
		}
	}))
	l.Release()
}
