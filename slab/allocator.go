package slab

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/statspage"
)

// Allocator hands out blocks of any size: one list per size class, and page
// runs for what is larger. All methods may be called by any number of
// goroutines at once.
type Allocator struct {
	owner
	cfg     AllocatorConfig
	classes [numClasses]list
	large   large
	home    atomic.Pointer[Home] // as a Lookaside's

	tagMu sync.Mutex
	tags  []*Tagged
	side  map[uintptr]uint16 // tags of blocks whose state says stTagMax
}

// NewAllocator makes an allocator whose pages come from src. It returns an
// error that wraps ErrInvalid when cfg makes no sense, ErrClosed when src is
// closed, ErrNoMemory when src has no room for its records.
func NewAllocator(src *arena.Arena, cfg AllocatorConfig) (*Allocator, error) {
	if src == nil {
		return nil, fmt.Errorf("slab: new allocator: arena is nil: %w", ErrInvalid)
	}
	if cfg.ParkedPerP < 0 {
		return nil, fmt.Errorf("slab: new allocator %q: ParkedPerP %d: must not be negative: %w", cfg.Name, cfg.ParkedPerP, ErrInvalid)
	}
	if cfg.Name == "" {
		cfg.Name = "allocator"
	}
	if err := cfg.bounds(); err != nil {
		return nil, err
	}
	perClass := cfg.perClass()
	a := &Allocator{cfg: cfg}
	a.what, a.name, a.more, a.tagOf = "allocator", cfg.Name, a, a.tagOfState
	a.lists = make([]*list, numClasses)
	for i := range a.classes {
		a.lists[i] = &a.classes[i]
		a.classes[i] = cfg.class(i, perClass, &a.owner)
	}
	a.reserveMost = cfg.reserveMost()
	a.divide(cfg.MaxParked)
	a.maint.Lock() // the arena's end waits until we are whole
	defer a.maint.Unlock()
	if err := a.attach(a, src, 1<<allocStrideShift); err != nil {
		return nil, err
	}
	a.entry, a.entryIdx = a.file.Take(statspage.Entry{
		Kind: statspage.KindAllocator, ShardOff: uint64(a.shardOff), ShardStride: uint64(a.stride), Shards: a.nshards,
	}, cfg.Name)
	for i := range a.classes {
		l := &a.classes[i]
		a.publishList(l, statspage.Entry{Kind: statspage.KindClass, Parent: uint32(a.entryIdx + 1), Class: uint32(i)}, "")
	}
	a.large = large{at: make(map[uintptr]uint32), n: &a.entry.Counters}
	a.start()
	return a, nil
}

// class returns the list of one size class.
func (cfg *AllocatorConfig) class(i, perClass int, o *owner) list {
	c := &classTable[i]
	deepest := cfg.deepest(i, perClass)
	return list{
		o: o, class: uint8(i), cache: c.cache, size: c.size, stride: c.size,
		geometry: geometry{granules: c.granules, blocks: c.blocks}, slots: uint32(c.slots),
		depthRule: depthRule{minDepth: min(8, deepest), maxDepth: deepest},
	}
}

// Name returns the name from the configuration.
func (a *Allocator) Name() string { return a.name }

func (a *Allocator) allocSlow(n int) ([]byte, error) { return a.alloc("alloc", n, false) }

func (a *Allocator) zeroedSlow(n int) ([]byte, error) { return a.alloc("alloc zeroed", n, true) }

// alloc is Alloc and AllocZeroed without the fast path.
func (a *Allocator) alloc(op string, n int, zero bool) ([]byte, error) {
	switch {
	case n < 0:
		return nil, fmt.Errorf("slab: %s %q: %d bytes: must not be negative: %w", op, a.name, n, ErrInvalid)
	case n == 0:
		if a.isClosed() {
			return nil, a.errClosed(op)
		}
		return []byte{}, nil
	case n > maxSmall:
		return a.allocLarge(op, n, 0, zero)
	}
	return a.allocClass(op, classFor(n), n, zero)
}

func (a *Allocator) allocClass(op string, c, n int, zero bool) ([]byte, error) {
	l, clearing := &a.classes[c], 0
	if zero {
		clearing = n
	}
	r, err := l.take(op, clearing)
	if err != nil {
		return nil, err
	}
	return bytesAt(r.pointer(), n, int(l.size)), nil
}

func (a *Allocator) freeSlow(b []byte) {
	if cap(b) != 0 {
		a.free("free", b, stLive)
	}
}

// AllocAligned is Alloc at an address that is a multiple of to, a power of
// two; otherwise it returns ErrInvalid.
func (a *Allocator) AllocAligned(n, to int) ([]byte, error) { return a.aligned(n, to, false) }

// AllocAlignedZeroed is AllocAligned with all n bytes zero.
func (a *Allocator) AllocAlignedZeroed(n, to int) ([]byte, error) { return a.aligned(n, to, true) }

func (a *Allocator) aligned(n, to int, zero bool) ([]byte, error) {
	if to < 1 || !align.IsPow2(to) {
		return nil, fmt.Errorf("slab: alloc aligned %q: alignment %d: must be a power of two: %w", a.name, to, ErrInvalid)
	}
	alloc := a.Alloc
	if zero {
		alloc = a.AllocZeroed
	}
	if n < 1 || to <= quantum {
		return alloc(n)
	}
	if to <= arena.Granule {
		if c, ok := alignedClassFor(n, to); ok {
			b, err := alloc(int(classTable[c].size)) // a whole block, by the fast path
			if err != nil {
				return nil, err
			}
			return b[:n], nil
		}
	}
	return a.allocLarge("alloc aligned", n, to, zero)
}

// Realloc changes the length of a block to n bytes and returns it, perhaps
// at another address; the first min(len(b), n) bytes stay. It copies only
// when the block does not fit. On an error b is as it was. A nil b is
// Alloc(n), an n of 0 is Free(b). A b that is not a live block of this
// allocator panics with *MisuseError.
func (a *Allocator) Realloc(b []byte, n int) ([]byte, error) {
	return a.realloc(b, n, nil)
}

// Trim gives back every parked block, every empty slab and the arena's idle
// pages. It returns the bytes that went back to the system. It stops all
// goroutines for a moment.
func (a *Allocator) Trim() int64 { return a.trim() }

// Tune is one step of the depth rule for every class; see Lookaside.Tune.
func (a *Allocator) Tune(now time.Time) {
	a.tune()
}

// Stats returns the account of the allocator and of every class and tag.
func (a *Allocator) Stats() Stats {
	a.life.RLock()
	defer a.life.RUnlock()
	if a.closed {
		return a.last
	}
	return a.stats()
}

func (a *Allocator) stats() Stats {
	sum := Stats{Name: a.name}
	for i := range a.classes {
		s := a.classes[i].stats()
		if s.Gets == 0 && s.Slabs == 0 {
			continue
		}
		s.Name = fmt.Sprintf("%s/%d", a.name, s.Size)
		sum.Classes = append(sum.Classes, s)
	}
	if s := a.large.stats(); s.Gets > 0 || s.Failures > 0 {
		s.Name = a.name + "/large"
		sum.Classes = append(sum.Classes, s)
	}
	for _, s := range sum.Classes {
		sum.Gets += s.Gets
		sum.Puts += s.Puts
		sum.Refills += s.Refills
		sum.Spills += s.Spills
		sum.Failures += s.Failures
		sum.Live += s.Live
		sum.Parked += s.Parked
		sum.Slabs += s.Slabs
		sum.LiveBytes += s.LiveBytes
		sum.ParkedBytes += s.ParkedBytes
		sum.HeldBytes += s.HeldBytes
		sum.Depth = max(sum.Depth, s.Depth)
	}
	sum.Tags = a.tagStats()
	return sum
}

// Close gives everything back to the arena. When blocks are out it returns a
// *LeakError that counts them per class and tag; those blocks keep their
// memory until the arena is closed. Locals that are still open are closed. A
// second Close does nothing.
func (a *Allocator) Close() error { return a.close(a.stats) }

// ArenaClosing is for the arena: it makes the allocator unusable before its
// memory goes away.
func (a *Allocator) ArenaClosing() { a.arenaClosing(a.stats) }
