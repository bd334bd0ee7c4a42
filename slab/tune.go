package slab

import (
	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/statspage"
)

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
