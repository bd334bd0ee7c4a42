package mdl

import (
	"fmt"
	"iter"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/memory"
)

// Fragment is what a list has of one page: what a frame number is to an MDL.
type Fragment struct {
	Bytes  []byte  // all of the list's bytes in this page that are next to each other, never none
	Start  uintptr // address of the page, a multiple of the page size
	Offset int     // where in the page Bytes begins, in bytes
	Length int     // len(Bytes)
}

// String tells page, offset and length.
func (f Fragment) String() string {
	return fmt.Sprintf("%d bytes at offset %d of page %#x", f.Length, f.Offset, f.Start)
}

// Pages yields the list's bytes in order, cut at the boundaries of segments
// and of pages; as many fragments as PageCount says. A page that two segments
// touch comes once for each. The bytes may be used until the list is released;
// the list must not be changed meanwhile. On a released list the sequence
// panics with *MisuseError. It is MmGetMdlPfnArray, with addresses in place of
// frame numbers.
func (l *List) Pages() iter.Seq[Fragment] {
	return func(yield func(Fragment) bool) {
		page := align.PageSize()
		for i := 0; ; i++ {
			b := l.must("pages")
			if i >= b.hi-b.lo {
				return
			}
			rest := b.segments[b.lo+i].bytes()
			for len(rest) > 0 {
				at := address(rest)
				off := int(at & uintptr(page-1))
				n := min(len(rest), page-off)
				if !yield(Fragment{Bytes: rest[:n:n], Start: at - uintptr(off), Offset: off, Length: n}) {
					return
				}
				rest = rest[n:]
			}
		}
	}
}

// ByteCount returns the number of bytes in the list: Len under the name of
// MmGetMdlByteCount. On a released list it panics with *MisuseError.
func (l *List) ByteCount() int { return l.must("byte count").size }

// ByteOffset returns where in its page the first byte is, 0 for an empty list.
// On a released list it panics with *MisuseError. It is MmGetMdlByteOffset.
func (l *List) ByteOffset() int {
	b := l.must("byte offset")
	if b.lo == b.hi {
		return 0
	}
	return int(address(b.segments[b.lo].bytes()) & uintptr(align.PageSize()-1))
}

// PageCount returns how many pages the segments span, each by itself: two
// segments in one page count it twice. On a released list it panics with
// *MisuseError. It is ADDRESS_AND_SIZE_TO_SPAN_PAGES for each, added up.
func (l *List) PageCount() int { return l.must("page count").pages() }

func (b *body) pages() int {
	var pages uint64
	for i := b.lo; i < b.hi; i++ {
		p := b.segments[i].bytes()
		pages += align.SpanPages(uint64(address(p)), uint64(len(p)))
	}
	return int(pages)
}

// Summary is the geometry of a list in a few numbers.
type Summary struct {
	Segments  int // contiguous parts
	Borrowed  int // parts among them that nobody but the caller keeps alive
	ReadOnly  int // parts among them that must not be written
	Bytes     int
	Pages     int // as PageCount counts
	Alignment int // the most that every part's address is a multiple of, at most a page; a page for an empty list
}

// Summary walks the list once. On a released list it panics with *MisuseError.
func (l *List) Summary() Summary {
	b := l.must("summary")
	s := Summary{Segments: b.hi - b.lo, Bytes: b.size, Pages: b.pages()}
	bits := uintptr(align.PageSize())
	for i := b.lo; i < b.hi; i++ {
		seg := &b.segments[i]
		bits |= address(seg.bytes())
		if seg.borrowed() {
			s.Borrowed++
		}
		if seg.flags&readOnly != 0 {
			s.ReadOnly++
		}
	}
	s.Alignment = int(bits & -bits)
	return s
}

// View returns the first n bytes of the list as one slice: in place when they
// are contiguous, and else copied to the beginning of scratch, which has to
// have n bytes then. Bytes in place may be used until the list is released,
// and what is written to them is written to the list; copies are the caller's,
// and nothing brings them back (CopyIn does). When there are fewer than n bytes
// it returns a *memory.BoundsError that wraps memory.ErrBufferTooSmall, and one
// with scratch's length when that is too short; n below 1 gives ErrInvalid. It
// is NdisGetDataBuffer.
func (l *List) View(n int, scratch []byte) ([]byte, error) { return l.ViewAligned(n, 1, 0, scratch) }

// ViewAligned is View for those who need an address that is offset above a
// multiple of to, a power of two: bytes in place that are elsewhere are copied,
// and scratch must be suitable. It returns an error that wraps ErrInvalid for
// a to that is no power of two, an offset that is not below to, and a scratch
// that is needed and not aligned. It is NdisGetDataBuffer with AlignMultiple
// and AlignOffset.
func (l *List) ViewAligned(n, to, offset int, scratch []byte) ([]byte, error) {
	b, err := l.live("view")
	if err != nil {
		return nil, err
	}
	switch {
	case n == 0:
		return nil, fmt.Errorf("mdl: view: no bytes: %w", ErrInvalid)
	case !align.IsPow2(to) || offset < 0 || offset >= to:
		return nil, fmt.Errorf("mdl: view: %d above a multiple of %d: must be below it, and that a power of two: %w", offset, to, ErrInvalid)
	case !fits(0, n, b.size):
		return nil, &memory.BoundsError{Op: "mdl: view", Len: n, Cap: b.size, Err: memory.ErrBufferTooSmall}
	}
	mask := uintptr(to) - 1
	if first := b.segments[b.lo].bytes(); len(first) >= n && address(first)&mask == uintptr(offset) {
		return first[:n:n], nil
	}
	if len(scratch) < n {
		return nil, &memory.BoundsError{Op: "mdl: view: scratch", Len: n, Cap: len(scratch), Err: memory.ErrBufferTooSmall}
	}
	if at := address(scratch); at&mask != uintptr(offset) {
		return nil, fmt.Errorf("mdl: view: scratch is %d above a multiple of %d: must be %d: %w", at&mask, to, offset, ErrInvalid)
	}
	c := cursor{b: b, i: b.lo}
	c.copyOut(scratch[:n])
	return scratch[:n:n], nil
}
