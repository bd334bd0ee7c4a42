package slab

// What the compiler cannot check here: that a Local is used by one goroutine
// at a time. The contract says so; its shard is touched without pin or
// atomic. Two goroutines using one Local would break it, as would using one
// that Close is closing.

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/internal/statspage"
)

// Local is a shard of an allocator that one goroutine owns: no pin, no
// atomic. Its methods must not be called by two goroutines at once, nor Alloc
// and Free while the allocator is being closed; Close may be. A block
// from a Local may be freed by anybody, and a Local may free anybody's block.
type Local struct {
	a        *Allocator
	shard    unsafe.Pointer
	heap     []byte // keeps the shard alive when it is not in the file
	off      int64
	entryIdx int
	closed   bool
}

// noShard is the shard of every closed Local: it is always empty.
var noShard [shardBytes + statspage.CacheHead]byte

// NewLocal returns a new shard for the calling goroutine. Close it when the
// goroutine ends; what it has parked is counted as parked until then. On a
// closed allocator it returns a Local whose Alloc returns ErrClosed.
func (a *Allocator) NewLocal() *Local {
	c := &Local{a: a, entryIdx: -1}
	a.life.RLock()
	defer a.life.RUnlock()
	if a.closed {
		c.forget()
		return c
	}
	p, off, ok := a.file.Alloc(shardBytes)
	if !ok {
		c.heap, off = alignedBytes(shardBytes), 0
		p = unsafe.Pointer(unsafe.SliceData(c.heap))
	}
	c.shard, c.off = p, off
	_, c.entryIdx = a.file.Take(statspage.Entry{
		Kind: statspage.KindLocal, Parent: uint32(a.entryIdx + 1), ShardOff: uint64(off), ShardStride: shardBytes, Shards: 1,
	}, "")
	a.localMu.Lock()
	if a.locals == nil {
		a.locals = make(map[*Local]struct{})
	}
	a.locals[c] = struct{}{}
	a.localMu.Unlock()
	return c
}

// taker is who takes the blocks from a slab that c gets.
func (c *Local) taker() uint32 { return localTaker | uint32(c.entryIdx) }

// forget makes c closed.
func (c *Local) forget() {
	c.closed, c.heap, c.off, c.entryIdx = true, nil, 0, -1
	skip := -uintptr(unsafe.Pointer(&noShard)) & (statspage.CacheHead - 1)
	c.shard = unsafe.Add(unsafe.Pointer(&noShard), skip)
}

// setW publishes a cache's word. Race builds store it atomically, because
// Stats reads it; elsewhere an aligned store is one.
func setW(c *statspage.Cache, w uint64) {
	if race.Enabled {
		atomic.StoreUint64(&c.W, w)
		return
	}
	c.W = w
}

// allocHot is Alloc in Go.
func (c *Local) allocHot(n int) ([]byte, error) {
	if uint(n-1) < maxSmall {
		h := cacheAt(c.shard, uintptr(allocEntry.cacheOf[uint(n+quantum-1)/quantum]))
		if i := parkedIn(h); i != 0 {
			r := slot(h, uintptr(i-1))
			if st := r.stateByte(); *st&^subMask == stParked {
				*st ^= stLive ^ stParked
				setW(h, h.W+statspage.OneGet-statspage.OneParked)
				return bytesAt(r.pointer(), n, int(h.Size)), nil
			}
		}
	}
	return c.allocSlow(n)
}

// freeHot is Free in Go.
func (c *Local) freeHot(b []byte) {
	a, p := c.a, addrOf(b)
	if off := uintptr(p) - a.base; off < a.span.Load() && cap(b) != 0 {
		d := (*desc)(unsafe.Add(a.table, off>>arena.GranuleShift*descSize))
		r := bits.RotateLeft32(uint32(off)-d.start, -d.shift())
		if d.owner == a.ownID && r < grainsMax<<subBits {
			if st := d.stateAt(uintptr(r >> subBits)); *st == stLive|uint8(r)&subMask {
				h := cacheAt(c.shard, uintptr(d.cache))
				if i := parkedIn(h); i < capOf(h) {
					*slot(h, uintptr(i)) = refTo(p, st)
					*st = stParked | uint8(r)&subMask
					setW(h, h.W+statspage.OneParked)
					return
				}
			}
		}
	}
	c.freeSlow(b)
}

func (c *Local) allocSlow(n int) ([]byte, error) {
	if c.closed {
		return nil, c.a.errClosed("local alloc")
	}
	if n <= 0 || n > maxSmall {
		return c.a.alloc("local alloc", n, false)
	}
	l := &c.a.classes[classFor(n)]
	r, err := l.getLocal(c)
	if err != nil && c.a.rescue(err) {
		r, err = l.getLocal(c)
	}
	if err != nil {
		l.failed()
		return nil, err
	}
	return bytesAt(r.pointer(), n, int(l.size)), nil
}

// getLocal is get into c's shard.
func (l *list) getLocal(c *Local) (ref, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ref{}, l.o.errClosed("local alloc")
	}
	want := l.grow()
	h := cacheAt(c.shard, uintptr(l.cache))
	if !l.setUp(h) {
		r, err := l.getDirect("local alloc", c.taker())
		l.boundDepot()
		return r, err
	}
	defer l.boundDepot()
	for {
		var s *slabHdr
		if l.depot.n == 0 {
			var err error
			if s, err = l.source(c.taker()); err != nil {
				return ref{}, l.o.errFrom("local alloc", int(l.size), err)
			}
		}
		l.load(h, want, s, c.taker())
		l.unused(s)
		if r := l.pop(h); r != (ref{}) {
			return r, nil
		}
	}
}

func (c *Local) freeSlow(b []byte) {
	if cap(b) == 0 {
		return
	}
	a, p := c.a, addrOf(b)
	a.life.RLock()
	bad := a.claim("local free", p, stLive)
	if bad == nil && (c.closed || a.isLarge(p)) {
		if !a.hand(p) {
			a.unclaim(p, stLive)
			bad = a.afterClose("local free", p)
		}
	} else if bad == nil {
		t, _ := a.tame("", p, stParked)
		if !t.l.putLocal(c, t.r) {
			t.mark(stLive)
			bad = a.afterClose("local free", p)
		}
	}
	a.life.RUnlock()
	if bad != nil {
		panic(bad)
	}
}

// putLocal is put into c's shard.
func (l *list) putLocal(c *Local, r ref) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.roomInDepot(l.depth/2 + 2)
	h := cacheAt(c.shard, uintptr(l.cache))
	if l.setUp(h) {
		if i := parkedIn(h); i >= capOf(h) {
			l.unload(h, i-capOf(h)+l.spill(capOf(h)))
			l.widen(h)
		}
		*slot(h, uintptr(parkedIn(h))) = r
		add(&h.W, statspage.OneParked)
	} else {
		l.putDirect(r)
	}
	l.boundDepot()
	return true
}

// Close gives back what the Local has parked. Alloc returns ErrClosed from
// then on; Free goes to the allocator. A second Close does nothing.
func (c *Local) Close() error {
	a := c.a
	a.life.RLock() // a Close of the allocator may be closing c, too
	defer a.life.RUnlock()
	if !c.closed {
		a.closeLocal(c)
	}
	return nil
}

// closeLocal moves everything that c has parked, and its counts, to the
// lists. Nobody uses c.
func (o *owner) closeLocal(c *Local) {
	for _, l := range o.lists {
		l.mu.Lock()
		h := cacheAt(c.shard, uintptr(l.cache))
		if h.Cap != 0 && !l.closed {
			l.drainCache(h)
			l.takeDown(h)
			// The counts stay in the account when the shard is gone.
			gets := h.W>>statspage.CountBits + h.Folded
			l.n.Gets += gets
			l.n.Puts += gets + h.Out - h.In
			set64(&h.W, 0)
			set64(&h.Folded, 0)
			set64(&h.In, 0)
			set64(&h.Out, 0)
		}
		l.mu.Unlock()
	}
	o.localMu.Lock()
	delete(o.locals, c)
	o.localMu.Unlock()
	o.file.Return(c.entryIdx)
	if c.off != 0 {
		o.file.Free(c.off, shardBytes, shardBytes)
	}
	c.forget()
}

// closeLocals closes every Local that is still open.
func (o *owner) closeLocals() {
	o.localMu.Lock()
	var all []*Local
	for c := range o.locals {
		all = append(all, c)
	}
	o.localMu.Unlock()
	for _, c := range all {
		o.closeLocal(c)
	}
}

// forgetLocals makes every Local closed when the arena takes their memory.
func (o *owner) forgetLocals() {
	o.localMu.Lock()
	for c := range o.locals {
		c.forget()
	}
	o.locals = nil
	o.localMu.Unlock()
}
