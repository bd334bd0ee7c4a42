package slab

// What the compiler cannot check here: that the address of the caller's
// slice is only ever compared and used as an index. It holds because it goes
// through tame, or through the table lookup of claimFast, which is the one
// of hot_unsafe.go; nothing here dereferences it. Doing so would break it.

import (
	"fmt"
	"math/bits"
	"unsafe"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/invariant"
	"offheap.example/lookaside/internal/percpu"
)

func addrOf(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// free is the slow path of Free and Put for blocks in the state want.
func (o *owner) free(op string, b []byte, want uint8) {
	// The usual reason to be here is a full cache.
	if l, r, done := o.claimPinned(addrOf(b), want); l != nil {
		if !done && !l.put(r) {
			o.tooLate(r, want)
			panic(o.afterClose(op, addrOf(b)))
		}
		return
	}
	o.life.RLock()
	if o.more != nil && !o.closed && o.more.quickLarge(addrOf(b), want) {
		o.life.RUnlock()
		return
	}
	bad := o.claim(op, addrOf(b), want)
	if bad == nil && !o.hand(addrOf(b)) {
		o.unclaim(addrOf(b), want)
		bad = o.afterClose(op, addrOf(b))
	}
	o.life.RUnlock()
	if bad != nil {
		panic(bad)
	}
}

func (o *owner) afterClose(op string, p unsafe.Pointer) *MisuseError {
	return &MisuseError{Op: op, Kind: UseAfterClose, List: o.name, Tag: o.tag, Addr: uintptr(p)}
}

// claim moves the block at p from the state want to parked, or says what is
// wrong and changes nothing. From then on the block is ours. Callers hold
// life.
func (o *owner) claim(op string, p unsafe.Pointer, want uint8) *MisuseError {
	if o.closed {
		return o.afterClose(op, p)
	}
	if st, sub, ok := o.claimFast(p); ok && *st == want|sub {
		*st = stParked | sub
		return nil
	}
	if o.more != nil && o.more.isLarge(p) {
		return o.more.claimLarge(op, p, want)
	}
	t, bad := o.tame(op, p, want)
	if bad == nil {
		t.park()
	}
	return bad
}

// claimPinned is claim for those who do not hold life: while we are pinned
// and the shards are open the arena cannot go away. It returns nil when
// anything is unusual; done says that the block has found a place already.
func (o *owner) claimPinned(p unsafe.Pointer, want uint8) (l *list, r ref, done bool) {
	lazy := !invariant.Sometimes(25)
	id := percpu.Pin()
	if uint(id) < uint(o.open.Load()) {
		if st, sub, ok := o.claimFast(p); ok && *st == want|sub {
			l, r = o.lists[o.descOf(p).header().class], refTo(p, st)
			if l.debug == 0 {
				*st = stParked | sub
				done = lazy && l.stash(id, r)
			} else {
				l = nil // its bytes will be touched: hold life
			}
		}
	}
	percpu.Unpin(id)
	return l, r, done
}

// tooLate undoes claimPinned: its list was closed meanwhile, and counted the
// block as out.
func (o *owner) tooLate(r ref, want uint8) {
	o.life.RLock()
	if !o.gone {
		*r.stateByte() = want | *r.stateByte()&subMask
	}
	o.life.RUnlock()
}

// claimFast finds the state byte that p would have if it were a block's
// start, as the hot path does.
func (o *owner) claimFast(p unsafe.Pointer) (st *uint8, sub uint8, ok bool) {
	off := uintptr(p) - o.base
	if off >= o.span.Load() {
		return nil, 0, false
	}
	d := (*desc)(unsafe.Add(o.table, off>>arena.GranuleShift*descSize))
	r := bits.RotateLeft32(uint32(off)-d.start, -d.shift())
	if d.owner != o.ownID || r >= grainsMax<<subBits {
		return nil, 0, false
	}
	return d.stateAt(uintptr(r >> subBits)), uint8(r) & subMask, true
}

// unclaim undoes claim.
func (o *owner) unclaim(p unsafe.Pointer, want uint8) {
	if o.more != nil && o.more.isLarge(p) {
		o.more.unclaimLarge(p, want)
		return
	}
	if t, bad := o.tame("", p, stParked); bad == nil {
		t.mark(want)
	}
}

// hand gives a claimed block to its list. It reports whether the list was
// still open.
func (o *owner) hand(p unsafe.Pointer) bool {
	if st, sub, ok := o.claimFast(p); ok && *st == stParked|sub {
		l := o.lists[o.descOf(p).header().class]
		return l.give(refTo(p, st))
	}
	if o.more != nil && o.more.isLarge(p) {
		return o.more.freeLarge(p)
	}
	t, bad := o.tame("", p, stParked)
	return bad == nil && t.l.give(t.r)
}

// freeBatch frees every block of src or, when one of them is wrong, none.
func (o *owner) freeBatch(op string, src [][]byte, want uint8, skipEmpty bool) {
	o.life.RLock()
	var bad *MisuseError
	pushed, ok := 0, false
	if len(src) <= maxSection && want == stLive {
		pushed, ok = o.freeSome(src, skipEmpty)
	}
	if !ok {
		bad = o.claimAll(op, src, want, skipEmpty)
	}
	if bad == nil {
		bad = o.handAll(op, src[pushed:], want, skipEmpty)
	}
	o.life.RUnlock()
	if bad != nil {
		panic(bad)
	}
}

func (o *owner) claimAll(op string, src [][]byte, want uint8, skipEmpty bool) *MisuseError {
	for i, b := range src {
		if skipEmpty && cap(b) == 0 {
			continue
		}
		if bad := o.claim(op, addrOf(b), want); bad != nil {
			for _, b := range src[:i] {
				if !skipEmpty || cap(b) != 0 {
					o.unclaim(addrOf(b), want)
				}
			}
			return bad
		}
	}
	return nil
}

func (o *owner) handAll(op string, src [][]byte, want uint8, skipEmpty bool) (bad *MisuseError) {
	for _, b := range src {
		if !(skipEmpty && cap(b) == 0) && !o.hand(addrOf(b)) {
			o.unclaim(addrOf(b), want)
			bad = o.afterClose(op, addrOf(b))
		}
	}
	return bad
}

// realloc is Realloc for blocks of a tag, or without one where x is nil.
func (a *Allocator) realloc(b []byte, n int, x *Tagged) ([]byte, error) {
	want := uint8(stLive)
	if x != nil {
		want = x.state
	}
	switch {
	case n < 0:
		return nil, fmt.Errorf("slab: realloc %q: %d bytes: must not be negative: %w", a.name, n, ErrInvalid)
	case cap(b) == 0:
		return a.allocFor(x, n)
	case n == 0:
		a.freeFor(x, b)
		return []byte{}, nil
	}
	room := a.roomHot(addrOf(b), want)
	if room == 0 {
		var err error
		if room, err = a.roomOf("realloc", addrOf(b), n, want); err != nil {
			return nil, err
		}
	}
	if n <= room && (n >= room/2 || room <= 2*quantum) {
		return bytesAt(addrOf(b), n, room), nil
	}
	c, err := a.allocFor(x, n)
	if err != nil {
		if n <= room {
			return bytesAt(addrOf(b), n, room), nil
		}
		return nil, err
	}
	if from := b[:min(len(b), room)]; !a.moveHot(c, from) && !a.move(c, from) {
		return nil, a.errClosed("realloc")
	}
	a.freeFor(x, b)
	return c, nil
}

func (a *Allocator) allocFor(x *Tagged, n int) ([]byte, error) {
	if x != nil {
		return x.Alloc(n)
	}
	return a.Alloc(n)
}

func (a *Allocator) freeFor(x *Tagged, b []byte) {
	if x != nil {
		x.Free(b)
		return
	}
	a.Free(b)
}

// move copies from one block to another, unless the arena may be gone.
func (a *Allocator) move(to, from []byte) bool {
	a.life.RLock()
	defer a.life.RUnlock()
	if !a.closed {
		copy(to, from)
	}
	return !a.closed
}

// roomOf returns the capacity of the live block at p, after trying to extend
// it in place when it is large and n does not fit.
func (a *Allocator) roomOf(op string, p unsafe.Pointer, n int, want uint8) (int, error) {
	a.life.RLock()
	if a.closed {
		a.life.RUnlock()
		return 0, a.errClosed(op)
	}
	room, bad := 0, (*MisuseError)(nil)
	if st, sub, ok := a.claimFast(p); ok && *st == want|sub {
		room = int(a.lists[a.descOf(p).header().class].size)
	} else if a.isLarge(p) {
		room, bad = a.roomLarge(op, p, n, want)
	} else {
		var t tamed
		if t, bad = a.tame(op, p, want); bad == nil {
			room = int(t.l.size)
		}
	}
	a.life.RUnlock()
	if bad != nil {
		panic(bad)
	}
	return room, nil
}
