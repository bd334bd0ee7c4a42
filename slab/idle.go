package slab

import (
	"sync/atomic"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/statspage"
)

// What a P has parked comes back when the P works and looks over its lists. A
// P that does nothing more looks at nothing: its few blocks would keep many
// slabs. So at the end of every epoch somebody who works compares what each P
// has done with what it had done an epoch ago, and empties the shards of those
// that did nothing, as Trim does.

// idleLeast is how many bytes an idle P must have parked to be worth that.
const idleLeast = 64 << 10

// tidy empties the shards of Ps that were idle since the last call. Callers may
// hold life, so it does not wait for anybody.
func (o *owner) tidy() {
	if !o.maint.TryLock() {
		return
	}
	defer o.maint.Unlock()
	var idle []bool
	for id := range int(o.high.Load()) {
		done, parked := o.doneBy(id)
		for len(o.did) <= id {
			o.did = append(o.did, 0)
		}
		if done == o.did[id] && parked >= idleLeast {
			if idle == nil {
				idle = make([]bool, o.high.Load())
			}
			idle[id] = true
		}
		o.did[id] = done
	}
	if idle == nil || o.open.Load() == 0 {
		return
	}
	o.atRest(func(l *list) {
		o.eachPCache(l, func(id int, c *statspage.Cache) {
			if id < len(idle) && idle[id] {
				l.drainP(id, c)
			}
		})
	})
}

// doneBy returns a sum that changes with everything that the P with this id
// does, and the bytes that it has parked.
func (o *owner) doneBy(id int) (sum uint64, parked int64) {
	for _, l := range o.lists {
		if !l.used.Load() {
			continue
		}
		c := o.cacheOf(id, l)
		w, kept := atomic.LoadUint64(&c.W), atomic.LoadUint32(&c.Kept)
		sum += w + uint64(kept) + atomic.LoadUint64(&c.In) + atomic.LoadUint64(&c.Out)
		parked += int64(w&statspage.CountMask/statspage.OneParked+uint64(kept)) * int64(l.size)
	}
	return sum, parked
}

// tickTidy is how many times tickEvery pass between two calls of tidy.
const tickTidy = arena.EpochOps / tickEvery
