//go:build !lookaside_tokens

package percpu

import (
	"runtime"
	"sync"
	"sync/atomic"

	"offheap.example/lookaside/internal/race"
)

// world is what Barrier stops.
var world struct {
	// The number of stops that have begun. Publishes: nothing. Pairs with: itself, in Barrier.
	begun atomic.Uint64

	mu    sync.Mutex       // makes stops follow one another, and guards stats
	stats runtime.MemStats // read by nobody; here so that Barrier allocates nothing
}

// Barrier returns after every unpreemptible and every pinned section that had begun before the call has ended; what
// those sections wrote is visible to the caller, and what the caller wrote before is visible to every section that
// begins afterwards. It stops the world once, or waits for a stop that begins after the call on another's behalf. It
// allocates nothing and must not be called in a section.
func Barrier() {
	before := world.begun.Load()
	world.mu.Lock()
	if world.begun.Load() == before {
		world.begun.Add(1)
		// Neither an unpreemptible nor a pinned section contains a point at which its goroutine can be stopped, so the
		// world stands still only when all that had begun are over.
		runtime.ReadMemStats(&world.stats)
	}
	world.mu.Unlock()
	if race.Enabled {
		for id := range edges {
			race.Acquire(edge(id))
		}
	}
}
