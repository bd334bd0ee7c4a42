package slab

import (
	"cmp"
	"fmt"
	"math/bits"
	"sync/atomic"
	"time"

	"offheap.example/lookaside/internal/statspage"
)

// depthRule decides how many blocks a P may park. It has no clock and knows
// nothing of lists: it is told of every refill, and of every step with the
// counts so far. Guarded by the list's lock.
//
// Between steps the depth only grows. Each step looks at the interval since
// the last one and is in one of four bands:
//
//	gets, refills                    what happens to the depth
//	fewer than 64 gets               half of the way down to the minimum
//	up to 1 refill per 2,000 gets    one less, as a probe, unless it is held
//	up to 5 refills per 1,000 gets   nothing
//	more                             up, by misses and by headroom, 30 at most
//
// A probe is a question: are the blocks of the traffic's swing still fewer
// than the depth? The first refill at the probed depth says no: the depth
// goes back to where it was, and the next probe waits twice as long as this
// one did, 64 steps at most. So a list whose swing is W ends at a depth of W
// and stays there, but for one interval in 64 at W-1.
type depthRule struct {
	depth, minDepth, maxDepth uint32

	pinned bool   // by hand
	good   uint32 // depth before the probe; 0: none is under way
	hold   uint32 // steps to wait before the next probe
	waited uint32
	grace  uint32 // refills that do not double: caches that lag behind
	gentle uint32 // spills of one block

	gets, refills uint64 // at the last step
	primed        bool
}

const (
	quietGets    = 64 // fewer gets in an interval: the list is idle
	missPerMille = 5  // more refills per thousand gets: the list needs more
	maxHold      = 64 // steps between two probes, at most
	maxStep      = 30 // blocks that one step adds, at most
)

// IdleSteps is how many steps of Tune without a Get bring any lookaside to
// its least depth: one for the interval that was still busy, and one for each
// halving of the way from Depth.Max to Depth.Min.
func (d Depth) IdleSteps() int {
	least, most := cmp.Or(d.Min, defaultMinDepth), cmp.Or(d.Max, defaultMaxDepth)
	return 1 + bits.Len(uint(max(0, most-least)))
}

// missed is told of every refill, and returns how many blocks it should
// fetch; caches is how many there may be that lag behind the depth.
//
// A refill fetches one block less than a spill takes away: a cache that does
// both in turn, because more blocks go round than it has room for, ends with
// as many as its traffic needs. After a probe it fetches what the probe made
// it spill, which is one.
func (r *depthRule) missed(caches uint32) (fetch uint32) {
	switch {
	case r.pinned:
	case r.good > r.depth: // the probe's answer
		r.depth, r.good = r.good, 0
		r.hold = max(1, min(maxHold, 2*r.hold))
		r.waited, r.grace = 0, caches
		return 1
	case r.grace > 0:
		r.grace--
	case r.depth < r.maxDepth:
		r.depth = min(r.maxDepth, r.depth*2)
		r.good, r.hold, r.waited = 0, 0, 0
	}
	return max(1, r.depth/2-min(1, r.depth/8))
}

// spill returns how many blocks a cache that may park n should spill when it
// has no room: half of them, but one where the first spill after a probe may
// show only that more blocks go round than the traffic needs.
func (r *depthRule) spill(n uint32) uint32 {
	if r.good > r.depth && r.gentle > 0 {
		r.gentle--
		return 1
	}
	return max(1, n/2)
}

// step is one step of the rule, with the counts since ever. It reports
// whether the list was idle. Counts that went backwards are a first sample.
// caches is how many there are.
func (r *depthRule) step(gets, refills uint64, caches uint32) (idle bool) {
	g, m := gets-r.gets, refills-r.refills
	first := !r.primed || gets < r.gets || refills < r.refills
	r.gets, r.refills, r.primed, r.grace = gets, refills, true, 0
	if first {
		return false
	}
	idle = g < quietGets
	switch {
	case r.pinned:
	case idle:
		r.depth -= (r.depth - r.minDepth + 1) / 2
		r.good, r.hold, r.waited = 0, 0, 0
	case m*1000 > g*missPerMille:
		r.depth += r.rise(g, m)
	case m*2000 <= g:
		r.probe(caches)
	}
	return idle
}

// rise is how much a step adds: the misses per thousand gets, of what is
// left.
func (r *depthRule) rise(gets, misses uint64) uint32 {
	left := r.maxDepth - r.depth
	part := min(misses, gets) * 1000 / gets * uint64(left) / 1000
	return min(left, max(1, min(uint32(part), maxStep)))
}

// probe takes one block off, when it is time to.
func (r *depthRule) probe(caches uint32) {
	if r.good > r.depth { // the last probe met no miss: the swing is smaller
		r.good, r.hold = 0, 0
	}
	if r.waited < r.hold {
		r.waited++
		return
	}
	r.waited = 0
	if r.depth > r.minDepth {
		r.good, r.gentle = r.depth, caches
		r.depth--
	}
}

// pin sets the depth by hand, and 0 gives it back to the rule.
func (r *depthRule) pin(n uint32) {
	r.pinned = n != 0
	r.depth = min(n, r.maxDepth)
	if !r.pinned {
		r.depth = r.minDepth
	}
	r.good, r.hold, r.waited, r.grace = 0, 0, 0, 0
}

// grow is called at every refill and returns how many blocks to fetch.
func (l *list) grow() uint32 {
	fetch := l.missed(1 + l.o.high.Load())
	l.n.Depth = uint64(l.depth)
	return fetch
}

// tune is one step of the rule for every list. Caches that may park less from
// now on give the rest back at their P's next put; those of idle lists at
// once.
func (o *owner) tune() {
	over := false
	for _, l := range o.lists {
		over = l.tune() || over
	}
	if over {
		o.shed()
	}
}

// tune reports whether the list is idle and its caches park too much.
func (l *list) tune() (over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.o.lists) > 1 && !l.used.Load() {
		return false
	}
	s := l.statsLocked()
	l.quiet = l.step(s.Gets, s.Refills, l.o.high.Load())
	if l.quiet {
		l.emptyDepot()
		l.releaseSpare()
	}
	return l.lower() && l.quiet
}

// lower takes the depth to the caches of the Ps, and reports whether one of
// them parks more.
func (l *list) lower() (over bool) {
	l.n.Depth = uint64(l.depth)
	l.o.eachPCache(l, func(_ int, c *statspage.Cache) {
		if capOf(c) > l.depth {
			setCap(c, l.depth)
		}
		parked := uint32(atomic.LoadUint64(&c.W) & statspage.CountMask / statspage.OneParked)
		over = over || parked+atomic.LoadUint32(&c.Kept) > l.depth
	})
	return over
}

// shed takes home what the caches of idle lists park beyond their depth. It
// stops all goroutines for a moment.
func (o *owner) shed() {
	o.maint.Lock()
	defer o.maint.Unlock()
	if o.isClosed() {
		return
	}
	o.atRest(func(l *list) {
		if l.quiet {
			o.eachPCache(l, l.shed)
		}
	})
}

// shed takes home what a P parks above the depth: the coldest blocks.
func (l *list) shed(id int, c *statspage.Cache) {
	l.putReserveBack(id, c)
	if n := parkedIn(c); n > l.depth {
		l.roomInDepot(n - l.depth)
		l.unload(c, n-l.depth)
		l.emptyDepot()
	}
}

// PinDepth sets by hand how many blocks a P may park: from now on neither
// refills nor Tune change it, until PinDepth(0) gives it back to the rule,
// which begins at Depth.Min again. A Depth whose Min is its Max does the same
// from the start. It returns an error that wraps ErrInvalid unless n is from
// 0 to Depth.Max, and ErrClosed on a closed list. Caches that park more give
// it back at their P's next put. It is what the second option of the
// debugger's !lookaside is.
func (l *Lookaside) PinDepth(n int) error {
	most := int(l.only.maxDepth)
	if n < 0 || n > most {
		return fmt.Errorf("slab: pin depth %q: depth %d: must be from 0 to %d: %w", l.name, n, most, ErrInvalid)
	}
	l.only.mu.Lock()
	defer l.only.mu.Unlock()
	if l.only.closed {
		return l.errClosed("pin depth")
	}
	l.only.pin(uint32(n))
	l.only.lower()
	return nil
}

// Tune is one step of the depth rule; see the package comment. Callers may
// drive it from a ticker, once a second or so; a list that is never tuned
// only grows. The rule counts steps and not time, so now may be any moment.
// Depth shrinks at once. Blocks above it go back to the slabs by way of the
// depot at the next Put of the P that parks them, those of an idle list (fewer
// than 64 gets since the last step) before Tune returns, for which it stops
// all goroutines for a moment.
func (l *Lookaside) Tune(now time.Time) { l.tune() }
