package mdl

import (
	"fmt"
	"math"

	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/slab"
)

// maxPrepended is the most blocks that one Retreat takes from a lookaside.
const maxPrepended = 64

// Advance takes n bytes off the front and drops the references of parts that
// it passes entirely; at the end the list is empty. What it passes of the part
// that is first then becomes headroom. When there are fewer than n bytes, or n
// is negative, it returns a *memory.BoundsError that wraps
// memory.ErrBufferTooSmall and changes nothing. It is MmAdvanceMdl and
// NdisAdvanceNetBufferDataStart.
func (l *List) Advance(n int) error {
	b, err := l.live("advance")
	if err != nil {
		return err
	}
	if s := b.first(); n >= 0 && n < s.len() { // most are within the first part
		s.off += n
		b.size -= n
		b.moved(n)
		return nil
	}
	return b.advance(n)
}

// advance is Advance for all cases.
func (b *body) advance(n int) error {
	if !fits(0, n, b.size) {
		return &memory.BoundsError{Op: "mdl: advance", Len: n, Cap: b.size, Err: memory.ErrBufferTooSmall}
	}
	taken := n
	for n > 0 {
		s := b.first()
		if k := s.len(); n >= k {
			n -= k
			b.shift()
			continue
		}
		s.off += n
		b.size -= n
		n = 0
	}
	b.moved(taken)
	return nil
}

// first is the first segment, or one without bytes when there is none.
func (b *body) first() *segment { return &b.segments[b.lo] }

// moved tells what the list has asked the kernel for that its front moved by n
// bytes.
func (b *body) moved(n int) {
	if b.kernel.lock != nil {
		b.kernel.moved(n)
	}
}

// Headroom returns how many bytes Retreat puts in front without taking memory:
// those of the first part that Advance passed, or that came with the memory
// that an earlier Retreat took. On a released list it panics with *MisuseError.
func (l *List) Headroom() int {
	return l.must("headroom").first().off
}

// Retreat puts n bytes in front. Headroom comes first, with the bytes that
// Advance passed there; for what it lacks the list takes memory of its own
// (see SetSource), whose bytes are undefined. When that cannot be had, or n is
// negative, it returns an error and changes nothing: one that wraps
// slab.ErrNoMemory or slab.ErrClosed, ErrInvalid for more than 64 blocks of a
// lookaside, or a *memory.BoundsError for lengths that no list can have. It is
// NdisRetreatNetBufferDataStart.
func (l *List) Retreat(n int) error {
	b, err := l.live("retreat")
	if err != nil {
		return err
	}
	if s := b.first(); n >= 0 && n <= s.off {
		b.revive(n)
		return nil
	}
	return b.retreat(n)
}

// retreat is Retreat where there is less headroom than n.
func (b *body) retreat(n int) error {
	if n < 0 || n > math.MaxInt-b.size {
		return &memory.BoundsError{Op: "mdl: retreat", Len: n, Cap: math.MaxInt - b.size, Err: memory.ErrBufferTooSmall}
	}
	return b.prepend(n, b.first().off)
}

// prepend puts n bytes in front, own of them from headroom. Memory comes first,
// so that a failure changes nothing.
func (b *body) prepend(n, own int) error {
	size := b.blockSize(n - own)
	if n-own > size {
		return b.prependMany(n, own, size)
	}
	s, err := b.obtain(size)
	if err != nil {
		return fmt.Errorf("mdl: retreat: %d bytes, %d of them headroom: %w", n, own, err)
	}
	b.revive(own)
	b.putInFront(s, n-own)
	return nil
}

// prependMany is prepend with several blocks of a source whose blocks are
// small.
func (b *body) prependMany(n, own, size int) error {
	count := (n-own-1)/size + 1
	if count > maxPrepended {
		return fmt.Errorf("mdl: retreat: %d bytes, %d of them headroom, are %d blocks of %d: at most %d: %w",
			n, own, count, size, maxPrepended, ErrInvalid)
	}
	var room [maxPrepended]segment
	for i := range count {
		s, err := b.obtain(size)
		if err != nil {
			for _, s := range room[:i] {
				drop(s.m)
			}
			return fmt.Errorf("mdl: retreat: %d bytes, %d of them headroom: block %d of %d: %w", n, own, i+1, count, err)
		}
		room[i] = s
	}
	b.revive(own)
	left := n - own
	for _, s := range room[:count] {
		k := min(left, size)
		b.putInFront(s, k)
		left -= k
	}
	return nil
}

// revive takes back the last n bytes of headroom, which are there.
func (b *body) revive(n int) {
	b.first().off -= n
	b.size += n
	b.moved(-n)
}

// putInFront puts the last n bytes of what s has in front; the others become
// headroom.
func (b *body) putInFront(s segment, n int) {
	s.off = len(s.window) - n
	b.unshift(s)
}

// unshift puts a segment before the first one.
func (b *body) unshift(s segment) {
	if b.lo == 0 {
		b.makeRoomInFront()
	}
	b.lo--
	b.segments[b.lo] = s
	b.size += s.len()
	b.moved(-s.len())
}

// makeRoomInFront moves the segments back to free a quarter of the places in
// front of them.
func (b *body) makeRoomInFront() {
	n := b.hi
	to := b.segments
	if n == len(to) {
		to = make([]segment, 2*n)
	}
	gap := max(1, min(len(to)-n, len(to)/4))
	copy(to[gap:], b.segments[:n])
	clear(b.segments[:gap])
	if &to[0] != &b.segments[0] {
		clear(b.segments)
	}
	b.segments, b.lo, b.hi = to, gap, gap+n
}

// SetSource says where Retreat takes memory when there is no headroom: blocks
// of s, which need not hold what Retreat asks for, since it takes several then.
// nil, as for every new list, means memory that this package keeps. Lists made
// from l (Partial, Clone, Split, Fragments, Join) have the same source. When s
// is closed Retreat fails, and blocks that lists have stay theirs until they are
// released. A released list gives an error that wraps object.ErrDeleted.
func (l *List) SetSource(s *slab.Lookaside) error {
	b, err := l.live("set source")
	if err != nil {
		return err
	}
	b.source = s
	return nil
}
