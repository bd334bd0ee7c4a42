package mdl

import (
	"bytes"
	"slices"

	"offheap.example/lookaside/internal/objtab"
)

// Copy copies src's bytes to dst, from the start of both and as many as both
// have, and returns how many: a short copy is a success. It ends before the
// first byte of dst that is read-only. Where the two lists have memory in
// common, what is written is what src had before; where dst has a byte twice,
// the later place wins. No memory is allocated unless they have. On a released
// list it panics with *MisuseError. It is NdisCopyFromNetBufferToNetBuffer.
func Copy(dst, src *List) int {
	d, s := dst.must("copy"), src.must("copy")
	n := min(d.beforeReadOnly(), s.size)
	if n == 0 || d == s {
		return n
	}
	to, from := cursor{b: d, i: d.lo}, cursor{b: s, i: s.lo}
	single := len(to.piece()) >= n && len(from.piece()) >= n
	if !single && overlap(d, s, n) {
		t, heap := bounce(n)
		from.copyOut(t)
		to.copyIn(t)
		settle(t, heap)
		return n
	}
	for left := n; left > 0; {
		p := from.piece()
		k := copy(to.piece(), p[:min(left, len(p))])
		to.skip(k)
		from.skip(k)
		left -= k
	}
	return n
}

// beforeReadOnly is how many bytes come before the first that must not be
// written.
func (b *body) beforeReadOnly() int {
	n := 0
	for i := b.lo; i < b.hi; i++ {
		if b.segments[i].flags&readOnly != 0 {
			return n
		}
		n += b.segments[i].len()
	}
	return n
}

// Equal reports whether two lists have the same bytes, however they are cut. On
// a released list it panics with *MisuseError.
func Equal(a, b *List) bool {
	x, y := a.must("equal"), b.must("equal")
	return x.size == y.size && compare(x, y) == 0
}

// Compare compares the bytes of two lists as bytes.Compare does, however they
// are cut, and stops at the first difference. On a released list it panics with
// *MisuseError.
func Compare(a, b *List) int { return compare(a.must("compare"), b.must("compare")) }

func compare(x, y *body) int {
	p, q := cursor{b: x, i: x.lo}, cursor{b: y, i: y.lo}
	for {
		s, t := p.piece(), q.piece()
		n := min(len(s), len(t))
		if n == 0 {
			return len(s) - len(t) // one of them is at its end
		}
		if d := bytes.Compare(s[:n], t[:n]); d != 0 {
			return d
		}
		p.skip(n)
		q.skip(n)
	}
}

// span is a range of addresses that one of two lists has.
type span struct {
	lo, hi uintptr
	side   int
}

// spans are room for overlap, used again.
type spans struct{ all []span }

var spanRooms objtab.Cache[spans]

// overlap reports whether any of the first n bytes of d are among the first n
// of s. It sorts the parts of both, unless the lists lie far from each other.
func overlap(d, s *body, n int) bool {
	dlo, dhi := d.extent(n)
	slo, shi := s.extent(n)
	if dhi <= slo || shi <= dlo {
		return false
	}
	room := spanRooms.Get()
	all := d.spans(s.spans(room.all[:0], n, 0), n, 1)
	slices.SortFunc(all, func(a, b span) int {
		if a.lo < b.lo {
			return -1
		}
		return 1
	})
	var end [2]uintptr // how far each side reaches so far
	found := false
	for _, x := range all {
		if x.lo < end[1-x.side] {
			found = true
			break
		}
		end[x.side] = max(end[x.side], x.hi)
	}
	room.all = all[:0]
	spanRooms.Put(room)
	return found
}

// extent returns the lowest address of the first n bytes, and one above the
// highest.
func (b *body) extent(n int) (lo, hi uintptr) {
	lo = ^uintptr(0)
	for c := (cursor{b: b, i: b.lo}); n > 0; {
		p := c.piece()
		p = p[:min(n, len(p))]
		at := address(p)
		lo, hi = min(lo, at), max(hi, at+uintptr(len(p)))
		c.skip(len(p))
		n -= len(p)
	}
	return lo, hi
}

// spans appends the ranges of the first n bytes.
func (b *body) spans(all []span, n, side int) []span {
	for c := (cursor{b: b, i: b.lo}); n > 0; {
		p := c.piece()
		p = p[:min(n, len(p))]
		at := address(p)
		all = append(all, span{at, at + uintptr(len(p)), side})
		c.skip(len(p))
		n -= len(p)
	}
	return all
}
