package slab

// What the compiler cannot check here: that a granule's record is ours to
// read as a desc. It holds because the arena gives the record only for
// granules that it knows, and because only this package writes them. Another
// floor writing there would break it.

import (
	"unsafe"

	"offheap.example/lookaside/arena"
)

// tamed is an address from outside that was found to be the start of a block
// of one of our lists: nobody checks it again.
type tamed struct {
	l   *list
	r   ref
	sub uint8
}

// tame turns the address of a slice into a block that is out and in the
// state want (stLive, or a tag's), or says what is wrong. It changes nothing.
// Callers hold life.
func (o *owner) tame(op string, p unsafe.Pointer, want uint8) (tamed, *MisuseError) {
	bad := func(k Misuse) (tamed, *MisuseError) {
		return tamed{}, &MisuseError{Op: op, Kind: k, List: o.name, Addr: uintptr(p)}
	}
	rec, state := o.src.Record(p)
	switch state {
	case arena.PageForeign:
		return bad(Foreign)
	case arena.PageFree:
		return bad(DoubleFree)
	}
	d := (*desc)(rec)
	if d.owner != o.ownID {
		return bad(WrongList)
	}
	s := d.header()
	l := o.lists[s.class]
	rel := uint32(uintptr(p) - s.base)
	i := rel / l.stride
	switch {
	case i >= s.blocks, rel%l.stride != 0:
		return bad(Misaligned)
	}
	sub := uint8(rel>>s.shift) & subMask
	st := s.state(uintptr(rel >> s.shift >> subBits))
	switch got := *st &^ subMask; {
	case got == want:
		return tamed{l, refTo(p, st), sub}, nil
	case got == stParked, got == stFree && i < s.carved:
		return bad(DoubleFree)
	case got == stFree:
		return bad(Foreign) // never handed out
	default:
		_, err := bad(WrongTag)
		err.Tag = o.tagOf(got, uintptr(p))
		return tamed{}, err
	}
}

// park marks a tamed block as on its way back.
func (t *tamed) park() { *t.r.stateByte() = stParked | t.sub }

// mark sets a tamed block's state, which stays out.
func (t *tamed) mark(state uint8) { *t.r.stateByte() = state | t.sub }
