package slab

// What the compiler cannot check here: that the references in caches and in
// the depot name blocks of this list, once each. It holds because they come
// from takeFrom, which clears the block's bit or advances past it, or from a
// free that moved the block's state from live to parked; and both ways the
// reference is in one place at a time. Copying a reference without removing
// it would break it.

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/invariant"
	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/internal/statspage"
)

// list is what is shared of one lookaside or one size class: the depot and
// the slabs, under one lock. Lock order: maint, life, list, arena.
type list struct {
	o     *owner
	class uint8
	cache uint16 // offset of its cache in a shard, in bytes
	shift uint8  // log2 of the state grain, less subBits

	size     uint32 // bytes a block holds
	stride   uint32 // bytes from one block to the next
	geometry        // of its slabs, but for the first; see nextGeometry
	slots    uint32 // room in a cache
	debug    Debug

	used atomic.Bool // it ever had a slab

	_ [64]byte // what is above changes seldom, and is read while others write what follows

	mu        sync.Mutex
	closed    bool
	trips     uint64 // refills and spills when the list was last looked over
	depthRule        // depth: blocks a shard may park now
	quiet     bool   // the last step of Tune found it idle
	depot     depot
	bins      [numBins]uintptr // slabs with free blocks, fullest first
	binned    uint32           // how many those are
	takers
	spare   uintptr          // one empty slab
	idle    []unsafe.Pointer // headers of slabs that are gone
	asleep  int              // how many of them are not in memory, about
	slabs   []uintptr        // headers of all slabs
	inSlabs uint32           // blocks that these have in all

	// n is published. Guarded by mu, like everything it counts.
	n        *statspage.Counters
	entryIdx int
}

// Slow paths change the words of a cache while the P that owns it is pinned,
// or revoked. Stats may read them at any time: race builds store them
// atomically, elsewhere an aligned store is one.
func set64(p *uint64, v uint64) {
	if race.Enabled {
		atomic.StoreUint64(p, v)
		return
	}
	*p = v
}

func add(p *uint64, n uint64) { set64(p, *p+n) }

func set32(p *uint32, v uint32) {
	if race.Enabled {
		atomic.StoreUint32(p, v)
		return
	}
	*p = v
}

// get is the slow path of every get: it hands out one block and, on the way,
// fills the current P's cache.
func (l *list) get(op string) (ref, error) {
	// Step 1: the list's lock. Whoever holds it may use depot and slabs.
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ref{}, l.o.errClosed(op)
	}
	// Step 2: the depot must have a block, or a slab, a new one only if nothing
	// is kept in reserve.
	want, me := l.grow(), thisP()
	if l.depot.n == 0 && l.dry(me) && len(l.o.reserves) > 0 {
		more := int(l.nextGeometry().granules) << arena.GranuleShift
		l.mu.Unlock()
		l.o.beforeGrowth(more)
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			return ref{}, l.o.errClosed(op)
		}
	}
	var s *slabHdr
	if l.depot.n == 0 {
		var err error
		if s, err = l.source(me); err != nil {
			l.mu.Unlock()
			return ref{}, l.o.errFrom(op, int(l.size), err)
		}
	}
	// Step 3: pinned, move a batch to this P and keep one block for the caller.
	var r ref
	var reserve uint32
	id := percpu.Pin()
	if c := l.o.cache(id, l); c != nil {
		reserve = l.wanted(id, c)
		l.load(c, want, s, me)
		r = l.pop(c)
	}
	percpu.Unpin(id)
	// Step 4: no cache, or only rubbish in it: take one directly.
	var err error
	if r == (ref{}) {
		r, err = l.getDirect(op, me)
	}
	l.unused(s)
	l.boundDepot()
	if err != nil {
		l.mu.Unlock()
		return ref{}, err
	}
	l.mu.Unlock()
	if reserve > 0 {
		l.growReserve(id, reserve)
	}
	l.o.lookOver(id)
	return r, nil
}

// getDirect hands out a block past the shards. The caller holds l.mu.
func (l *list) getDirect(op string, me uint32) (ref, error) {
	r := l.popDepot()
	if r == (ref{}) {
		s, err := l.source(me)
		if err != nil {
			return ref{}, l.o.errFrom(op, int(l.size), err)
		}
		var one [1]ref
		l.fill(one[:], s, me)
		r = one[0]
	}
	*r.stateByte() ^= stLive ^ stParked
	l.n.Gets++
	l.n.GetBytes += uint64(l.size)
	return r, nil
}

// load moves up to want blocks into c, which is ours: from the depot, or when
// that is empty from slabs, from s first.
func (l *list) load(c *statspage.Cache, want uint32, s *slabHdr, me uint32) {
	i := parkedIn(c)
	if capOf(c) < l.depth {
		setCap(c, min(l.depth, capOf(c)*2))
	} else if capOf(c) > l.depth {
		setCap(c, l.depth)
	}
	if i >= capOf(c) {
		return
	}
	l.refresh(c)
	k := min(want, max(1, capOf(c)/2), capOf(c)-i)
	refs := l.cacheRefs(c)[i:]
	if l.depot.n > 0 {
		k = min(k, uint32(l.depot.n))
		l.depot.pop(refs[:k])
	} else {
		k = l.fill(refs[:k], s, me)
	}
	add(&c.W, uint64(k)*statspage.OneParked)
	add(&c.In, uint64(k))
	set32(&c.Refills, c.Refills+1)
	l.fold(c)
	l.n.Refills++
	l.n.Depot = uint64(l.depot.n)
}

// quick is get without a lock: one pinned look into the current P's cache,
// and into its reserve when that is empty.
func (l *list) quick() (r ref) {
	id := percpu.Pin()
	if c := l.o.ready(id, l); c != nil {
		if parkedIn(c) == 0 {
			l.fetch(id, c)
		}
		r = l.pop(c)
	}
	percpu.Unpin(id)
	return r
}

// quickPut is the same for put. It reports whether r found room.
func (l *list) quickPut(r ref) (ok bool) {
	id := percpu.Pin()
	ok = l.stash(id, r)
	percpu.Unpin(id)
	return ok
}

// stash is quickPut for those who are pinned as id.
func (l *list) stash(id int, r ref) bool {
	c := l.o.ready(id, l)
	if c == nil || parkedIn(c) >= capOf(c) && !l.stow(id, c) {
		return false
	}
	*slot(c, uintptr(parkedIn(c))) = r
	add(&c.W, statspage.OneParked)
	return true
}

// take hands out one block by the cheapest way that is open, with its first
// zero bytes cleared.
func (l *list) take(op string, zero int) (ref, error) {
	r, err := l.takeOnce(op, zero)
	if err != nil && l.o.rescue(err) {
		r, err = l.takeOnce(op, zero)
	}
	if err != nil {
		l.failed()
	}
	return r, err
}

func (l *list) takeOnce(op string, zero int) (ref, error) {
	if zero > 0 {
		// The arena must not go away while we write to the block.
		l.o.life.RLock()
		defer l.o.life.RUnlock()
		if l.o.closed {
			return ref{}, l.o.errClosed(op)
		}
	}
	r, err := ref{}, error(nil)
	if !invariant.Sometimes(25) {
		r = l.quick()
	}
	if r == (ref{}) {
		r, err = l.get(op)
	}
	if zero > 0 && err == nil {
		clear(bytesAt(r.pointer(), zero, zero))
	}
	return r, err
}

// failed counts a get that returned an error.
func (l *list) failed() {
	l.mu.Lock()
	if !l.closed {
		l.n.Failures++
	}
	l.mu.Unlock()
}

// give takes one parked block back by the cheapest way that is open. It
// reports whether the list was open.
func (l *list) give(r ref) bool {
	if l.debug != 0 {
		l.poison(bytesAt(r.pointer(), int(l.stride), int(l.stride)))
	}
	if !invariant.Sometimes(25) && l.quickPut(r) {
		return true
	}
	return l.put(r)
}

// pop takes the newest good block from c, which is ours.
func (l *list) pop(c *statspage.Cache) ref {
	for {
		i := parkedIn(c)
		if i == 0 {
			return ref{}
		}
		r := *slot(c, uintptr(i-1))
		if st := r.stateByte(); *st&^subMask == stParked {
			*st ^= stLive ^ stParked
			add(&c.W, statspage.OneGet-statspage.OneParked)
			return r
		}
		// A block that is not parked has no business here: two goroutines
		// freed it at the same moment. Hand it out to nobody.
		set64(&c.W, c.W-statspage.OneParked)
		add(&c.Out, 1)
	}
}

// put is the slow path of every put: r's state is parked already.
func (l *list) put(r ref) bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	l.roomInDepot(l.depth/2 + 2)
	id := percpu.Pin()
	c := l.o.cache(id, l)
	if c != nil {
		if i := parkedIn(c); i >= capOf(c) {
			l.unload(c, i-capOf(c)+l.spill(capOf(c)))
			l.widen(c)
		}
		*slot(c, uintptr(parkedIn(c))) = r
		add(&c.W, statspage.OneParked)
	}
	percpu.Unpin(id)
	if c == nil {
		l.putDirect(r)
	}
	l.boundDepot()
	l.mu.Unlock()
	l.o.lookOver(id)
	return true
}

// putDirect takes a block past the shards. The caller holds l.mu.
func (l *list) putDirect(r ref) {
	l.n.Puts++
	l.n.PutBytes += uint64(l.size)
	l.depot.push([]ref{r})
}

// unload moves the k coldest blocks of c, which is ours, to the depot, or as
// many as it has room for.
func (l *list) unload(c *statspage.Cache, k uint32) {
	l.refresh(c)
	i := parkedIn(c)
	k = min(k, uint32(l.depot.room()))
	refs := l.cacheRefs(c)
	l.depot.push(refs[:k])
	copy(refs, refs[k:i])
	set64(&c.W, c.W-uint64(k)*statspage.OneParked)
	add(&c.Out, uint64(k))
	set32(&c.Spills, c.Spills+1)
	if capOf(c) > l.depth {
		setCap(c, l.depth)
	}
	l.fold(c)
	l.n.Spills++
}

// widen is called after a spill: blocks that come back one after the other
// leave many at a time, also when lookOver found that none were asked for.
func (l *list) widen(c *statspage.Cache) {
	if n := min(l.depth, 2*capOf(c)); n > capOf(c) {
		setCap(c, n)
	}
}

// refresh clears the room behind c's references, which may have references of
// slabs that are gone; see unpop. c is ours.
func (l *list) refresh(c *statspage.Cache) {
	if now := l.o.epoch.Load(); c.Epoch != now {
		clear(l.cacheRefs(c)[parkedIn(c):])
		set32(&c.Epoch, now)
	}
}

// fold keeps the gets in W from running over.
func (l *list) fold(c *statspage.Cache) {
	const many = 1 << 46
	if gets := c.W >> statspage.CountBits; gets >= many {
		add(&c.Folded, gets)
		set64(&c.W, c.W&statspage.CountMask)
	}
}

// cacheRefs returns all of c's room for references.
func (l *list) cacheRefs(c *statspage.Cache) []ref { return unsafe.Slice(slot(c, 0), l.slots) }

// drainP puts everything on the slabs that the P with this id parks. The
// shards are revoked.
func (l *list) drainP(id int, c *statspage.Cache) {
	l.putReserveBack(id, c)
	l.drainCache(c)
}

// drainCache puts everything that c parks on the slabs. c is revoked.
func (l *list) drainCache(c *statspage.Cache) {
	i := parkedIn(c)
	l.putBack(l.cacheRefs(c)[:i])
	set64(&c.W, c.W-uint64(i)*statspage.OneParked)
	add(&c.Out, uint64(i))
}

// stats returns the list's account.
func (l *list) stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.statsLocked()
}

func (l *list) statsLocked() Stats {
	n := l.n
	s := Stats{
		Size: int(l.size), Gets: n.Gets, Puts: n.Puts, Refills: n.Refills, Spills: n.Spills,
		Failures: n.Failures, Parked: int64(l.depot.n), Slabs: int64(n.Slabs),
		HeldBytes: int64(n.Held), Depth: int(l.depth),
	}
	l.o.eachCache(l, func(c *statspage.Cache) {
		w := atomic.LoadUint64(&c.W)
		gets, parked := w>>statspage.CountBits+atomic.LoadUint64(&c.Folded), w&statspage.CountMask/statspage.OneParked
		parked += uint64(atomic.LoadUint32(&c.Kept))
		s.Gets += gets
		s.Puts += gets + parked + atomic.LoadUint64(&c.Out) - atomic.LoadUint64(&c.In)
		s.Parked += int64(parked)
	})
	s.Live = int64(s.Gets - s.Puts)
	s.LiveBytes = s.Live * int64(l.size)
	s.ParkedBytes = s.Parked * int64(l.size)
	return s
}
