package slab

// The hot path in Go, ordered as the CPU meets it: Get and Put of a lookaside,
// Alloc and Free of an allocator. Nothing else is in this file. Where there
// is one, hot_amd64.s does the same in assembly.
//
// What the compiler cannot check here: that a P's shard is touched by nobody
// else between the reading of the P's id and the last store. It holds
// because these functions are nosplit and are never inlined, and call
// nothing but the assembly that reads the id: the runtime does not preempt
// inside them, so the goroutine stays on its P. Trim, Close and the growth
// of GOMAXPROCS set gate to zero and then wait until every such function
// that had begun has ended (percpu.Barrier). A call to anything preemptible
// before the last store would break it, as would inlining into a caller.
//
// The only memory followed is ours: the caller's address is compared with
// the arena's bounds and then used as an index, never dereferenced.

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/statspage"
)

// hot is what the hot path reads: one cache line, written at birth and at
// death, and by those who revoke the shards. It begins 8 bytes behind where
// many blocks begin in their pages; see firstCache in gen.
type hot struct {
	_      uintptr
	base   uintptr        // the arena's primary piece
	span   atomic.Uintptr // its size; 0: every free goes the slow way
	table  unsafe.Pointer // its granule records
	shards unsafe.Pointer // P i's shard is at i*stride
	stride uintptr
	gate   atomic.Uint32 // Ps below it may use their shard; 0 while revoked
	ownID  uint16        // our id in the granule records
	epoch  atomic.Uint32 // slabs released since the beginning
}

// allocHot is Alloc in Go.
//
//go:nosplit
//go:noinline
func (a *Allocator) allocHot(n int) ([]byte, error) {
	if uint(n-1) < maxSmall {
		off := uintptr(allocEntry.cacheOf[uint(n+quantum-1)/quantum])
		if id := uint32(percpu.ID()); id < a.gate.Load() {
			c := cacheAt(a.shards, uintptr(id)*a.stride+off)
			if i := parkedIn(c); i != 0 {
				r := slot(c, uintptr(i-1))
				if st := r.stateByte(); *st&^subMask == stParked {
					*st ^= stLive ^ stParked
					c.W += statspage.OneGet - statspage.OneParked
					return bytesAt(r.pointer(), n, int(c.Size)), nil
				}
			}
		}
	}
	return a.allocSlow(n)
}

// zeroedHot is AllocZeroed in Go: the block is cleared before anybody can take
// the arena away.
//
//go:nosplit
//go:noinline
func (a *Allocator) zeroedHot(n int) ([]byte, error) {
	if uint(n-1) < maxSmall {
		off := uintptr(allocEntry.cacheOf[uint(n+quantum-1)/quantum])
		id := uint32(percpu.ID())
		if id < a.gate.Load() {
			c := cacheAt(a.shards, uintptr(id)*a.stride+off)
			if i := parkedIn(c); i != 0 {
				r := slot(c, uintptr(i-1))
				if st := r.stateByte(); *st&^subMask == stParked {
					*st ^= stLive ^ stParked
					c.W += statspage.OneGet - statspage.OneParked
					b := bytesAt(r.pointer(), n, int(c.Size))
					clear(b)
					return b, nil
				}
			}
		}
	}
	return a.zeroedSlow(n)
}

// freeHot is Free in Go.
//
//go:nosplit
//go:noinline
func (a *Allocator) freeHot(b []byte) {
	p := unsafe.Pointer(unsafe.SliceData(b))
	if off := uintptr(p) - a.base; off < a.span.Load() && cap(b) != 0 {
		d := (*desc)(unsafe.Add(a.table, off>>arena.GranuleShift*descSize))
		r := bits.RotateLeft32(uint32(off)-d.start, -d.shift())
		if d.owner == a.ownID && r < grainsMax<<subBits {
			if st := d.stateAt(uintptr(r >> subBits)); *st == stLive|uint8(r)&subMask {
				if id := uint32(percpu.ID()); id < a.gate.Load() {
					c := cacheAt(a.shards, uintptr(id)*a.stride+uintptr(d.cache))
					if i := parkedIn(c); i < capOf(c) {
						*slot(c, uintptr(i)) = refTo(p, st)
						*st = stParked | uint8(r)&subMask
						c.W += statspage.OneParked
						return
					}
				}
			}
		}
	}
	a.freeSlow(b)
}

// roomHot returns what the block at p holds, which is in the state want, or 0
// where anything is unusual: Realloc asks before it does anything.
//
//go:nosplit
//go:noinline
func (a *Allocator) roomHot(p unsafe.Pointer, want uint8) int {
	if off := uintptr(p) - a.base; off < a.span.Load() {
		d := (*desc)(unsafe.Add(a.table, off>>arena.GranuleShift*descSize))
		r := bits.RotateLeft32(uint32(off)-d.start, -d.shift())
		if d.owner == a.ownID && r < grainsMax<<subBits && *d.stateAt(uintptr(r >> subBits)) == want|uint8(r)&subMask {
			if id := uint32(percpu.ID()); id < a.gate.Load() {
				return int(cacheAt(a.shards, uintptr(id)*a.stride+uintptr(d.cache)).Size)
			}
		}
	}
	return 0
}

// moveHot copies from one block to another before anybody can take the arena
// away. It reports whether it did: not where that takes long.
//
//go:nosplit
//go:noinline
func (a *Allocator) moveHot(to, from []byte) bool {
	if id := uint32(percpu.ID()); id < a.gate.Load() && len(from) <= maxSmall {
		copy(to, from)
		return true
	}
	return false
}

// getHot is Get in Go.
//
//go:nosplit
//go:noinline
func (l *Lookaside) getHot() ([]byte, error) {
	if id := uint32(percpu.ID()); id < l.gate.Load() {
		c := cacheAt(l.shards, uintptr(id)*l.stride)
		if i := parkedIn(c); i != 0 {
			r := slot(c, uintptr(i-1))
			if st := r.stateByte(); *st&^subMask == stParked {
				*st ^= stLive ^ stParked
				c.W += statspage.OneGet - statspage.OneParked
				b := bytesAt(r.pointer(), l.size, l.size)
				if l.zero {
					clear(b)
				}
				return b, nil
			}
		}
	}
	return l.getSlow()
}

// putHot is Put in Go.
//
//go:nosplit
//go:noinline
func (l *Lookaside) putHot(b []byte) {
	p := unsafe.Pointer(unsafe.SliceData(b))
	if off := uintptr(p) - l.base; off < l.span.Load() {
		d := (*desc)(unsafe.Add(l.table, off>>arena.GranuleShift*descSize))
		r := bits.RotateLeft32(uint32(off)-d.start, -d.shift())
		if d.owner == l.ownID && r < grainsMax<<subBits {
			if st := d.stateAt(uintptr(r >> subBits)); *st == stLive|uint8(r)&subMask {
				if id := uint32(percpu.ID()); id < l.gate.Load() {
					c := cacheAt(l.shards, uintptr(id)*l.stride)
					if i := parkedIn(c); i < capOf(c) {
						*slot(c, uintptr(i)) = refTo(p, st)
						*st = stParked | uint8(r)&subMask
						c.W += statspage.OneParked
						return
					}
				}
			}
		}
	}
	l.putSlow(b)
}
