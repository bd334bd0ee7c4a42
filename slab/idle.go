package slab

import (
	"sync/atomic"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/statspage"
)

// What a P has parked comes back when the P works and looks over its lists. A
// P that does nothing more looks at nothing: its few blocks would keep many
// slabs. So at the end of every epoch somebody who works compares what each P
// has done with each list to what it had done an epoch ago, and empties the
// caches that did nothing, as Trim does.

const (
	// idleLeast is how many bytes must be parked in idle caches to be worth that.
	idleLeast = 64 << 10
	// idlePart is the part of a peak of resident memory that must be, there.
	idlePart = 64
)

// done is what leave knows of a P: its slow operations, and if there were none
// since the last call the sum of what it had done.
type done struct {
	slow uint32
	all  uint64
}

// leave is called at a new peak of resident memory, which should not be made of
// what is parked on Ps that do nothing: those, for one, that a goroutine worked
// on before it moved. It empties the caches of the Ps that did nothing since the
// last call. Callers may hold life, so it does not wait for anybody.
func (o *owner) leave() {
	if !o.maint.TryLock() {
		return
	}
	defer o.maint.Unlock()
	high := int(o.high.Load())
	if high == 1 || o.open.Load() == 0 {
		return
	}
	if len(o.didAll) < high {
		o.didAll = append(o.didAll, make([]done, high-len(o.didAll))...)
	}
	var idle []int
	bytes := int64(0)
	for id := range high {
		d := &o.didAll[id]
		if slow := o.rounds[id].Load(); slow != d.slow { // the usual case, without a look at its caches
			*d = done{slow: slow}
			continue
		}
		all, parked := uint64(0), int64(0)
		for _, l := range o.lists {
			sum, n := o.doneBy(id, l)
			all, parked = all+sum, parked+n
		}
		if all == d.all && parked > 0 {
			idle = append(idle, id)
			bytes += parked
		}
		d.all = all
	}
	if bytes < max(idleLeast, o.peak.Load()/idlePart) {
		return
	}
	o.atRest(func(l *list) {
		for _, id := range idle {
			l.drainP(id, o.cacheOf(id, l))
		}
	})
}

// tidy empties the caches that were idle since the last call. Callers may
// hold life, so it does not wait for anybody.
func (o *owner) tidy() {
	if !o.maint.TryLock() {
		return
	}
	defer o.maint.Unlock()
	n := len(o.lists)
	if high := int(o.high.Load()); len(o.did) < high*n {
		o.did = append(o.did, make([]uint64, high*n-len(o.did))...)
	}
	idle, bytes := make([]bool, len(o.did)), int64(0)
	for i := range o.did {
		done, parked := o.doneBy(i/n, o.lists[i%n])
		if done == o.did[i] {
			idle[i] = parked > 0
			bytes += parked
		}
		o.did[i] = done
	}
	if bytes < idleLeast || o.open.Load() == 0 {
		return
	}
	o.atRest(func(l *list) {
		o.eachPCache(l, func(id int, c *statspage.Cache) {
			if i := id*n + int(l.class); i < len(idle) && idle[i] {
				l.drainP(id, c)
			}
		})
	})
}

// doneBy returns a sum that changes with everything that the P with this id
// does with l, and the bytes of it that it has parked.
func (o *owner) doneBy(id int, l *list) (sum uint64, parked int64) {
	c := o.cacheOf(id, l)
	w, kept := atomic.LoadUint64(&c.W), atomic.LoadUint32(&c.Kept)
	sum = w + uint64(kept) + atomic.LoadUint64(&c.In) + atomic.LoadUint64(&c.Out)
	return sum, int64(w&statspage.CountMask/statspage.OneParked+uint64(kept)) * int64(l.size)
}

// tickTidy is how many times tickEvery pass between two calls of tidy.
const tickTidy = arena.EpochOps / tickEvery
