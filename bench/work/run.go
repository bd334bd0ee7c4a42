package work

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Tally is what one thread asked of the allocator.
type Tally struct{ Allocs, Frees, Bytes int }

// Run is a shot under way: the workload's numbers for the algorithm, and where
// it leaves what it finds.
type Run struct {
	Spec
	Out Outcome

	begun                time.Time
	allocs, frees, asked atomic.Int64
	meter                *meter
	live, none           collections
}

// NewRun prepares a shot.
func NewRun(s Spec) *Run { return &Run{Spec: s} }

// Start starts the clock, or lets it go on. Before the first time it collects
// garbage: a collection that the tables of the workload have set off is no part
// of what is measured.
func (r *Run) Start() {
	if r.begun.IsZero() {
		runtime.GC()
	}
	r.begun = time.Now()
}

// Stop stops the clock.
func (r *Run) Stop() { r.Out.Ns += time.Since(r.begun).Nanoseconds() }

// Count adds a thread's tally.
func (r *Run) Count(t Tally) {
	r.allocs.Add(int64(t.Allocs))
	r.frees.Add(int64(t.Frees))
	r.asked.Add(int64(t.Bytes))
}

// Share is how many of n fall to thread id of t.
func Share(n, t, id int) int {
	if id < n%t {
		return n/t + 1
	}
	return n / t
}

// Parallel runs f on t goroutines. The clock runs from the moment when all
// stand ready until the last has returned. A panic of one of them comes back as
// a panic here.
func (r *Run) Parallel(t int, f func(id int)) {
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	var failed atomic.Pointer[string]
	for id := range t {
		ready.Add(1)
		done.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					text := fmt.Sprint(p)
					failed.Store(&text)
				}
			}()
			ready.Done()
			<-gate
			f(id)
		})
	}
	ready.Wait()
	r.Start()
	close(gate)
	done.Wait()
	r.Stop()
	if text := failed.Load(); text != nil {
		panic(*text)
	}
}

// Algorithm is one kind of workload over one allocator.
type Algorithm func(*Run)

// Perform makes one shot: a smaller run to warm up, where the workload has a
// number "warm" (by which n is divided), then the one that counts. A panic of
// the algorithm is an error.
func Perform(s Spec, f Algorithm) (o Outcome, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %v", s.Kind, p)
		}
	}()
	base, _ := kept()
	if w := s.Int("warm"); w > 0 {
		f(NewRun(s.With("n", int64(max(s.Int("n")/w, 1)))))
	}
	r := NewRun(s)
	f(r)
	r.Out.Allocs, r.Out.Frees, r.Out.Bytes = r.allocs.Load(), r.frees.Load(), r.asked.Load()
	if r.Out.Peak == 0 {
		r.Out.Base = base
		_, r.Out.Peak = kept()
	}
	return r.Out, nil
}
