package mdl

import (
	"fmt"

	"offheap.example/lookaside/memory"
)

// CopyIn copies src to the list, beginning at its byte off: all of it, or
// nothing. What is checked, in this order: the list is not released
// (object.ErrDeleted), src is not empty (ErrInvalid), no part that would be
// written is read-only (memory.ErrReadOnly), src fits (*memory.BoundsError that
// wraps memory.ErrInvalidBufferSize; a negative off never fits). src must not
// overlap the list's memory.
func (l *List) CopyIn(off int, src []byte) error {
	b, err := l.live("copy in")
	if err != nil {
		return err
	}
	if len(src) == 0 {
		return fmt.Errorf("mdl: copy in: no bytes: %w", ErrInvalid)
	}
	if b.readOnly(off, len(src)) {
		return fmt.Errorf("mdl: copy in: %d bytes at offset %d: %w", len(src), off, memory.ErrReadOnly)
	}
	if !fits(off, len(src), b.size) {
		return &memory.BoundsError{Op: "mdl: copy in", Off: off, Len: len(src), Cap: b.size, Err: memory.ErrInvalidBufferSize}
	}
	i, off := b.seek(off)
	for ; len(src) > 0; i, off = i+1, 0 {
		src = src[copy(b.segments[i].bytes()[off:], src):]
	}
	return nil
}

// CopyOut copies len(dst) bytes of the list, beginning at its byte off, to dst:
// all of them, or nothing. It checks what CopyIn checks, in the same order, but
// read-only parts can be read, and what does not fit wraps
// memory.ErrBufferTooSmall. dst must not overlap the list's memory.
func (l *List) CopyOut(off int, dst []byte) error {
	b, err := l.live("copy out")
	if err != nil {
		return err
	}
	if len(dst) == 0 {
		return fmt.Errorf("mdl: copy out: no bytes: %w", ErrInvalid)
	}
	if !fits(off, len(dst), b.size) {
		return &memory.BoundsError{Op: "mdl: copy out", Off: off, Len: len(dst), Cap: b.size, Err: memory.ErrBufferTooSmall}
	}
	i, off := b.seek(off)
	for ; len(dst) > 0; i, off = i+1, 0 {
		dst = dst[copy(dst, b.segments[i].bytes()[off:]):]
	}
	return nil
}

// seek returns the position of byte off in normal form: the index of the
// segment that has it, and where in that segment; at the end of the list, the
// index behind the last segment and 0. off is within the list or at its end.
func (b *body) seek(off int) (index, within int) {
	for i := b.lo; i < b.hi; i++ {
		n := b.segments[i].len()
		if off < n {
			return i, off
		}
		off -= n
	}
	return b.hi, 0
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
