package slab

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/percpu"
)

// parkedBy is how many bytes the P with this id has parked.
func parkedBy(a *Allocator, id int) (bytes int64) {
	if id < int(a.high.Load()) {
		for _, l := range a.lists {
			_, parked := a.doneBy(id, l)
			bytes += parked
		}
	}
	return bytes
}

// useTwoPs makes the second P park something, and leaves one P that runs.
func useTwoPs(t *testing.T, a *Allocator) {
	t.Helper()
	if percpu.Current() == percpu.Tokens {
		t.Skip("tokens have no Ps")
	}
	before := runtime.GOMAXPROCS(2)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	for try := 0; parkedBy(a, 1) < idleLeast; try++ {
		require.Less(t, try, 5000, "no goroutine ever came to the second P")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				var blocks [2000][]byte
				for i := range blocks {
					var err error
					if blocks[i], err = a.Alloc(i * 37 % 4096); err != nil {
						t.Error(err)
					}
				}
				a.FreeBatch(blocks[:])
			})
		}
		wg.Wait()
	}
	runtime.GOMAXPROCS(1)
}

// A P that works no more keeps nothing for long, while others work.
func TestIdlePsGiveBack(t *testing.T) {
	a := newAllocator(t)
	useTwoPs(t, a)
	idle := parkedBy(a, 1)
	require.NoError(t, a.Audit())
	few := make([][]byte, 2048)
	work := func(ops uint64) {
		for begun := slowOps(a); slowOps(a)-begun < ops; {
			n, err := a.AllocBatch(few, 64)
			require.NoError(t, err)
			a.FreeBatch(few[:n])
		}
	}
	work(3 * arena.EpochOps)
	require.Less(t, parkedBy(a, 1), int64(idleLeast), "it had %d bytes", idle)
	require.NoError(t, a.Audit())

	// Who works is left alone: its blocks are where they were.
	work(100)
	before := slowOps(a)
	a.tidy()
	work(10)
	parked := parkedBy(a, 0)
	a.tidy()
	require.Equal(t, parked, parkedBy(a, 0), "after %d slow operations", slowOps(a)-before)
	a.tidy()
	require.Less(t, parkedBy(a, 0), int64(idleLeast), "nothing happened between two calls: idle")
	require.NoError(t, a.Audit())
}

// A new peak of resident memory is not made of what a P has parked that did
// nothing since the last one; who works keeps what he needs.
func TestIdlePsGiveBackAtPeaks(t *testing.T) {
	a := newAllocator(t)
	useTwoPs(t, a)
	require.GreaterOrEqual(t, parkedBy(a, 1), int64(idleLeast))
	work := func() { a.Free(mustAlloc(t, a, 100)) }
	a.peak.Store(1) // as if there were a new one, of which what is parked is much
	a.yield()       // takes note of slow operations
	work()
	a.leave() // and of all
	work()
	mine := parkedBy(a, 0)
	a.leave()
	require.Zero(t, parkedBy(a, 1))
	require.Equal(t, mine, parkedBy(a, 0), "it worked in between")
	require.NoError(t, a.Audit())

	useTwoPs(t, a)
	a.leave()
	a.peak.Store(64 * idlePart << 20)
	for range 3 {
		work()
		a.leave()
	}
	require.GreaterOrEqual(t, parkedBy(a, 1), int64(idleLeast), "little, beside what there is")
	require.NoError(t, a.Audit())
}
