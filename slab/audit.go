package slab

import (
	"fmt"
	"math/bits"

	"offheap.example/lookaside/internal/statspage"
)

// Audit counts every block of every class from scratch and compares with the
// counters: each block carved is in exactly one place, in a shard, in the
// depot, on its slab or out. It stops all goroutines for a moment, and is
// exact when nobody is inside an operation meanwhile. Locals must be quiet.
func (a *Allocator) Audit() error { return a.audit() }

// Audit is Allocator.Audit for one list.
func (l *Lookaside) Audit() error { return l.audit() }

func (o *owner) audit() (err error) {
	o.maint.Lock()
	defer o.maint.Unlock()
	o.life.RLock()
	defer o.life.RUnlock()
	if o.closed {
		return o.errClosed("audit")
	}
	o.atRest(func(l *list) {
		if err == nil {
			err = l.audit()
		}
	})
	return err
}

// tally is what a recount finds.
type tally struct{ carved, onSlabs, parked, live, slabs int64 }

func (l *list) audit() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("slab: audit %q, %d bytes: %s", l.o.name, l.size, fmt.Sprintf(format, args...))
	}
	seen := make(map[uintptr]string)
	for i := range l.depot.n {
		r := l.depot.at(i)
		if where, ok := seen[r.addr]; ok {
			return fail("block %#x is in the depot and in %s", r.addr, where)
		}
		seen[r.addr] = "the depot"
	}
	var bad error
	cache := 0
	l.o.eachCache(l, func(c *statspage.Cache) {
		where := fmt.Sprintf("cache %d", cache)
		cache++
		if c.Cap == 0 {
			return
		}
		for _, r := range l.cacheRefs(c)[:parkedIn(c)] {
			if other, ok := seen[r.addr]; ok && bad == nil {
				bad = fail("block %#x is in %s and in %s", r.addr, where, other)
			}
			seen[r.addr] = where
		}
	})
	l.o.eachPCache(l, func(id int, c *statspage.Cache) {
		rv := l.o.reserveOf(id, l)
		if rv == nil {
			return
		}
		if uint32(rv.n) != c.Kept && bad == nil {
			bad = fail("%d blocks in the reserve of P %d, %d published", rv.n, id, c.Kept)
		}
		for i := range rv.n {
			r := rv.at(i)
			if other, ok := seen[r.addr]; ok && bad == nil {
				bad = fail("block %#x is in the reserve of P %d and in %s", r.addr, id, other)
			}
			seen[r.addr] = "a reserve"
		}
	})
	if bad != nil {
		return bad
	}
	var t tally
	for _, p := range l.slabs {
		if err := l.auditSlab(headerAt(p), seen, &t, fail); err != nil {
			return err
		}
	}
	if len(seen) != 0 {
		return fail("%d parked references name no parked block of a slab", len(seen))
	}
	s := l.statsLocked()
	if want := (tally{int64(l.n.Carved), int64(l.n.OnSlabs), s.Parked, s.Live, int64(l.n.Slabs)}); t != want {
		return fail("counted %+v, accounted %+v", t, want)
	}
	return nil
}

func (l *list) auditSlab(s *slabHdr, seen map[uintptr]string, t *tally, fail func(string, ...any) error) error {
	t.slabs++
	t.carved += int64(s.carved)
	t.onSlabs += int64(s.free)
	bits1 := 0
	for _, w := range s.bitmap() {
		bits1 += bits.OnesCount64(w)
	}
	if bits1 != int(s.free) {
		return fail("slab %#x: %d bits for %d free blocks", s.base, bits1, s.free)
	}
	if wantSpare, empty := l.spare == s.addr(), s.free == s.carved; empty && !wantSpare && s.carved > 0 {
		return fail("slab %#x is empty but kept", s.base)
	}
	for i := uint32(0); i < s.blocks; i++ {
		off := uintptr(i) * uintptr(l.stride)
		st := s.state(off >> s.shift >> subBits)
		onSlab := s.bitmap()[off>>s.shift>>subBits/64]>>(off>>s.shift>>subBits%64)&1 == 1
		addr := s.base + off
		switch {
		case i >= s.carved && *st != 0:
			return fail("block %#x was never carved, its state is %#x", addr, *st)
		case i >= s.carved:
		case uintptr(*st&subMask) != off>>s.shift&subMask:
			return fail("block %#x: state %#x names another start", addr, *st)
		case *st&^subMask == stFree != onSlab:
			return fail("block %#x: state %#x, on its slab: %v", addr, *st, onSlab)
		case *st&^subMask == stParked:
			if _, ok := seen[addr]; !ok {
				return fail("block %#x is parked nowhere", addr)
			}
			delete(seen, addr)
			t.parked++
		case isOut(*st):
			t.live++
		}
	}
	if rec, _ := l.o.src.Record(s.pointer()); (*desc)(rec).header() != s {
		return fail("slab %#x: its record leads elsewhere", s.base)
	}
	return nil
}
