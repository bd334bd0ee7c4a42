package slab

import (
	"time"

	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/statspage"
)

// tuneState is what the depth rule remembers between two steps.
type tuneState struct {
	gets, refills uint64
	primed        bool
}

// The depth rule. Depth follows demand in both directions: a refill that
// found a full-depth cache empty doubles it at once, so that a list that is
// asked often stops missing after a few refills; every step of Tune takes
// some of it back unless the misses of the last interval say that it is
// needed.
const (
	quietGets    = 64 // fewer gets in an interval: the list is idle
	missPerMille = 5  // more refills per thousand gets: the list needs more
)

// grow is called at every refill and returns how many blocks to fetch.
func (l *list) grow() uint32 {
	if l.depth < l.maxDepth {
		l.depth = min(l.maxDepth, l.depth*2)
		l.n.Depth = uint64(l.depth)
	}
	return max(1, l.depth/2)
}

// tune is one step of the rule: three bands.
func (l *list) tune(time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	s := l.statsLocked()
	t := &l.tuned
	gets, refills := s.Gets-t.gets, s.Refills-t.refills
	first := !t.primed || s.Gets < t.gets || s.Refills < t.refills
	*t = tuneState{s.Gets, s.Refills, true}
	switch {
	case first:
		return
	case gets < quietGets: // idle: give most of it back
		l.depth -= (l.depth - l.minDepth + 1) / 2
	case refills*1000 <= gets*missPerMille/10: // practically no misses: a little
		l.depth = max(l.minDepth, l.depth-1)
	case refills*1000 > gets*missPerMille:
		step := uint32(refills*1000/gets) * (l.maxDepth - l.depth) / 1000
		l.depth = min(l.maxDepth, l.depth+max(1, min(step, 30)))
	}
	l.n.Depth = uint64(l.depth)
	l.o.eachPCache(l, func(_ int, c *statspage.Cache) {
		if capOf(c) > l.depth {
			setCap(c, l.depth) // its P notices at its next put
		}
	})
}

// lookOver is called after every slow operation. It looks at one list, each
// in its turn, and gives back what the current P and the depot
// have parked beyond what was asked for since the last look: so that classes
// which a program has done with do not keep their slabs.
func (o *owner) lookOver(turn uint32) {
	if len(o.lists) == 1 {
		return
	}
	if l := o.lists[o.rounds.Add(1)%uint32(len(o.lists))]; l.used.Load() && l.mu.TryLock() {
		if !l.closed {
			l.lookOver()
		}
		l.mu.Unlock()
	}
}

func (l *list) lookOver() {
	l.ensureDepot()
	var back []ref
	id := percpu.Pin()
	if c := l.o.ready(id, l); c != nil {
		gets := uint32(c.W>>statspage.CountBits + c.Folded)
		asked := gets - c.Seen
		c.Seen = gets
		if asked < (parkedIn(c)+c.Kept)/2 {
			back = l.takeReserve(id, c)
		}
		if parked := parkedIn(c); asked < parked {
			spilt := uint16(c.Spills) != c.Spilt
			l.unload(c, parked-asked)
			if !spilt {
				c.Spilt = uint16(c.Spills) // it did not have to
			}
			setCap(c, max(l.minDepth, min(capOf(c), 2*asked)))
		}
	}
	percpu.Unpin(id)
	if back != nil {
		l.putBack(back)
		l.giveRoom(id, back[:cap(back)])
	}
	if trips := l.n.Refills + l.n.Spills; trips-l.trips <= 1 {
		l.spillDepot(0)
		l.releaseSpare()
	}
	l.trips = l.n.Refills + l.n.Spills
	l.n.Depot = uint64(len(l.depot))
}
