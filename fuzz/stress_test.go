package fuzz

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/invariant"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/slab"
)

// rounds is how often a stress test does what it does; builds with checks are many times slower.
func rounds(n int) int {
	if testing.Short() || invariant.Enabled {
		return max(1, n/8)
	}
	return n
}

// gang runs f on n goroutines and returns what they say.
func gang(n int, f func(i int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = f(i)
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

// held is a block with a number in its first and last bytes.
type held struct {
	b  []byte
	id uint64
}

func newHeld(b []byte, id uint64) held {
	b = b[:cap(b)]
	binary.LittleEndian.PutUint64(b, id)
	binary.LittleEndian.PutUint64(b[len(b)-8:], id)
	return held{b, id}
}

func (h held) whole() error {
	if binary.LittleEndian.Uint64(h.b) != h.id && len(h.b) >= 16 || binary.LittleEndian.Uint64(h.b[len(h.b)-8:]) != h.id {
		return fmt.Errorf("block of %d bytes lost what was written to it", len(h.b))
	}
	return nil
}

// source is one of several ways to get and give blocks.
type source struct {
	get func(n int) ([]byte, error)
	put func([]byte)
}

// sources are an allocator, two of its tags and a lookaside, on one arena.
func sources(t *testing.T, src *arena.Arena) (all []source, heap *slab.Allocator, list *slab.Lookaside) {
	heap, err := slab.NewAllocator(src, slab.AllocatorConfig{Name: "heap"})
	require.NoError(t, err)
	list, err = slab.New(src, slab.Config{Name: "list", Size: 1500})
	require.NoError(t, err)
	one, two := heap.Tagged(slab.Tag{'o', 'n', 'e'}), heap.Tagged(slab.Tag{'t', 'w', 'o'})
	return []source{
		{heap.Alloc, heap.Free},
		{one.Alloc, one.Free},
		{two.AllocZeroed, two.Free},
		{func(int) ([]byte, error) { return list.Get() }, list.Put},
	}, heap, list
}

var errInjected = errors.New("injected refusal")

// The kernel refuses now and then, and a stranger takes and returns pages so that the limit is near, then far. Every
// refusal is ErrNoMemory with its cause, no block that is out is harmed, and when it is over everything can be had.
func TestRefusalsUnderLoad(t *testing.T) {
	seed := testkit.Seed(t)
	src, err := arena.Open(arena.Config{Name: "flapping", Reserve: 256 << 20, Limit: 1 << 20})
	require.NoError(t, err)
	all, heap, list := sources(t, src)
	var asked atomic.Uint64
	restore := sys.SetFault(func(op string) error {
		if op == "mincore" || asked.Add(1)%5 != 0 {
			return nil
		}
		return errInjected
	})
	defer restore()
	defer testkit.FlapProcs(4)()
	var refusals atomic.Int64
	worker := func(i int) error {
		rnd := testkit.Rand(seed, uint64(i))
		var mine [4][]held
		for step := range rounds(40_000) {
			s := rnd.IntN(len(all))
			if n := len(mine[s]); n > 0 && rnd.IntN(5) < 2 || n > 200 {
				j := rnd.IntN(n)
				if err := mine[s][j].whole(); err != nil {
					return err
				}
				all[s].put(mine[s][j].b)
				mine[s][j] = mine[s][n-1]
				mine[s] = mine[s][:n-1]
				continue
			}
			b, err := all[s].get(1 + rnd.IntN(1<<(3+rnd.IntN(14))))
			switch {
			case err == nil:
				mine[s] = append(mine[s], newHeld(b, uint64(i)<<32|uint64(step)))
			case !errors.Is(err, slab.ErrNoMemory), !errors.Is(err, arena.ErrLimit) && !errors.Is(err, errInjected):
				return err
			default:
				refusals.Add(1)
			}
		}
		for s := range mine {
			for _, h := range mine[s] {
				if err := h.whole(); err != nil {
					return err
				}
				all[s].put(h.b)
			}
		}
		return nil
	}
	hog := func() error { // lets the limit come near and go away
		for range rounds(400) {
			run, err := src.Acquire(1 + int(asked.Load()%200))
			switch {
			case err == nil:
				heap.Trim()
				src.Release(run)
			case !errors.Is(err, arena.ErrLimit) && !errors.Is(err, errInjected):
				return err
			}
		}
		return nil
	}
	require.NoError(t, gang(5, func(i int) error {
		if i == 4 {
			return hog()
		}
		return worker(i)
	}))
	restore()
	t.Logf("%d refusals", refusals.Load())
	require.Positive(t, refusals.Load(), "nothing was refused: the test does not test")
	require.NoError(t, errors.Join(heap.Audit(), list.Audit()))
	require.Zero(t, heap.Stats().Live)
	require.Zero(t, list.Stats().Live)
	heap.Trim()
	list.Trim()
	b, err := heap.Alloc(512 << 10)
	require.NoError(t, err, "after frees the next allocation works")
	heap.Free(b)
	require.NoError(t, errors.Join(heap.Close(), list.Close(), src.Close()))
}

// done tells whether an answer says that all is over.
func done(err error) bool {
	var e *slab.MisuseError
	return errors.Is(err, slab.ErrClosed) || errors.As(err, &e) && e.Kind == slab.UseAfterClose
}

// Close in the middle, from another goroutine: everybody learns of it, and what Close reports is exactly what they
// have in their hands then.
func TestCloseInTheMiddle(t *testing.T) {
	seed := testkit.Seed(t)
	for round := range rounds(40) {
		src, err := arena.Open(arena.Config{Name: "closing", Reserve: 256 << 20})
		require.NoError(t, err)
		heap, err := slab.NewAllocator(src, slab.AllocatorConfig{Name: "heap"})
		require.NoError(t, err)
		list, err := slab.New(src, slab.Config{Name: "list", Size: 300, Depth: slab.Depth{Min: 1, Max: 8}})
		require.NoError(t, err)
		var inHeap, inList, busy atomic.Int64
		var leaks [2]error
		err = gang(5, func(i int) error {
			rnd := testkit.Rand(seed+uint64(round), uint64(i))
			switch i {
			case 4:
				for n := rnd.Int64N(3000); busy.Load() < n; {
					runtime.Gosched()
				}
				leaks[0], leaks[1] = heap.Close(), list.Close()
				return nil
			case 3:
				return untilClosed(rnd, &inList, &busy, func(int) ([]byte, error) { return list.Get() }, list.Put)
			case 2:
				return batchesUntilClosed(rnd, heap, &inHeap, &busy)
			}
			return untilClosed(rnd, &inHeap, &busy, heap.Alloc, heap.Free)
		})
		require.NoError(t, err)
		for i, out := range []int64{inHeap.Load(), inList.Load()} {
			var e *slab.LeakError
			if out == 0 {
				require.NoError(t, leaks[i])
				continue
			}
			require.ErrorAs(t, leaks[i], &e)
			require.Equal(t, out, e.Blocks, "%v", e)
		}
		require.NoError(t, errors.Join(heap.Close(), list.Close(), src.Close()))
	}
}

// untilClosed gets and puts until all is over, and counts what it still has then.
func untilClosed(rnd *rand.Rand, out, busy *atomic.Int64, get func(int) ([]byte, error), put func([]byte)) error {
	var mine []held
	for {
		busy.Add(1)
		b, err := get(1 + rnd.IntN(1<<(3+rnd.IntN(15))))
		if err == nil {
			mine = append(mine, newHeld(b, rnd.Uint64()))
			if len(mine) < 100 && rnd.IntN(3) > 0 {
				continue
			}
			last := mine[len(mine)-1]
			if err = last.whole(); err == nil {
				err = testkit.Guarded(func() { put(last.b) })
			}
			if err == nil {
				mine = mine[:len(mine)-1]
			}
		}
		switch {
		case done(err):
			out.Add(int64(len(mine)))
			return nil
		case err != nil:
			return err
		}
	}
}

// batchesUntilClosed is the same in batches. A batch that Close overtakes is freed in part.
func batchesUntilClosed(rnd *rand.Rand, heap *slab.Allocator, out, busy *atomic.Int64) error {
	for {
		busy.Add(1)
		batch := make([][]byte, 1+rnd.IntN(60))
		n, err := heap.AllocBatch(batch, 1+rnd.IntN(3000))
		if err == nil {
			if err = testkit.Guarded(func() { heap.FreeBatch(batch) }); err == nil {
				continue
			}
		}
		if !done(err) {
			return err
		}
		out.Add(int64(n))
		return nil
	}
}

// A hundred lookasides come and go on one arena at once; nothing of them is left.
func TestManyLookasides(t *testing.T) {
	seed := testkit.Seed(t)
	src, err := arena.Open(arena.Config{Name: "crowd", Reserve: 1 << 30})
	require.NoError(t, err)
	defer testkit.FlapProcs(4)()
	require.NoError(t, gang(100, func(i int) error {
		rnd := testkit.Rand(seed, uint64(i))
		for round := range rounds(16) {
			l, err := slab.New(src, slab.Config{Name: fmt.Sprintf("list %d", i), Size: 8 + rnd.IntN(5000), Depth: slab.Depth{Max: 4 + rnd.IntN(60)}})
			if err != nil {
				return err
			}
			var mine []held
			for step := range 60 {
				b, err := l.Get()
				if err != nil {
					return err
				}
				mine = append(mine, newHeld(b, uint64(i)<<40|uint64(round)<<20|uint64(step)))
			}
			leak := rnd.IntN(10) == 0
			for j, h := range mine {
				if err := h.whole(); err != nil {
					return err
				}
				if !leak || j > 0 {
					l.Put(h.b)
				}
			}
			var e *slab.LeakError
			switch err := l.Close(); {
			case !leak && err != nil:
				return err
			case leak && !(errors.As(err, &e) && e.Blocks == 1 && e.Bytes == int64(l.Size())):
				return fmt.Errorf("one block of %d bytes is out, and Close says: %w", l.Size(), err)
			}
		}
		return nil
	}))
	require.NoError(t, src.Close())
}

// The same without leaks: the arena is empty afterwards.
func TestManyLookasidesLeaveNothing(t *testing.T) {
	src, err := arena.Open(arena.Config{Name: "crowd", Reserve: 1 << 30})
	require.NoError(t, err)
	require.NoError(t, gang(20, func(i int) error {
		for range rounds(40) {
			l, err := slab.New(src, slab.Config{Size: 64 << (i % 8)})
			if err != nil {
				return err
			}
			b, err := l.Get()
			if err != nil {
				return err
			}
			l.Put(b)
			if err := l.Close(); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Zero(t, src.Stats().InUse)
	require.NoError(t, src.Close())
}

// The arena is closed while everything on it is in use. Nobody touches a block's bytes, since those go away; all the
// same nobody may fault, and everybody learns that it is over. What writes, and what is larger than a class, is in
// TestArenaClosedUnderWriters.
func TestArenaClosedUnderLoad(t *testing.T) {
	seed := testkit.Seed(t)
	for round := range rounds(120) {
		src, err := arena.Open(arena.Config{Name: "vanishing", Reserve: 256 << 20})
		require.NoError(t, err)
		all, heap, list := sources(t, src)
		all[2] = source{heap.Alloc, heap.Free} // AllocZeroed writes
		var busy atomic.Int64
		require.NoError(t, gang(6, func(i int) error {
			rnd := testkit.Rand(seed+uint64(round), uint64(i))
			switch i {
			case 5:
				for n := rnd.Int64N(3000); busy.Load() < n; {
					runtime.Gosched()
				}
				return src.Close()
			case 4: // housekeeping, until it is over
				for {
					if _, err := heap.Alloc(0); errors.Is(err, slab.ErrClosed) {
						return nil
					}
					heap.Trim()
					list.Tune(time.Now())
					if s := list.Stats(); s.Depth < 1 {
						return fmt.Errorf("the account makes no sense: %+v", s)
					}
				}
			}
			var mine [][]byte
			for {
				busy.Add(1)
				b, err := all[i].get(1 + rnd.IntN(1<<(3+rnd.IntN(13))))
				if err == nil {
					if mine = append(mine, b); len(mine) < 100 && rnd.IntN(3) > 0 {
						continue
					}
					err = testkit.Guarded(func() { all[i].put(mine[0]) })
					mine = mine[1:]
				}
				switch {
				case done(err):
					return nil
				case err != nil:
					return err
				}
			}
		}))
		require.NoError(t, errors.Join(heap.Close(), list.Close(), src.Close()))
	}
}
