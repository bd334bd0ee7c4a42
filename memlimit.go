package lookaside

import (
	"fmt"
	"math"
	"runtime/debug"
	"sync"
	"time"

	"offheap.example/lookaside/arena"
)

// MemLimit says what a domain does with the runtime's soft memory limit
// (GOMEMLIMIT, debug.SetMemoryLimit). The runtime does not count the pages of
// an arena: a program that is limited to 4 GiB and has 1 GiB in a domain would
// let its heap grow to 4 GiB all the same, 5 in all.
type MemLimit uint8

const (
	// LeaveGoLimit, the default, leaves the limit alone.
	LeaveGoLimit MemLimit = iota
	// LowerGoLimit lowers it by what the domain has committed, and gives it
	// back when that is given back, by Close in any case. The limit is set
	// anew when the committed bytes have moved by 8 MiB, and at Tick. Several
	// domains add up. It is never lowered below an eighth of what the user
	// set, because a heap without room collects all the time. A user who
	// changes the limit meanwhile sets what the domains subtract from. Where
	// there is no limit nothing happens.
	LowerGoLimit
)

// String is the name of the constant.
func (m MemLimit) String() string {
	switch m {
	case LeaveGoLimit:
		return "LeaveGoLimit"
	case LowerGoLimit:
		return "LowerGoLimit"
	}
	return fmt.Sprintf("MemLimit(%d)", uint8(m))
}

func (m MemLimit) check() error {
	if m > LowerGoLimit {
		return fmt.Errorf("MemLimit %v: must be LeaveGoLimit or LowerGoLimit: %w", m, ErrInvalid)
	}
	return nil
}

const (
	// limitStep is by how many committed bytes the limit may be behind.
	limitStep = 8 << 20
	// limitPart is which part of the user's limit is never taken away.
	limitPart = 8
)

// goLimit is the one limit that the process has.
var goLimit = limiter{set: debug.SetMemoryLimit}

// limiter subtracts what domains have committed from the user's limit.
type limiter struct {
	set func(int64) int64 // debug.SetMemoryLimit

	mu    sync.Mutex
	user  int64 // the limit without us
	ours  int64 // what we set last
	taken int64 // bytes, by all shares
	count int   // shares
}

// share is one domain's part in a limiter.
type share struct {
	g     *limiter
	of    *arena.Arena
	stop  func()
	taken int64 // guarded by g.mu
	over  bool  // guarded by g.mu
}

// join begins to subtract what src has committed.
func (g *limiter) join(src *arena.Arena) (*share, error) {
	s := &share{g: g, of: src}
	g.mu.Lock()
	if g.count == 0 {
		g.user = g.set(-1)
		g.ours = g.user
	}
	g.count++
	g.mu.Unlock()
	stop, err := src.Watch(limitStep, s.update)
	if err != nil {
		s.leave()
		return nil, err
	}
	s.stop = stop
	s.update()
	return s, nil
}

// update sets the limit to what it should be now.
func (s *share) update() {
	s.g.mu.Lock()
	defer s.g.mu.Unlock()
	if !s.over {
		s.take(s.of.Committed())
	}
}

// leave gives back what the share has taken. A second one does nothing.
func (s *share) leave() {
	if s == nil {
		return
	}
	if s.stop != nil {
		s.stop()
	}
	s.g.mu.Lock()
	defer s.g.mu.Unlock()
	if !s.over {
		s.take(0)
		s.over = true
		s.g.count--
	}
}

// take makes the share's part n bytes. The caller holds g.mu.
func (s *share) take(n int64) {
	g := s.g
	g.taken += n - s.taken
	s.taken = n
	// Somebody else may set the limit at any moment. What he set is the
	// user's limit from then on, also when it came between our look and our
	// change: then the change tells.
	now := g.set(-1)
	if now != g.ours {
		g.user = now
	}
	for want := g.wanted(); want != now; want = g.wanted() {
		before := g.set(want)
		if before == now {
			now = want
			break
		}
		g.user, now = before, want
	}
	g.ours = now
}

// wanted is the user's limit less what is taken.
func (g *limiter) wanted() int64 {
	if g.user == math.MaxInt64 {
		return g.user
	}
	return max(g.user-g.taken, g.user/limitPart)
}

// Tick is one step of everything that a domain does from time to time, for
// callers who have a ticker: the depth rule of the allocator and of every
// lookaside (slab.Lookaside.Tune), one epoch of giving back pages that nobody
// wants (arena.EpochOps), and the memory limit. Once a second is about right.
// The domain starts no goroutine and needs no Tick: without it the same
// happens on slow paths, but for the depth, which only grows.
func (d *Domain) Tick(now time.Time) {
	d.mu.Lock()
	lists := d.lists
	closed := d.closed
	d.mu.Unlock()
	if closed {
		return
	}
	d.alloc.Tune(now)
	for _, l := range lists {
		l.Tune(now)
	}
	d.arena.Tick(arena.EpochOps)
	if d.limit != nil {
		d.limit.update()
	}
}
