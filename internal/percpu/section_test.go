package percpu

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
)

// counter is what belongs to one id: plain words, written by whoever is in a section with that id, and by a caller of
// Barrier while they are marked.
type counter struct {
	// Publishes: that the plain words are the marker's now, or again the sections'. Pairs with: itself, in a section.
	marked atomic.Uint32
	n      uint64
	idle   uint64 // means nothing
	_      [104]byte
	twin   uint64 // always equal to n outside sections
	_      [120]byte
}

// counters has more of them than any test has ids.
type counters [256]counter

// add enters a section by every way that the mode has and adds one to that id's counter. It returns false when the
// counter was marked.
func (cs *counters) add(byID bool) bool {
	if byID {
		return cs.addByID()
	}
	id := Pin()
	ok := cs[id].add()
	Unpin(id)
	return ok
}

//go:nosplit
//go:noinline
func (cs *counters) addByID() bool {
	id := ID()
	return uint(id) < uint(len(cs)) && cs[id].add()
}

// add is wide: it leaves time for another to come between the load and the store.
//
//go:nosplit
func (c *counter) add() bool {
	if c.marked.Load() != 0 {
		return false
	}
	n := c.n
	c.twin++
	x := n
	for range 100 {
		x = x*5 + n
	}
	c.idle = x
	c.n = n + 1
	return true
}

// disturb collects garbage and changes GOMAXPROCS between 1 and 8 until stop is closed.
func disturb(stop chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		runtime.GOMAXPROCS(1 + i*5%8)
		if i%4 == 0 {
			runtime.GC()
		}
		time.Sleep(500 * time.Microsecond)
	}
}

// breathe lets others run, the disturber above all, now and then: without it a goroutine would keep its P for ten
// milliseconds, and a test with GOMAXPROCS at 1 would stay there.
func breathe(i int) {
	if i%512 == 0 {
		runtime.Gosched()
	}
}

// underDisturbance runs work in several goroutines at once, disturbed, and returns when all are done.
func underDisturbance(t *testing.T, goroutines int, work func(who int)) {
	before := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	stop := make(chan struct{})
	var disturber, workers sync.WaitGroup
	disturber.Go(func() { disturb(stop) })
	for who := range goroutines {
		workers.Go(func() { work(who) })
	}
	workers.Wait()
	close(stop)
	disturber.Wait()
}

// ways returns the ways of entering a section: in mode Unpreemptible both, mixed.
func ways(i int) (byID bool) { return Current() == Unpreemptible && i%4 != 0 }

// rounds returns how often to do what takes about a second when it is done n times: n, fewer where that is dear.
func rounds(t *testing.T, n int) int {
	if testing.Short() || race.Enabled {
		return n / 10
	}
	return n
}

// TestSectionsExclude adds to plain counters from many goroutines: one addition lost means that two of them were in
// sections with one id at the same time.
func TestSectionsExclude(t *testing.T) {
	var cs counters
	each := rounds(t, 600_000)
	const goroutines = 16
	underDisturbance(t, goroutines, func(int) {
		for i := range each {
			if !cs.add(ways(i)) {
				panic("a section was refused")
			}
			breathe(i)
		}
	})
	var n uint64
	for i := range cs {
		require.Equal(t, cs[i].n, cs[i].twin, "id %d", i)
		n += cs[i].n
	}
	require.Equal(t, uint64(goroutines*each), n)
}

// TestBarrierReachesEveryID marks all counters, waits for Barrier, and then treats them as its own, again and again,
// while the sections go on: none may be seen half done, and no addition may be lost on either side.
func TestBarrierReachesEveryID(t *testing.T) {
	var cs counters
	var refused, added, atWork atomic.Uint64
	each := rounds(t, 50_000)
	const goroutines = 8
	atWork.Store(goroutines)
	underDisturbance(t, goroutines+1, func(who int) {
		if who != 0 {
			for i := 0; i < each; {
				if cs.add(ways(i)) {
					i++
				} else {
					refused.Add(1)
					runtime.Gosched()
				}
				breathe(i)
			}
			atWork.Add(^uint64(0))
			return
		}
		for visit := 0; atWork.Load() != 0; visit++ {
			for i := len(cs) - 1; i >= 0; i-- { // The ids in use come last, next to Barrier.
				cs[i].marked.Store(1)
			}
			Barrier()
			for i := range cs {
				if cs[i].n != cs[i].twin {
					panic("a section is still going on")
				}
				cs[i].n += 1000
				cs[i].twin = cs[i].n
				added.Add(1000)
			}
			for i := range cs {
				cs[i].marked.Store(0)
			}
			breathe(visit * 64)
		}
	})
	var n uint64
	for i := range cs {
		require.Equal(t, cs[i].n, cs[i].twin, "id %d", i)
		n += cs[i].n
	}
	require.Equal(t, uint64(goroutines*each)+added.Load(), n)
	t.Logf("%d visits, %d sections refused", added.Load()/uint64(1000*len(cs)), refused.Load())
}

// TestBarriersMeet lets many goroutines call Barrier at once. Each must see what every section wrote that it saw begin.
func TestBarriersMeet(t *testing.T) {
	var cs counters
	underDisturbance(t, 8, func(int) {
		for i := range rounds(t, 200) {
			cs.add(ways(i))
			Barrier()
		}
	})
	var n int
	for i := range cs {
		n += int(cs[i].n)
	}
	require.Equal(t, 8*rounds(t, 200), n)
}

func TestBarrierAllocatesNothing(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	require.Zero(t, testing.AllocsPerRun(10, Barrier))
}

// TestPinOnAllIDs pins until two ids were seen at least, where two can be, and compares ID with every one.
func TestPinOnAllIDs(t *testing.T) {
	before := runtime.GOMAXPROCS(8)
	defer runtime.GOMAXPROCS(before)
	var seen [256]atomic.Bool
	var distinct atomic.Int32
	var wrong atomic.Int64
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for i := 0; i < 1000 || distinct.Load() < 2; i++ {
				id := Pin()
				read := ID()
				if first := !seen[id].Swap(true); first {
					distinct.Add(1)
				}
				Unpin(id)
				if want := id; Current() == Unpreemptible && read != want || Current() != Unpreemptible && read != -1 {
					wrong.Add(1)
				}
				if i%100 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	workers.Wait()
	require.Zero(t, wrong.Load())
	for id := MaxID(); id < len(seen); id++ {
		require.False(t, seen[id].Load(), "id %d, of %d", id, MaxID())
	}
}

func TestMaxID(t *testing.T) {
	before := runtime.GOMAXPROCS(3)
	defer runtime.GOMAXPROCS(before)
	if Current() == Tokens {
		require.GreaterOrEqual(t, MaxID(), 16)
		return
	}
	require.Equal(t, 3, MaxID())
	runtime.GOMAXPROCS(5)
	require.Equal(t, 5, MaxID())
}

func TestModes(t *testing.T) {
	require.Equal(t, "unpreemptible", Unpreemptible.String())
	require.Equal(t, "pinned", Pinned.String())
	require.Equal(t, "tokens", Tokens.String())
	require.Equal(t, "mode 9", Mode(9).String())
	if Current() == Unpreemptible {
		require.True(t, HasID)
	}
}
