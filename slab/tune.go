package slab

import (
	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/statspage"
)

// GiveBackOps is how many slow-path operations (refills of a P's cache, spills
// of it, page runs) bring the memory of a load that is over below 5 percent of
// its peak, without a call of Trim or Tune: eight of the arena's epochs, each
// of which gives back half of what nobody wanted in it.
const GiveBackOps = 8 * arena.EpochOps

// tickEvery is how many slow operations are told to the arena at once, which
// gives back what nobody wants any more; see arena.EpochOps.
const tickEvery = 256

// idleMost is how many bytes of headers of slabs that are gone stay in memory
// for a list that is not asked any more.
const idleMost = 256 << 10

// tickLarge is how many times as many pass between two looks at the runs that
// are kept for large blocks.
const tickLarge = 16

// looksWhenDry is at how many lists an allocator looks before it asks for
// pages.
const looksWhenDry = 48

// growthStep is how many bytes of new slabs an allocator takes between two
// times that it does.
const growthStep = 32 << 10

const (
	// peakPart is the part by which resident memory must have grown to a new
	// peak before blocks of at least yieldLeast bytes that are parked are given
	// back: the smaller ones are many references for few bytes.
	peakPart   = 256
	yieldLeast = 128
)

const (
	// lookSmall is the largest block of lists that are looked over only once in
	// lookSeldom rounds: they have few bytes to give, and want them back soon.
	lookSmall  = 1 << 10
	lookSeldom = 4
)

// lookMost is how many blocks one look moves from a depot to their slabs: it
// is done at somebody's expense.
const lookMost = 4

// lookOver is called after every slow operation, with the P that made it. It
// looks at one list, each in its turn, and gives back what that P and the depot
// have parked beyond what was asked for since the last look: so that classes
// which a program has done with do not keep their slabs. But each look leads to
// another slow operation later, as likely as not.
func (o *owner) lookOver(id int) {
	round := o.rounds[min(uint(id), uint(len(o.rounds)-1))].Add(1)
	if round%tickEvery == 0 {
		o.src.Tick(tickEvery)
		tick := o.ticks.Add(1)
		if o.more != nil && tick%tickLarge == 0 {
			o.more.lookOverLarge()
		}
		if tick%tickTidy == 0 {
			o.tidy()
		}
	}
	if len(o.lists) == 1 {
		return
	}
	n := uint32(len(o.lists))
	if l := o.lists[round%n]; l.stride > lookSmall || round/n%lookSeldom == 0 {
		l.atLeisure((*list).lookOver)
	}
}

// atLeisure calls f under the lock of a list that is in use, unless somebody
// else holds it: what f does can wait.
func (l *list) atLeisure(f func(l *list)) {
	if l.used.Load() && l.mu.TryLock() {
		if !l.closed {
			f(l)
		}
		l.mu.Unlock()
	}
}

func (l *list) lookOver() {
	l.roomInDepot(l.depth + 1)
	var back reserve
	id := percpu.Pin()
	if c := l.o.ready(id, l); c != nil {
		asked := l.asked(c)
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
		if asked == 0 && l.o.room.short() {
			l.takeDown(c)
		}
	}
	percpu.Unpin(id)
	if back.most > 0 {
		l.putOldestBack(&back.depot, 0)
		l.giveRoom(id, &back.depot, back.most)
	}
	if trips := l.n.Refills + l.n.Spills; trips-l.trips <= 1 {
		l.spillDepot(max(0, l.depot.n-lookMost))
		l.o.segments.takeBack(&l.depot)
		l.releaseSpare()
		if (len(l.idle)-l.asleep)*l.metaBytes() >= idleMost {
			l.dropIdle()
		}
	}
	l.trips = l.n.Refills + l.n.Spills
	l.boundDepot()
}

// beforeGrowth is called before pages are asked for: what idle lists have
// parked may make that unnecessary, or pay for it. It looks at some of them,
// each in its turn.
func (o *owner) beforeGrowth(bytes int) {
	if o.grown.Add(int64(bytes)) < growthStep {
		return
	}
	o.grown.Store(0)
	o.relinquish()
	peaked := o.peaked()
	if peaked {
		o.yield()
	}
	first := o.dry.Add(looksWhenDry)
	for i := range uint32(looksWhenDry) {
		if l := o.lists[(first+i)%uint32(len(o.lists))]; !peaked || l.stride < yieldLeast { // the others were just looked over
			l.atLeisure((*list).giveIdle)
		}
	}
}

// peaked reports whether the arena's resident memory has grown to a new peak
// since it last did, by peakPart of it at least.
func (o *owner) peaked() bool {
	peak, last := o.src.PeakCommitted(), o.peak.Load()
	return peak >= last+max(growthStep, last/peakPart) && o.peak.CompareAndSwap(last, peak)
}

// yield is called when resident memory is at a new peak, which should not be
// made of what is parked: it lets the runs go that wait for large blocks, and
// of the lists those whose blocks are not the smallest give back what they were
// not asked for.
func (o *owner) yield() {
	if o.more != nil {
		o.more.bringLargeHome()
	}
	for _, l := range o.lists {
		if l.stride >= yieldLeast {
			l.atLeisure((*list).yield)
		}
	}
	o.leave()
}

// yield gives back what the current P and the depot have parked beyond what
// was asked for since the list was last looked over.
func (l *list) yield() {
	l.roomInDepot(l.depth + 1)
	asked := uint32(0)
	id := percpu.Pin()
	if c := l.o.ready(id, l); c != nil {
		asked = l.asked(c)
		if parked := parkedIn(c); asked < parked {
			l.unload(c, parked-asked)
			c.Spilt = uint16(c.Spills)
		}
	}
	percpu.Unpin(id)
	l.spillDepot(int(asked))
	l.o.segments.takeBack(&l.depot)
	if asked == 0 {
		l.releaseSpare()
	}
	l.boundDepot()
}

// asked returns how many blocks c, which is ours, was asked for since the last
// call.
func (l *list) asked(c *statspage.Cache) uint32 {
	gets := getsOf(c)
	n := gets - c.Seen
	c.Seen = gets
	return n
}

// getsOf returns the low bits of the gets from c.
func getsOf(c *statspage.Cache) uint32 { return uint32(c.W>>statspage.CountBits + c.Folded) }

// giveIdle gives back everything that the current P and the depot have parked,
// if nothing was asked for since the list was last looked over.
func (l *list) giveIdle() {
	l.roomInDepot(l.depth + 1)
	id := percpu.Pin()
	c := l.o.ready(id, l)
	idle := c != nil && getsOf(c) == c.Seen
	if idle && parkedIn(c) > 0 {
		l.unload(c, parkedIn(c))
		c.Spilt = uint16(c.Spills)
	}
	percpu.Unpin(id)
	if idle && l.n.Refills+l.n.Spills-l.trips <= 1 {
		l.emptyDepot()
		l.releaseSpare()
	}
	l.boundDepot()
}
