package mdl

import (
	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// holder is who holds the references of segments, in reports.
var holder = objtab.Holder{Kind: "list"}

// segment is a contiguous part of a list: bytes of a memory object, on which
// the segment holds one reference of its own, or borrowed ones.
//
//	window:  ┌──────────────┬────────────────┐ · · · · · · ·
//	         │   headroom   │    the list    │ the rest of m
//	         └──────────────┴────────────────┘ · · · · · · ·
//	         0             off          len(window)    cap(window)
//
// The window's capacity reaches to the end of what the segment was made from,
// so that two segments that meet in memory can become one (see Join); what
// leaves the package is cut to its length.
type segment struct {
	m      memory.Object // the zero handle where the bytes are borrowed
	window []byte        // bytes that this list may use
	off    int           // where in window the list's bytes begin: what is before is headroom
	flags  segmentFlags
}

// segmentFlags says what the window's bytes do not.
type segmentFlags uint8

const (
	readOnly segmentFlags = 1 << iota // the bytes must not be written
)

// bytes are the segment's bytes of the list, never none. They may be used as
// long as the segment holds its reference.
func (s *segment) bytes() []byte { return s.window[s.off:len(s.window):len(s.window)] }

// len is the number of these bytes.
func (s *segment) len() int { return len(s.window) - s.off }

// borrowed reports that nobody but the caller keeps the bytes alive.
func (s *segment) borrowed() bool { return s.m == (memory.Object{}) }

// hold takes a reference on m for a segment and returns m's bytes.
func hold(m memory.Object) (buf []byte, flags segmentFlags, err error) {
	buf, ro, err := memory.HoldAs(m, holder)
	if ro {
		flags = readOnly
	}
	return buf, flags, err
}

// share takes another reference on what s describes, for a second segment over
// the same object. The caller's segment keeps the object alive meanwhile, so
// that only the number of references can be a reason to fail.
func (s *segment) share() error {
	if s.borrowed() {
		return nil
	}
	return object.ShareAs(s.m.Object, &holder)
}

// drop ends the reference that a segment of m held.
func drop(m memory.Object) {
	if m != (memory.Object{}) {
		object.DropAs(m.Object, &holder)
	}
}
