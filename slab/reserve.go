package slab

import (
	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/statspage"
)

// A reserve is used between Pin and Unpin only, or with the shards revoked, like
// the shard itself. It is the second level of what one P parks of one list: blocks go
// there from the P's full cache and come back to its empty one, many at a
// time, without a lock. It exists where a P's frees and allocations come in
// bursts: it grows when a P must refill its cache after it had to spill
// it, and goes when the P asks for much less than it holds.
type reserve struct {
	depot     // its n is published as Cache.Kept
	most  int // blocks that there is room for
}

// reserves are those of one P.
type reserves struct {
	bytes int // of blocks that there is room for
	of    [numClasses]reserve
}

const (
	// reservePerP bounds what one P may keep in all its reserves, and
	// reservePerClass in one of them, in bytes.
	reservePerP     = 2 << 20
	reservePerClass = 64 << 10
	// reserveBlocks is the same in blocks: each takes a reference.
	reserveBlocks = 1024
	// reserveLeast is the smallest reserve worth having, in blocks.
	reserveLeast = 16
)

// reserveOf returns the reserve of l that belongs to the P with this id, or
// nil. The caller is pinned as id, or has revoked the shards.
func (o *owner) reserveOf(id int, l *list) *reserve {
	if uint(id) < uint(len(o.reserves)) {
		if rs := o.reserves[id].Load(); rs != nil {
			return &rs.of[l.class]
		}
	}
	return nil
}

// stow moves the older blocks of a full cache to the reserve. It reports
// whether there was room.
func (l *list) stow(id int, c *statspage.Cache) bool {
	rv := l.o.reserveOf(id, l)
	i := parkedIn(c)
	k := i - i/4
	if rv == nil || k == 0 || rv.most-rv.n < int(k) {
		return false
	}
	l.refresh(c)
	refs := l.cacheRefs(c)
	rv.push(refs[:k])
	copy(refs, refs[k:i])
	set32(&c.Kept, uint32(rv.n))
	add(&c.W, -uint64(k)*statspage.OneParked)
	return true
}

// fetch moves blocks from the reserve to an empty cache.
func (l *list) fetch(id int, c *statspage.Cache) {
	rv := l.o.reserveOf(id, l)
	if rv == nil || rv.n == 0 {
		return
	}
	l.refresh(c)
	k := min(uint32(rv.n), max(1, capOf(c)-capOf(c)/4))
	rv.pop(l.cacheRefs(c)[:k])
	set32(&c.Kept, uint32(rv.n))
	add(&c.W, uint64(k)*statspage.OneParked)
}

// wanted returns how many blocks the reserve should have room for, or 0 when
// it is large enough: a cache that had to spill since it was last empty
// wants twice as much. The caller is pinned as id.
func (l *list) wanted(id int, c *statspage.Cache) uint32 {
	if c.Spilt == uint16(c.Spills) {
		return 0
	}
	c.Spilt = uint16(c.Spills)
	have := uint32(0)
	if rv := l.o.reserveOf(id, l); rv != nil {
		have = uint32(rv.most)
	}
	most := min(reserveBlocks, uint32(min(l.o.reserveMost, reservePerClass))/l.stride)
	if want := min(most, max(2*have, 2*capOf(c))); want > have && want >= reserveLeast {
		return want
	}
	return 0
}

// growReserve makes room for so many blocks in the reserve of the P with this
// id, if the bound for all of its reserves allows it.
func (l *list) growReserve(id int, want uint32) {
	slot := &l.o.reserves[id]
	if slot.Load() == nil {
		slot.CompareAndSwap(nil, new(reserves))
	}
	var room depot
	l.o.segments.lend(&room, int(want))
	l.giveRoom(id, &room, int(want))
}

// takeReserve takes everything out of a reserve, and its room away, and returns
// what that was. The caller is pinned as id, or has revoked the shards.
func (l *list) takeReserve(id int, c *statspage.Cache) (rv reserve) {
	p := l.o.reserveOf(id, l)
	if p == nil || p.most == 0 {
		return rv
	}
	rv, *p = *p, rv
	l.o.reserves[id].Load().bytes -= rv.most * int(l.stride)
	l.o.room.give(int64(rv.most) * int64(l.stride))
	set32(&c.Kept, 0)
	add(&c.Out, uint64(rv.n))
	return rv
}

// putReserveBack puts a reserve's blocks on their slabs, and takes its room
// away. The shards are revoked.
func (l *list) putReserveBack(id int, c *statspage.Cache) {
	rv := l.takeReserve(id, c)
	l.putOldestBack(&rv.depot, 0)
	l.o.segments.takeAll(&rv.depot)
}

// relinquish empties all reserves of the current P, whose room stays: it is
// called before pages are asked for, so that no memory is held beyond what
// is in use for the sake of bursts.
func (o *owner) relinquish() {
	id := percpu.Pin()
	kept := uint(id) < uint(o.open.Load()) && uint(id) < uint(len(o.reserves)) && o.reserves[id].Load().any()
	percpu.Unpin(id)
	if !kept {
		return
	}
	for _, l := range o.lists {
		if !l.used.Load() {
			continue
		}
		var rv reserve
		now := percpu.Pin()
		if now == id {
			if c := o.ready(id, l); c != nil && c.Kept > 0 {
				rv = l.takeReserve(id, c)
			}
		}
		percpu.Unpin(now)
		if rv.most == 0 {
			continue
		}
		l.mu.Lock()
		if !l.closed {
			l.putOldestBack(&rv.depot, 0)
		}
		l.mu.Unlock()
		l.giveRoom(id, &rv.depot, rv.most)
	}
}

// any reports whether one of the reserves has a block.
func (rs *reserves) any() bool {
	if rs != nil {
		for i := range rs.of {
			if rs.of[i].n > 0 {
				return true
			}
		}
	}
	return false
}

// giveRoom gives room for that many blocks, which has none in it, to the reserve
// of the P with this id, if that has less and may have so much. What is not
// needed goes to the other lists.
func (l *list) giveRoom(id int, room *depot, most int) {
	now := percpu.Pin()
	if now == id && uint(id) < uint(l.o.open.Load()) {
		rs := l.o.reserves[id].Load()
		rv := &rs.of[l.class]
		more := (most - rv.most) * int(l.stride)
		if more > 0 && rs.bytes+more <= l.o.reserveMost && l.o.room.take(int64(more)) {
			rs.bytes += more
			for i, s := range rv.segments { // those that have blocks stay in front
				room.segments[i], rv.segments[i] = s, room.segments[i]
			}
			room.segments, rv.segments, rv.most = rv.segments, room.segments, most
		}
	}
	percpu.Unpin(now)
	l.o.segments.takeAll(room)
}
