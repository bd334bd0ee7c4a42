package percpu_test

import (
	"fmt"
	"sync"

	"offheap.example/lookaside/internal/percpu"
)

// tally is a counter that many goroutines add to without a locked instruction. Ids beyond the table are rare.
type tally struct {
	perID [64]struct {
		n uint64
		_ [120]byte
	}

	mu   sync.Mutex
	rest uint64 // guarded by mu
}

// add is the whole of the usual case. It must not be stopped, hence the directives.
//
//go:nosplit
//go:noinline
func (t *tally) add(n uint64) {
	if id := percpu.ID(); uint(id) < uint(len(t.perID)) {
		t.perID[id].n += n
		return
	}
	t.addSlowly(n)
}

//go:noinline
func (t *tally) addSlowly(n uint64) {
	id := percpu.Pin()
	known := id < len(t.perID)
	if known {
		t.perID[id].n += n
	}
	percpu.Unpin(id)
	if !known {
		t.mu.Lock()
		t.rest += n
		t.mu.Unlock()
	}
}

// An unpreemptible function, with Pin for the modes that have none and a lock for ids out of range.
func Example() {
	var t tally
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for range 1000 {
				t.add(1)
			}
		})
	}
	workers.Wait()
	sum := t.rest
	for i := range t.perID {
		sum += t.perID[i].n
	}
	fmt.Println(sum)
	// Output: 4000
}

func ExamplePin() {
	var counts [1024]int
	id := percpu.Pin()
	if id < len(counts) {
		counts[id]++ // Nobody else is here with this id.
	}
	percpu.Unpin(id)
	fmt.Println(counts[id])
	// Output: 1
}
