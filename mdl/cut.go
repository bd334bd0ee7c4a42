package mdl

import (
	"fmt"

	"offheap.example/lookaside/memory"
)

// Partial returns a list of n bytes of l, beginning at its byte off; n == 0
// means the rest. No byte is copied: both lists describe the same memory, and
// the new one has references of its own, one for each of its segments. It has
// no headroom, and takes memory from where l takes it. Bytes that l has not got
// give a *memory.BoundsError that wraps memory.ErrBufferTooSmall; off may be
// l's end, the rest then being empty. It is IoBuildPartialMdl.
func (l *List) Partial(off, n int) (*List, error) {
	b, err := l.live("partial")
	if err != nil {
		return nil, err
	}
	if !fits(off, n, b.size) {
		return nil, &memory.BoundsError{Op: "mdl: partial", Off: off, Len: n, Cap: b.size, Err: memory.ErrBufferTooSmall}
	}
	if n == 0 {
		n = b.size - off
	}
	c := b.at(off)
	return c.list("partial", n)
}

// Clone returns a list of all of l's bytes: Partial(0, 0). What l has won by
// Advance, its headroom, stays l's alone, so that each of the two can put
// something else in front. It is NdisAllocateCloneNetBufferList.
func (l *List) Clone() (*List, error) {
	b, err := l.live("clone")
	if err != nil {
		return nil, err
	}
	c := cursor{b: b, i: b.lo}
	return c.list("clone", b.size)
}

// Split cuts l in two: l keeps its first off bytes, and its headroom, and the
// list that Split returns has the others. References move with their segments;
// a segment that is cut has one in both lists. off may be 0 or l's length, one
// of the lists being empty then; beyond, Split returns a *memory.BoundsError
// that wraps memory.ErrBufferTooSmall and changes nothing.
func (l *List) Split(off int) (*List, error) {
	b, err := l.live("split")
	if err != nil {
		return nil, err
	}
	if !fits(off, 0, b.size) {
		return nil, &memory.BoundsError{Op: "mdl: split", Off: off, Cap: b.size, Err: memory.ErrBufferTooSmall}
	}
	c := b.at(off)
	tail := New()
	tail.b.source = b.source
	if c.within > 0 {
		s := &b.segments[c.i]
		if err := s.share(); err != nil {
			tail.Release()
			return nil, fmt.Errorf("mdl: split: %w", err)
		}
		cut := s.off + c.within
		tail.b.add(s.m, s.window[cut:], s.flags)
		s.window = s.window[:cut]
		c.i++
	}
	tail.b.pushAll(b.segments[c.i:b.hi])
	clear(b.segments[c.i:b.hi])
	b.hi, b.size = c.i, off
	return tail, nil
}

// Fragments cuts l into lists of max bytes each, the last one shorter, that
// together are l: AppendFragments without a slice to append to. It allocates
// the slice.
func (l *List) Fragments(max int) ([]*List, error) {
	b, err := l.live("fragments")
	if err != nil {
		return nil, err
	}
	var room []*List
	if max > 0 {
		room = make([]*List, 0, (b.size-1)/max+1)
	}
	return l.AppendFragments(room, max)
}

// AppendFragments appends lists of max bytes each, the last one shorter, to
// dst. l is unchanged; each fragment has references of its own, as a Partial
// has, and is released by itself. An empty l has no fragments. For a max below
// 1 it returns an error that wraps ErrInvalid. On any error it returns dst as
// it was and holds nothing. It is NdisAllocateFragmentNetBufferList.
func (l *List) AppendFragments(dst []*List, max int) ([]*List, error) {
	b, err := l.live("fragments")
	if err != nil {
		return dst, err
	}
	if max <= 0 {
		return dst, fmt.Errorf("mdl: fragments: at most %d bytes each: must be at least 1: %w", max, ErrInvalid)
	}
	have := len(dst)
	c := cursor{b: b, i: b.lo}
	for left := b.size; left > 0; left -= min(left, max) {
		f, err := c.list("fragments", min(left, max))
		if err != nil {
			for i, f := range dst[have:] {
				f.Release()
				dst[have+i] = nil
			}
			return dst[:have], err
		}
		dst = append(dst, f)
	}
	return dst, nil
}

// Join returns a list of all bytes of the lists, one after another. They are
// unchanged; the new list has references of its own, one for each of its
// segments. Segments that meet in memory, being next to each other in one
// object, become one: Join puts together what Fragments or Split cut, and
// View finds it contiguous again. It takes memory from where the first list
// takes it. It is NdisAllocateReassembledNetBufferList.
func Join(lists ...*List) (*List, error) {
	for i, l := range lists {
		if l.Released() {
			_, err := l.live("join")
			return nil, fmt.Errorf("%w (number %d of %d)", err, i+1, len(lists))
		}
	}
	all := New()
	if len(lists) > 0 {
		all.b.source = lists[0].b.source
	}
	for _, l := range lists {
		b := l.b
		for i := b.lo; i < b.hi; i++ {
			s := &b.segments[i]
			if all.b.extend(s) {
				continue
			}
			if err := s.share(); err != nil {
				all.Release()
				return nil, fmt.Errorf("mdl: join: %w", err)
			}
			all.b.add(s.m, s.window[s.off:], s.flags)
		}
	}
	return all, nil
}

// Take moves all of tail's segments to l's end, with their references; tail is
// empty then, and has to be released as before. Segments that meet become one,
// as with Join. It returns an error that wraps ErrInvalid when both are the
// same list.
func (l *List) Take(tail *List) error {
	b, err := l.live("take")
	if err != nil {
		return err
	}
	t, err := tail.live("take")
	if err != nil {
		return err
	}
	if b == t {
		return fmt.Errorf("mdl: take: a list cannot take its own %d bytes: %w", b.size, ErrInvalid)
	}
	for t.lo < t.hi {
		s := &t.segments[t.lo]
		if b.extend(s) {
			t.shift() // one reference serves both
			continue
		}
		b.add(s.m, s.window[s.off:], s.flags)
		t.forget()
	}
	return nil
}

// extend makes the last segment reach over s when s follows it in memory.
func (b *body) extend(s *segment) bool {
	if b.lo == b.hi {
		return false
	}
	last := &b.segments[b.hi-1]
	n, k := len(last.window), s.len()
	if last.m != s.m || last.flags != s.flags || cap(last.window)-n < k {
		return false
	}
	if longer := last.window[:n+k]; &longer[n] == &s.window[s.off] {
		last.window = longer
		b.size += k
		return true
	}
	return false
}
