//go:build !lookaside_tokens

package percpu

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"offheap.example/lookaside/internal/race"
)

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

// Pin keeps the calling goroutine on its P until Unpin and returns the id of that P: no other goroutine runs
// between a Pin and an Unpin with that id meanwhile, nor in an unpreemptible section that read it. Until Unpin the
// caller must not block, allocate, panic, call anything that might, or follow a pointer that foreign code could
// have written; sections of one goroutine do not nest.
func Pin() int {
	id := procPin()
	if race.Enabled {
		race.Acquire(edge(id))
	}
	return id
}

// Unpin ends the section that Pin began. id must be what Pin returned.
func Unpin(id int) {
	if race.Enabled {
		race.ReleaseMerge(edge(id))
	}
	procUnpin()
}

// MaxID returns the number of ids in use now: GOMAXPROCS. It may grow at any moment, and an id that Pin or ID
// returned may be larger than what MaxID returned before; callers need a slow path for ids beyond their tables. It
// takes a lock of the scheduler and must not be called in a section.
func MaxID() int { return runtime.GOMAXPROCS(0) }

// edges has one address per id through which race builds order the sections of that id. Ids beyond the table share
// addresses, which draws more edges than there are: the detector may miss a race then, but reports no false one.
var edges [edgeCount]uint64

const edgeCount = 1 << (8 * raceBit)

func edge(id int) unsafe.Pointer { return unsafe.Pointer(&edges[uint(id)%edgeCount]) }

// world is what Barrier stops.
var world struct {
	begun atomic.Uint64 // Publishes: nothing. Counts the stops that have begun; pairs with itself, in Barrier.

	mu    sync.Mutex       // guards stats, and makes stops follow one another
	stats runtime.MemStats // what nobody reads; kept so that Barrier allocates nothing
}

// Barrier returns after every unpreemptible and every pinned section that had begun before the call has ended; what
// those sections wrote is visible to the caller, and what the caller wrote before is visible to every section that
// begins afterwards. It stops the world once (callers that meet share a stop), allocates nothing, and must not be
// called in a section.
func Barrier() {
	before := world.begun.Load()
	world.mu.Lock()
	if world.begun.Load() == before {
		world.begun.Add(1)
		// Neither an unpreemptible nor a pinned section contains a point at which its goroutine can be stopped, so the
		// world stands still only when all of them are over.
		runtime.ReadMemStats(&world.stats)
	}
	world.mu.Unlock()
	if race.Enabled {
		for i := range edges {
			race.Acquire(unsafe.Pointer(&edges[i]))
		}
	}
}
