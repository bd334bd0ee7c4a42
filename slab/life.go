package slab

// The end of an owner. The arena waits for arenaClosing, which shuts the
// gates, waits for the fast paths, marks every list closed under its lock and
// at last takes life exclusively, which waits for the slow paths. So a path
// that follows a record must be under the gate, a list's lock or life.

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/statspage"
)

// attach makes o known to its arena and lays out its shards.
func (o *owner) attach(self arena.Owner, src *arena.Arena, stride uintptr) error {
	id, err := src.Attach(self)
	if err != nil {
		return o.errFrom("new "+o.what, int(stride), err)
	}
	o.src, o.ownID, o.file, o.entryIdx = src, id, src.Counters(), -1
	if o.store, err = storeOf(src); err != nil {
		src.Detach(id)
		return o.errFrom("new "+o.what, int(stride), err)
	}
	if o.tagOf == nil {
		o.tagOf = func(uint8, uintptr) Tag { return o.tag }
	}
	for _, l := range o.lists {
		l.shift = uint8(min(maxShift, bits.Len32(l.stride)-1-subBits))
		l.grains = grainsOf(l.granules, l.shift)
		l.depth = l.minDepth
	}
	o.openShards(stride)
	return nil
}

// publishList gives l its record in the directory.
func (o *owner) publishList(l *list, e statspage.Entry, name string) {
	e.Size, e.Stride = uint64(l.size), uint64(l.stride)
	e.ShardStride, e.Shards = uint64(o.stride), o.nshards
	if o.shardOff != 0 {
		e.ShardOff = uint64(o.shardOff) + uint64(l.cache)
	}
	entry, i := o.file.Take(e, name)
	l.n, l.entryIdx = &entry.Counters, i
	l.n.Depth = uint64(l.depth)
}

// close is Close of both kinds of owner. stats is called when nothing moves
// any more.
func (o *owner) close(stats func() Stats) error {
	o.maint.Lock()
	defer o.maint.Unlock()
	if o.isClosed() {
		return nil
	}
	// Step 1: nobody is in a shard, and everything parked goes home. From
	// here on no fast path looks at the arena's records either: who is not
	// its owner any more does not hear of its end.
	o.span.Store(0)
	o.quiesce(o.drain)
	// Step 2: nobody is in a slow path that looks at blocks without a
	// list's lock. List by list, no block moves any more; count what is out.
	o.life.Lock()
	defer o.life.Unlock()
	o.closeLocals()
	var leaks []Leak
	for _, l := range o.lists {
		l.mu.Lock()
		l.emptyDepot()
		l.releaseSpare()
		l.closed = true
		leaks = l.leaks(leaks)
		l.mu.Unlock()
	}
	if o.more != nil {
		leaks = o.more.closeLarge(leaks, true)
	}
	// Step 3: the account is final.
	o.last = stats()
	o.closed = true
	o.unpublish()
	err := leakError(fmt.Sprintf("%s %q", o.what, o.name), leaks)
	if err != nil {
		o.leaked = err.Blocks
		return err // the arena must go on knowing whose the blocks are
	}
	o.moveOut()
	o.src.Detach(o.ownID)
	return nil
}

// unpublish takes the owner out of the directory and returns its shards.
func (o *owner) unpublish() {
	for _, l := range o.lists {
		l.mu.Lock()
		n := *l.n
		l.n = &n
		o.file.Return(l.entryIdx)
		o.store.giveBack(l)
		l.mu.Unlock()
	}
	if o.more != nil {
		o.more.closeTags()
	}
	o.file.Return(o.entryIdx)
	o.closeShards()
	o.high.Store(0)
}

// arenaClosing makes o unusable for good; nothing is given back, since the
// arena takes it all.
func (o *owner) arenaClosing(stats func() Stats) {
	o.maint.Lock()
	defer o.maint.Unlock()
	if !o.started {
		return // it was refused, and nobody has it
	}
	o.span.Store(0)
	o.quiesce(func() {})
	for _, l := range o.lists {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
	}
	if o.more != nil {
		o.more.closeLarge(nil, false)
	}
	o.life.Lock()
	defer o.life.Unlock()
	o.gone = true
	o.moveOut()
	if o.closed {
		return
	}
	o.last = stats()
	o.closed = true
	for _, l := range o.lists {
		l.mu.Lock()
		n := *l.n
		l.n = &n
		l.mu.Unlock()
	}
	if o.more != nil {
		o.more.closeTags()
	}
	o.high.Store(0)
	o.forgetLocals()
}

// leaks appends what the list has out, by tag.
func (l *list) leaks(to []Leak) []Leak {
	byTag := make(map[Tag]int64)
	for _, p := range l.slabs {
		s := headerAt(p)
		for i := uintptr(0); i < uintptr(s.grains); i++ {
			st := *s.state(i)
			if st >= stParked {
				st = stLive | st&subMask // on its way back, but too late
			}
			if isOut(st) {
				byTag[l.o.tagOf(st&^subMask, s.base+(i<<subBits|uintptr(st&subMask))<<s.shift)]++
			}
		}
	}
	name := l.o.name
	if len(l.o.lists) > 1 {
		name = fmt.Sprintf("%s/%d", name, l.size)
	}
	for tag, n := range byTag {
		to = append(to, Leak{List: name, Tag: tag, Blocks: n, Bytes: n * int64(l.size)})
	}
	return to
}

// leakError returns nil when there are no leaks.
func leakError(what string, leaks []Leak) *LeakError {
	if len(leaks) == 0 {
		return nil
	}
	e := &LeakError{Op: what, Leaks: leaks}
	for _, l := range leaks {
		e.Blocks += l.Blocks
		e.Bytes += l.Bytes
	}
	slices.SortFunc(e.Leaks, func(a, b Leak) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.List, b.List), cmp.Compare(a.Tag.String(), b.Tag.String()))
	})
	return e
}

// reclaim takes back a block that was out when its list was closed.
func (o *owner) reclaim(b []byte, want uint8) {
	o.life.Lock()
	defer o.life.Unlock()
	p := addrOf(b)
	if o.gone || o.leaked == 0 {
		return
	}
	if o.more != nil && o.more.isLarge(p) {
		if o.more.claimLarge("reclaim", p, want) != nil || !o.more.reclaimLarge(p) {
			return
		}
	} else {
		t, bad := o.tame("reclaim", p, want)
		if bad != nil {
			return
		}
		t.l.mu.Lock()
		t.park()
		t.l.putBack([]ref{t.r})
		t.l.mu.Unlock()
	}
	if o.leaked--; o.leaked == 0 {
		for _, l := range o.lists {
			o.store.giveBack(l)
		}
		o.moveOut()
		o.src.Detach(o.ownID)
	}
}
