package slab

import (
	"fmt"
	"sync/atomic"

	"offheap.example/lookaside/internal/statspage"
)

// What may be parked, in bytes. Nothing of this is looked at by a hot
// operation: it bounds the room that caches, reserves and depots have, and
// hot operations use room only. Room is claimed for a whole cache when a P
// first needs it, and for a reserve when it grows; who gets none goes to the
// list directly, block by block, which is slower and right.
const (
	// DefaultMaxParkedPerP is what one P parks at most where the
	// configuration says nothing: full caches of all eighty classes, 3.7
	// MiB, and 2 MiB in reserve.
	DefaultMaxParkedPerP = 6 << 20
	// DefaultMaxParked is the same for all Ps, Locals and depots together.
	DefaultMaxParked = 128 << 20

	// MinMaxParkedPerP is the least MaxParkedPerP of an allocator: two
	// blocks of each class, and a reserve.
	MinMaxParkedPerP = 1 << 20
	// MinMaxParked is the least MaxParked of an allocator.
	MinMaxParked = 1 << 20

	// depotPart is which part of MaxParked is for the depots.
	depotPart = 4
)

// room is what may be claimed, and what is.
type room struct {
	most int64 // bytes
	now  atomic.Int64
}

// take claims n bytes, or reports that there is no room for them.
func (r *room) take(n int64) bool {
	for {
		now := r.now.Load()
		if n > r.most-now {
			return false
		}
		if r.now.CompareAndSwap(now, now+n) {
			return true
		}
	}
}

func (r *room) give(n int64) { r.now.Add(-n) }

// short reports that more than half is claimed: who does not need his room
// should give it back.
func (r *room) short() bool { return r.now.Load() > r.most/2 }

// claim is what a cache of l claims.
func (l *list) claim() int64 { return int64(l.maxDepth) * int64(l.stride) }

// setUp makes a cache usable that was never used. It reports false when there
// is no room for it. The caller holds l.mu, and is the P that it belongs to.
func (l *list) setUp(c *statspage.Cache) bool {
	if c.Cap != 0 {
		return true
	}
	if !l.o.room.take(l.claim()) {
		return false
	}
	c.Size, c.Slots = l.size, uint16(l.slots)
	setCap(c, max(l.minDepth, min(l.depth, l.minDepth*2)))
	return true
}

// takeDown undoes setUp for an empty cache. The caller holds l.mu, and is the
// P that it belongs to, or has revoked the shards.
func (l *list) takeDown(c *statspage.Cache) {
	if c.Cap != 0 && parkedIn(c) == 0 {
		setCap(c, 0)
		l.o.room.give(l.claim())
	}
}

// boundDepot is called when blocks were added to the depot.
func (l *list) boundDepot() {
	if most := l.depotMax(); l.depot.n > most {
		l.spillDepot(most / 2)
	}
	l.n.Depot = uint64(l.depot.n)
}

// depotMax is how many blocks the depot may hold: enough for a few Ps to
// exchange whole caches, and for bursts of small blocks, as far as the
// list's share for depots goes.
func (l *list) depotMax() int {
	most := max(int(l.slots), min(maxDepotBlocks, maxDepotBytes/int(l.stride)))
	return min(most, int(l.o.depotShare)/int(l.stride))
}

const (
	maxDepotBlocks = 1024
	maxDepotBytes  = 64 << 10
)

// divide splits what may be parked in all between caches and depots.
func (o *owner) divide(most int64) {
	o.depotShare = most / depotPart / int64(len(o.lists))
	o.room.most = most - most/depotPart
}

// bounds checks the two bounds of an allocator and fills in the defaults.
func (cfg *AllocatorConfig) bounds() error {
	fail := func(field string, value, least any) error {
		return fmt.Errorf("slab: new allocator %q: %s %v: must be 0 or at least %v: %w", cfg.Name, field, value, least, ErrInvalid)
	}
	switch {
	case cfg.MaxParkedPerP != 0 && cfg.MaxParkedPerP < MinMaxParkedPerP:
		return fail("MaxParkedPerP", cfg.MaxParkedPerP, MinMaxParkedPerP)
	case cfg.MaxParked != 0 && cfg.MaxParked < MinMaxParked:
		return fail("MaxParked", cfg.MaxParked, MinMaxParked)
	}
	if cfg.MaxParkedPerP == 0 {
		cfg.MaxParkedPerP = DefaultMaxParkedPerP
	}
	if cfg.MaxParked == 0 {
		cfg.MaxParked = DefaultMaxParked
	}
	return nil
}

// reserveMost is the part of MaxParkedPerP that is for reserves: half of what
// two blocks of each class leave.
func (cfg *AllocatorConfig) reserveMost() int {
	return int(min(reservePerP, (cfg.MaxParkedPerP-cfg.sum(0))/2))
}

// perClass is how many bytes of one class a P may park, so that all classes
// together stay within MaxParkedPerP: the most that does, but two blocks of
// each class in any case.
func (cfg *AllocatorConfig) perClass() int {
	left := cfg.MaxParkedPerP - int64(cfg.reserveMost())
	lo, hi := 0, minSlots*maxSmall
	if cfg.ParkedPerP > 0 {
		hi = cfg.ParkedPerP
	}
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if sum := cfg.sum(mid); sum <= left {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}

// sum is how many bytes a P may park when it may park so many of each class.
func (cfg *AllocatorConfig) sum(perClass int) (bytes int64) {
	for i := range classTable {
		bytes += int64(cfg.deepest(i, perClass)) * int64(classTable[i].size)
	}
	return bytes
}

// deepest is how many blocks of a class a P may park.
func (cfg *AllocatorConfig) deepest(class, perClass int) uint32 {
	c := &classTable[class]
	return max(2, min(uint32(c.slots), uint32(perClass)/c.size))
}
