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

// idleLeast is how many bytes must be parked in idle caches to be worth that.
const idleLeast = 64 << 10

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
