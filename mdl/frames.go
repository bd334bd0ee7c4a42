package mdl

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/internal/sys"
)

var (
	// ErrNotPermitted says that the kernel does this for others, or hides this
	// from us.
	ErrNotPermitted = sys.ErrNotPermitted
	// ErrNotResident says that pages are not in memory.
	ErrNotResident = errors.New("not in memory")
)

// Frames appends the number of the physical page behind each page that the list
// touches, in the list's order, to dst and returns it: one number for every page
// of the span of every segment, so that a page which two segments share appears
// twice. The numbers say where the bytes are at this moment; the kernel may move
// pages, locked ones too.
//
// Linux tells them to processes with CAP_SYS_ADMIN only. Everybody else, and
// every other platform, gets an error that wraps ErrNotPermitted; a page that is
// not in memory (never touched, or swapped out) gives ErrNotResident: lock the
// list. With an error dst comes back as it was. It is MmGetMdlPfnArray.
func (l *List) Frames(dst []uint64) ([]uint64, error) {
	b, err := l.live("frames")
	if err != nil {
		return dst, err
	}
	all := dst
	for i := b.lo; i < b.hi; i++ {
		p := pagesOf(b.segments[i].bytes())
		from := len(all)
		for range p.count() {
			all = append(all, 0)
		}
		if err := sys.Frames(p.first, all[from:]); err != nil {
			return dst, fmt.Errorf("mdl: frames: segment %d of %d: %w", i-b.lo, b.hi-b.lo, err)
		}
		for k, frame := range all[from:] {
			if frame == 0 {
				return dst, fmt.Errorf("mdl: frames: page %d of %d of segment %d: %w", k, p.count(), i-b.lo, ErrNotResident)
			}
		}
	}
	return all, nil
}
