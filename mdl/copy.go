package mdl

import (
	"fmt"

	"offheap.example/lookaside/memory"
)

// CopyIn copies src to the list, beginning at its byte off: all of it, or
// nothing. What is checked, in this order: the list is not released
// (object.ErrDeleted), src is not empty (ErrInvalid), no part that would be
// written is read-only (memory.ErrReadOnly), src fits (*memory.BoundsError that
// wraps memory.ErrInvalidBufferSize; a negative off never fits). src may be
// part of the list's memory: what is written is what src had before.
func (l *List) CopyIn(off int, src []byte) error {
	b, err := l.live("copy in")
	if err != nil {
		return err
	}
	if p := b.front(off, len(src)); p != nil && b.first().flags&readOnly == 0 {
		copy(p, src)
		return nil
	}
	if len(src) == 0 {
		return fmt.Errorf("mdl: copy in: no bytes: %w", ErrInvalid)
	}
	if err := b.writable("copy in", off, len(src)); err != nil {
		return err
	}
	c := b.at(off)
	if len(c.piece()) < len(src) && c.meets(src) {
		t, heap := bounce(len(src))
		copy(t, src)
		c.copyIn(t)
		settle(t, heap)
		return nil
	}
	c.copyIn(src)
	return nil
}

// CopyOut copies len(dst) bytes of the list, beginning at its byte off, to dst:
// all of them, or nothing. It checks what CopyIn checks, in the same order, but
// read-only parts can be read, and what does not fit wraps
// memory.ErrBufferTooSmall. dst may be part of the list's memory: what it gets
// is what the list had before.
func (l *List) CopyOut(off int, dst []byte) error {
	b, err := l.live("copy out")
	if err != nil {
		return err
	}
	if p := b.front(off, len(dst)); p != nil {
		copy(dst, p)
		return nil
	}
	if len(dst) == 0 {
		return fmt.Errorf("mdl: copy out: no bytes: %w", ErrInvalid)
	}
	if !fits(off, len(dst), b.size) {
		return &memory.BoundsError{Op: "mdl: copy out", Off: off, Len: len(dst), Cap: b.size, Err: memory.ErrBufferTooSmall}
	}
	c := b.at(off)
	if len(c.piece()) < len(dst) && c.meets(dst) {
		t, heap := bounce(len(dst))
		c.copyOut(t)
		copy(dst, t)
		settle(t, heap)
		return nil
	}
	c.copyOut(dst)
	return nil
}

// front returns n bytes at off when there are any, and all of them are in the
// first segment, as those of a header are; else nil.
func (b *body) front(off, n int) []byte {
	s := b.first()
	if p := s.window[s.off:]; uint(off) < uint(len(p)) && uint(n)-1 < uint(len(p)-off) {
		return p[off : off+n]
	}
	return nil
}

// Fill sets n bytes, beginning at byte off, to v: all of them, or none. It
// checks what CopyIn checks; n below 1 gives ErrInvalid.
func (l *List) Fill(off, n int, v byte) error {
	b, err := l.live("fill")
	if err != nil {
		return err
	}
	if n <= 0 {
		return fmt.Errorf("mdl: fill: %d bytes: must be at least 1: %w", n, ErrInvalid)
	}
	if err := b.writable("fill", off, n); err != nil {
		return err
	}
	for c := b.at(off); n > 0; {
		p := c.piece()
		p = p[:min(n, len(p))]
		fill(p, v)
		c.skip(len(p))
		n -= len(p)
	}
	return nil
}

// fill sets all of p, doubling what is set by copies.
func fill(p []byte, v byte) {
	if v == 0 {
		clear(p)
		return
	}
	const first = 64
	head := p[:min(first, len(p))]
	for i := range head {
		head[i] = v
	}
	for n := len(head); n < len(p); n *= 2 {
		copy(p[n:], p[:n])
	}
}

// writable checks that n bytes at off can be written. n is above 0.
func (b *body) writable(op string, off, n int) error {
	if b.readOnly(off, n) {
		return fmt.Errorf("mdl: %s: %d bytes at offset %d: %w", op, n, off, memory.ErrReadOnly)
	}
	if !fits(off, n, b.size) {
		return &memory.BoundsError{Op: "mdl: " + op, Off: off, Len: n, Cap: b.size, Err: memory.ErrInvalidBufferSize}
	}
	return nil
}

// readOnly reports whether any of the n bytes at off that the list has is
// read-only.
func (b *body) readOnly(off, n int) bool {
	begin := 0
	for i := b.lo; i < b.hi; i++ {
		s := &b.segments[i]
		end := begin + s.len()
		// It begins before end, and in s or less than n bytes before it: a distance between two ints fits a uint.
		if s.flags&readOnly != 0 && off < end && (off >= begin || uint(n) > uint(begin)-uint(off)) {
			return true
		}
		begin = end
	}
	return false
}

// copyIn writes src, for which there is room, and moves on behind it.
func (c *cursor) copyIn(src []byte) {
	for len(src) > 0 {
		n := copy(c.piece(), src)
		c.skip(n)
		src = src[n:]
	}
}

// copyOut reads len(dst) bytes, which there are, and moves on behind them.
func (c *cursor) copyOut(dst []byte) {
	for len(dst) > 0 {
		n := copy(dst, c.piece())
		c.skip(n)
		dst = dst[n:]
	}
}

// meets reports whether any of the next len(p) bytes, which there are, are
// bytes of p.
func (c cursor) meets(p []byte) bool {
	lo := address(p)
	hi := lo + uintptr(len(p))
	for left := len(p); left > 0; {
		q := c.piece()
		q = q[:min(left, len(q))]
		if at := address(q); at < hi && lo < at+uintptr(len(q)) {
			return true
		}
		c.skip(len(q))
		left -= len(q)
	}
	return false
}
