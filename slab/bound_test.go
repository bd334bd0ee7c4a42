package slab

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/statspage"
)

// parkedNow counts from scratch what every P and the rest park, in bytes, and
// compares what is claimed with the caches and reserves that there are. Nobody
// is inside an operation.
func (o *owner) parkedNow(t testing.TB) (ofP map[int]int64, all int64) {
	t.Helper()
	ofP = make(map[int]int64)
	claimed := int64(0)
	count := func(l *list, c *statspage.Cache) int64 {
		if c.Cap != 0 {
			claimed += l.claim()
		}
		return int64(parkedIn(c)+c.Kept) * int64(l.stride)
	}
	for _, l := range o.lists {
		l.mu.Lock()
		all += int64(l.depot.n) * int64(l.stride)
		require.LessOrEqual(t, l.depot.n, l.depotMax())
		o.eachPCache(l, func(id int, c *statspage.Cache) {
			n := count(l, c)
			ofP[id] += n
			all += n
			if rv := o.reserveOf(id, l); rv != nil {
				claimed += int64(rv.most) * int64(l.stride)
			}
		})
		o.localMu.Lock()
		for x := range o.locals {
			all += count(l, cacheAt(x.shard, uintptr(l.cache)))
		}
		o.localMu.Unlock()
		l.mu.Unlock()
	}
	require.Equal(t, claimed, o.room.now.Load(), "what is claimed")
	require.LessOrEqual(t, claimed, o.room.most)
	return ofP, all
}

func TestBoundsAreChecked(t *testing.T) {
	src := openArena(t, arena.Config{})
	for _, c := range []struct {
		cfg  AllocatorConfig
		text string
	}{
		{AllocatorConfig{Name: "a", MaxParkedPerP: -1}, `slab: new allocator "a": MaxParkedPerP -1: must be 0 or at least 1048576`},
		{AllocatorConfig{Name: "a", MaxParkedPerP: 1<<20 - 1}, "MaxParkedPerP 1048575: must be"},
		{AllocatorConfig{Name: "a", MaxParked: math.MinInt64}, "MaxParked -9223372036854775808: must be 0 or at least 1048576"},
		{AllocatorConfig{Name: "a", MaxParked: 1000}, "MaxParked 1000: must be"},
	} {
		_, err := NewAllocator(src, c.cfg)
		require.ErrorIs(t, err, ErrInvalid)
		require.ErrorContains(t, err, c.text)
	}
	for _, c := range []struct {
		cfg  Config
		text string
	}{
		{Config{Name: "l", Size: 64, MaxParked: -1}, `slab: new "l": MaxParked -1: must not be negative`},
		{Config{Name: "l", Size: 3000, MaxParked: 3000}, "MaxParked 3000: must be 0 or more than"},
	} {
		_, err := New(src, c.cfg)
		require.ErrorIs(t, err, ErrInvalid)
		require.ErrorContains(t, err, c.text)
	}
	l, err := New(src, Config{Size: MaxSize})
	require.NoError(t, err, "a block that is larger than the default")
	b, err := l.Get()
	require.NoError(t, err)
	l.Put(b)
	require.NoError(t, l.Close())
}

// TestRoomOfAP: what all classes together may park on one P stays within the
// bound, for every bound, and the default takes nothing from any class.
func TestRoomOfAP(t *testing.T) {
	for most := int64(MinMaxParkedPerP); most < 8<<20; most += most/7 + 1 {
		for _, each := range []int{0, 1, 1000, 16 << 10, 1 << 30} {
			cfg := AllocatorConfig{MaxParkedPerP: most, ParkedPerP: each}
			require.NoError(t, cfg.bounds())
			require.LessOrEqual(t, cfg.sum(cfg.perClass())+int64(cfg.reserveMost()), most)
		}
	}
	var cfg AllocatorConfig
	require.NoError(t, cfg.bounds())
	for i := range classTable {
		require.Equal(t, uint32(classTable[i].slots), cfg.deepest(i, cfg.perClass()))
	}
	require.Equal(t, reservePerP, cfg.reserveMost())
}

// TestParkedStaysWithinItsBounds lets goroutines on more Ps than there are
// processors allocate and free in bursts of every size, and counts what is
// parked whenever they rest.
func TestParkedStaysWithinItsBounds(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(6))
	rounds := 6
	if testing.Short() || raceEnabled {
		rounds = 3
	}
	for _, cfg := range []AllocatorConfig{
		{},
		{MaxParked: MinMaxParked},
		{MaxParkedPerP: MinMaxParkedPerP},
		{MaxParked: 3 << 20, MaxParkedPerP: 1500 << 10},
		{MaxParked: 8 << 20, ParkedPerP: 100},
	} {
		t.Run(fmt.Sprintf("all=%d/p=%d/class=%d", cfg.MaxParked, cfg.MaxParkedPerP, cfg.ParkedPerP), func(t *testing.T) {
			a, err := NewAllocator(openArena(t, arena.Config{}), cfg)
			require.NoError(t, err)
			for round := range rounds {
				var all sync.WaitGroup
				for g := range 12 {
					all.Go(func() { burst(t, a, rand.New(rand.NewPCG(uint64(round), uint64(g))), g%4 == 0) })
				}
				all.Wait()
				ofP, sum := a.parkedNow(t)
				require.LessOrEqual(t, sum, a.cfg.MaxParked)
				for id, n := range ofP {
					require.LessOrEqual(t, n, a.cfg.MaxParkedPerP, "P %d", id)
				}
				require.LessOrEqual(t, a.Stats().ParkedBytes, a.cfg.MaxParked)
				require.NoError(t, a.Audit())
				if round%3 == 2 {
					a.Tune(time.Time{})
					a.Trim()
					_, sum = a.parkedNow(t)
					require.Zero(t, sum, "nothing is parked after Trim, no Local being open")
				}
			}
			require.Zero(t, a.Stats().Live)
			require.NoError(t, a.Close())
		})
	}
}

// burst allocates blocks of a few sizes and frees them, some through a Local.
func burst(t testing.TB, a *Allocator, random *rand.Rand, local bool) {
	var from interface {
		Alloc(int) ([]byte, error)
		Free([]byte)
	} = a
	if local {
		own := a.NewLocal()
		defer func() { _ = own.Close() }()
		from = own
	}
	var out [][]byte
	turns := 20
	if raceEnabled {
		turns = 3
	}
	for range turns {
		size := 1 + random.IntN(maxSmall>>random.IntN(12))
		for range min(800, 1+(256<<10)/size) {
			b, err := from.Alloc(size)
			if err != nil {
				t.Error(err)
				return
			}
			b[0], b[size-1] = 1, 2
			out = append(out, b)
		}
		for _, b := range out[:len(out)*3/4] {
			from.Free(b)
		}
		out = append(out[:0], out[len(out)*3/4:]...)
	}
	for _, b := range out {
		a.Free(b)
	}
}

// TestLookasideParksWithinItsBound, where several Ps want more.
func TestLookasideParksWithinItsBound(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(6))
	for _, most := range []int64{3000, 64 << 10, 1 << 20, 0} {
		l := newLookaside(t, Config{Size: 1000, Depth: Depth{Max: 500}, MaxParked: most})
		var all sync.WaitGroup
		for range 12 {
			all.Go(func() {
				out := make([][]byte, 300)
				for range 30 {
					n, err := l.GetBatch(out)
					if err != nil {
						t.Error(err)
						return
					}
					for _, b := range out[:n] {
						l.Put(b)
					}
				}
			})
		}
		all.Wait()
		_, sum := l.parkedNow(t)
		require.LessOrEqual(t, sum, l.cfg.MaxParked)
		require.NoError(t, l.Audit())
	}
}

// TestWhoHasNoRoomStillWorks: a P without a cache goes to the list, and gets a
// cache when another class gives its room back.
func TestWhoHasNoRoomStillWorks(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	a, err := NewAllocator(openArena(t, arena.Config{}), AllocatorConfig{MaxParked: MinMaxParked})
	require.NoError(t, err)
	full := a.room.most - a.room.now.Load()
	require.True(t, a.room.take(full), "everything is claimed")
	require.False(t, a.room.take(1))
	var out [][]byte
	for range 1000 {
		out = append(out, mustAlloc(t, a, 100))
	}
	for _, b := range out {
		a.Free(b)
	}
	c := a.NewLocal()
	b := mustAlloc(t, c, 100)
	c.Free(b)
	s := a.Stats()
	require.Equal(t, []uint64{1001, 1001}, []uint64{s.Gets, s.Puts})
	require.Zero(t, s.Refills, "there was no cache")
	require.NoError(t, a.Audit())
	a.room.give(full)
	for range 100 {
		a.Free(mustAlloc(t, a, 100))
	}
	require.Positive(t, a.Stats().Refills)
	require.NoError(t, c.Close())
	a.parkedNow(t)
	require.NoError(t, a.Close())
}

// Trim takes the room of empty caches back where room is short: who had none
// gets some.
func TestTrimGivesRoomBack(t *testing.T) {
	a, err := NewAllocator(openArena(t, arena.Config{}), AllocatorConfig{MaxParked: MinMaxParked})
	require.NoError(t, err)
	for i := range classTable {
		b := mustAlloc(t, a, int(classTable[i].size))
		a.Free(b)
	}
	before := a.room.now.Load()
	require.True(t, a.room.short(), "%d of %d bytes are claimed", before, a.room.most)
	a.Trim()
	require.Less(t, a.room.now.Load(), before)
	require.False(t, a.room.short())
	require.NoError(t, a.Close())
}
