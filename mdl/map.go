package mdl

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/slab"
)

// Prot is what may be done with a mapping.
type Prot = sys.Prot

// The protections that Protect knows. Windows' EXECUTE family has no like here:
// memory files of arenas cannot be executed.
const (
	NoAccess  = sys.NoAccess  // PAGE_NOACCESS
	ReadOnly  = sys.ReadOnly  // PAGE_READONLY
	ReadWrite = sys.ReadWrite // PAGE_READWRITE
)

var (
	// ErrNotMapped says that the list is not mapped: STATUS_NOT_MAPPED_VIEW.
	ErrNotMapped = errors.New("not mapped")
	// ErrMapped says that the list has changed since it was mapped.
	ErrMapped = errors.New("mapped otherwise")
	// ErrCannotMap says that memory is of a kind that cannot be mapped again.
	ErrCannotMap = errors.New("cannot be mapped")
)

// MapReason says what is in the way of mapping.
type MapReason uint8

// The reasons of a MapError.
const (
	Borrowed    MapReason = iota + 1 // nobody keeps the bytes: they came from Describe
	NotShared                        // the bytes lie in no Shared arena that is open
	Unaligned                        // the segment begins or ends inside a page, and another meets it there
	NoAddresses                      // the kernel has no address space, or no mapping, to give
	Refused                          // the kernel refuses to map the pages
)

var mapReasons = [...]string{
	Borrowed:    "its bytes are borrowed",
	NotShared:   "its bytes lie in no Shared arena",
	Unaligned:   "it begins or ends inside a page",
	NoAddresses: "no address space",
	Refused:     "the kernel refuses",
}

// String says it in words.
func (r MapReason) String() string {
	if int(r) < len(mapReasons) && r > 0 {
		return mapReasons[r]
	}
	return fmt.Sprintf("MapReason(%d)", uint8(r))
}

// MapError tells why a list cannot be mapped, or sent to where it would be. It
// wraps ErrCannotMap, and Err
// where there is one.
type MapError struct {
	Op       string // "map" or "send"
	Reason   MapReason
	Segment  int // which one, counted from 0
	Segments int // how many there are
	Off      int // where in its first page the segment begins, in bytes
	Len      int // how many bytes it has
	Err      error
}

// Error tells the segment and the reason.
func (e *MapError) Error() string {
	text := fmt.Sprintf("mdl: %s: segment %d of %d, %d bytes at offset %d of a page: %v", e.Op, e.Segment, e.Segments, e.Len, e.Off, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns ErrCannotMap, and Err where there is one.
func (e *MapError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrCannotMap}
	}
	return []error{ErrCannotMap, e.Err}
}

// Map returns the list's bytes as one slice, however many segments there are:
// the pages that they lie in are mapped a second time, one behind the other, and
// nothing is copied. What is written through the slice is seen in the segments,
// and the other way round. The slice begins as far into a page as the first
// segment does.
//
// Every segment must lie in memory of a Shared arena, and where two segments
// meet, both must end there at a page's end, unless they are adjacent anyway.
// Otherwise the error is a *MapError that names the segment and the reason. An
// empty list gives ErrInvalid, a released one object.ErrDeleted. When a segment
// is read-only, the whole mapping is.
//
// Map called again returns the same slice, or the part of it that Advance, a
// Retreat into headroom and Split have left; ErrMapped when the list has
// otherwise changed. The mapping holds references of its own on all memory in it
// and is there until Unmap or Release, whatever becomes of the list's front: use
// it no longer than that, because afterwards touching it faults, or shows the
// pages of a later mapping. Addresses that Unmap leaves are used again; mapping
// costs a system call for each segment, so it pays for bytes that are read many
// times, and copying is cheaper for those that are read once. Functions that look
// for overlap by address, as Copy does, do not see that the slice and the
// segments are the same bytes.
//
// It is MmGetSystemAddressForMdlSafe.
func (l *List) Map() ([]byte, error) {
	b, err := l.live("map")
	if err != nil {
		return nil, err
	}
	if v := b.kernel.view; v != nil {
		at, ok := v.find(b)
		if !ok {
			return nil, fmt.Errorf("mdl: map: %d bytes were mapped, and the list has changed since: unmap it first: %w", v.size, ErrMapped)
		}
		return v.bytes(at, b.size), nil
	}
	if b.size == 0 {
		return nil, fmt.Errorf("mdl: map: no bytes: %w", ErrInvalid)
	}
	v := views.Get()
	if err := v.make(b); err != nil {
		v.forget()
		return nil, err
	}
	b.kernel.view = v
	return v.bytes(0, v.size), nil
}

// Unmap takes the mapping away that Map made: slices that Map returned must not
// be touched any more. When the list is not mapped it returns a *MisuseError of
// kind slab.Unbalanced; when the kernel refuses the list is still mapped. It is
// MmUnmapLockedPages.
func (l *List) Unmap() error {
	b, err := l.live("unmap")
	if err != nil {
		return err
	}
	v := b.kernel.view
	if v == nil {
		return &MisuseError{Op: "unmap", Kind: slab.Unbalanced, List: "scatter list"}
	}
	if err := v.vacate(); err != nil {
		return fmt.Errorf("mdl: unmap: %w", err)
	}
	b.kernel.view = nil
	v.forget()
	return nil
}

// IsMapped reports whether the list is mapped. On a released list it panics
// with *MisuseError.
func (l *List) IsMapped() bool { return l.must("is mapped").kernel.view != nil }

// Protect says what may be done through the slice that Map returned, all of it:
// with ReadOnly a write faults, with NoAccess a read too. The segments
// themselves and other mappings stay as they are. Errors: ErrNotMapped;
// ErrInvalid for a protection that there is not; memory.ErrReadOnly for
// ReadWrite over a read-only segment; object.ErrDeleted for a released list; or
// the kernel's, and nothing has changed then. It is MmProtectMdlSystemAddress.
func (l *List) Protect(p Prot) error {
	b, err := l.live("protect")
	if err != nil {
		return err
	}
	v := b.kernel.view
	switch {
	case p > ReadWrite:
		return fmt.Errorf("mdl: protect: %v: must be NoAccess, ReadOnly or ReadWrite: %w", p, ErrInvalid)
	case v == nil:
		return fmt.Errorf("mdl: protect: %w", ErrNotMapped)
	case p == ReadWrite && v.readOnly:
		return fmt.Errorf("mdl: protect: %v: %w", p, memory.ErrReadOnly)
	}
	if err := v.protect(p); err != nil {
		return fmt.Errorf("mdl: protect: %v: %w", p, err)
	}
	return nil
}

// view is one mapping of a list.
type view struct {
	parts    []segment // what is mapped, with references of their own
	size     int       // bytes in them
	off      int       // where in the range they begin
	place    addresses
	readOnly bool
}

var views = objtab.Cache[view]{Init: func(v *view) { v.parts = make([]segment, 0, inlineSegments) }}

// make maps a list that is not empty. With an error only forget remains to be
// done.
func (v *view) make(b *body) error {
	for i := b.lo; i < b.hi; i++ {
		s := b.segments[i]
		if reason := v.obstacle(&s); reason != 0 {
			return &MapError{Op: "map", Reason: reason, Segment: i - b.lo, Segments: b.hi - b.lo, Off: inPage(s.bytes()), Len: s.len()}
		}
		if err := s.share(); err != nil {
			return fmt.Errorf("mdl: map: segment %d of %d: %w", i-b.lo, b.hi-b.lo, err)
		}
		v.parts = append(v.parts, s)
		v.readOnly = v.readOnly || s.flags&readOnly != 0
	}
	v.off, v.size = inPage(v.parts[0].bytes()), b.size
	var err error
	if v.place, err = ranges.take(v.pages()); err != nil {
		return &MapError{Op: "map", Reason: NoAddresses, Segments: len(v.parts), Off: v.off, Len: v.size, Err: err}
	}
	return v.fill()
}

// pages is how many pages the view has.
func (v *view) pages() int {
	page := align.PageSize()
	return (v.size-1)/page + 1 + (v.off+(v.size-1)%page)/page
}

// obstacle is what is in the way of mapping s behind the parts so far, or 0.
func (v *view) obstacle(s *segment) MapReason {
	if s.borrowed() {
		return Borrowed
	}
	if _, ok := arena.SharedBy(s.bytes()); !ok {
		return NotShared
	}
	if len(v.parts) > 0 && !v.meets(s) {
		return Unaligned
	}
	return 0
}

// meets reports whether s can follow the last part: at page boundaries, or in
// the same memory.
func (v *view) meets(s *segment) bool {
	page := uintptr(align.PageSize())
	last := v.parts[len(v.parts)-1].bytes()
	end, next := address(last)+uintptr(len(last)), address(s.bytes())
	return end%page == 0 && next%page == 0 || end == next
}

// together is part i and those behind it that are adjacent in the same memory,
// so that one call maps them, and how many they are. The capacity of a window
// ends with the memory that it is part of.
func (v *view) together(i int) (p []byte, n int) {
	s := &v.parts[i]
	p = s.window[s.off:]
	for n = 1; i+n < len(v.parts); n++ {
		next := &v.parts[i+n]
		end := len(p) + next.len()
		if end > cap(p) || address(next.bytes()) != address(p)+uintptr(len(p)) {
			break
		}
		p = p[:end]
	}
	return p, n
}

// fill maps the parts, one after the other.
func (v *view) fill() error {
	prot := ReadWrite
	if v.readOnly {
		prot = ReadOnly
	}
	at := v.off
	for i := 0; i < len(v.parts); {
		p, n := v.together(i)
		a, ok := arena.SharedBy(p)
		err := arena.ErrClosed // since a moment ago
		if ok {
			err = a.MapAgain(v.place.at(at), p, prot)
		}
		if err != nil {
			return &MapError{
				Op: "map", Reason: Refused, Segment: i, Segments: len(v.parts),
				Off: inPage(p), Len: len(p), Err: err,
			}
		}
		at += len(p)
		i += n
	}
	ranges.mapped(v.size)
	v.place.live = true
	return nil
}

// find returns where in the view the bytes of b begin: at its start or at its
// end, whichever is the same memory.
func (v *view) find(b *body) (at int, ok bool) {
	if b.size == 0 || b.size > v.size {
		return 0, false
	}
	for _, at := range [...]int{v.size - b.size, 0} {
		if v.same(at, b) {
			return at, true
		}
	}
	return 0, false
}

// same reports whether b's bytes are those of the view from byte at on.
func (v *view) same(at int, b *body) bool {
	k := 0
	for at >= v.parts[k].len() {
		at -= v.parts[k].len()
		k++
	}
	for i := b.lo; i < b.hi; i++ {
		for p := b.segments[i].bytes(); len(p) > 0; {
			q := v.parts[k].bytes()[at:]
			if &p[0] != &q[0] {
				return false
			}
			n := min(len(p), len(q))
			if p, at = p[n:], at+n; n == len(q) {
				k, at = k+1, 0
			}
		}
	}
	return true
}

// bytes is n bytes of the view from byte at on.
func (v *view) bytes(at, n int) []byte { return v.place.bytes(v.off+at, n) }

func (v *view) protect(p Prot) error {
	return v.place.protect(v.pages(), p)
}

// vacate takes the mapping away.
func (v *view) vacate() error {
	if err := ranges.put(v.place, v.size); err != nil {
		return err
	}
	v.place = addresses{}
	return nil
}

// end is the end of a mapped list: the mapping goes, or, where the kernel will
// not have that, stays for good with the references on what is in it.
func (v *view) end() {
	if v.vacate() == nil {
		v.forget()
	}
}

// forget drops the references and whatever range there is.
func (v *view) forget() {
	if v.place != (addresses{}) {
		_ = v.vacate()
	}
	for i := range v.parts {
		drop(v.parts[i].m)
	}
	clear(v.parts)
	*v = view{parts: v.parts[:0]}
	views.Put(v)
}
