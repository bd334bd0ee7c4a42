package mdl

// What the compiler cannot check here: that a slice over a range of addresses is
// mapped when it is touched, and that a range is nobody else's.
//
// Why it holds: a range comes from sys.Reserve, is known to one view at a time,
// and is inaccessible again before it goes to the next. Offsets come from the
// sizes of the parts, whose sum the range was taken for. Nothing here lies in the
// Go heap.
//
// What would break it: a slice that is used after its list was unmapped or
// released; it faults, or shows what was mapped there later. That is the caller's
// promise.

import (
	"fmt"
	"math/bits"
	"sync"
	"unsafe"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/internal/sys"
)

const (
	rangeClasses = 15 // ranges of 1, 2, 4 … 16384 pages are used again
	rangesKept   = 64 // idle ranges in all
	rangeLargest = 1 << (rangeClasses - 1)
)

// addresses is a range of address space, whole pages. The zero value is none.
type addresses struct {
	base  unsafe.Pointer
	pages int
	live  bool // counted as mapped
}

func (r addresses) bytesLong() uintptr { return uintptr(r.pages) * uintptr(align.PageSize()) }

// at is the page that byte off of the range lies in.
func (r addresses) at(off int) unsafe.Pointer {
	return unsafe.Add(r.base, align.Down(off, align.PageSize()))
}

// bytes is n bytes of the range from byte off on.
func (r addresses) bytes(off, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(r.base, off)), n)
}

func (r addresses) protect(pages int, p Prot) error {
	return sys.Protect(r.base, uintptr(pages)*uintptr(align.PageSize()), p)
}

// mapAt maps n bytes of a file over the range from byte at on; everything is
// whole pages.
func (r addresses) mapAt(at, n, fd int, off int64, p Prot) error {
	return sys.MapAt(unsafe.Add(r.base, at), uintptr(n), fd, off, p)
}

// rangeStore keeps ranges that nobody uses, inaccessible, to be used again: the
// oldest first, so that late use of a slice is more likely to fault.
type rangeStore struct {
	mu    sync.Mutex
	idle  [rangeClasses][]addresses // guarded by mu
	count int                       // ranges in idle; guarded by mu
	stats MapStats                  // guarded by mu
}

var ranges rangeStore

// MapStats says what lists have mapped.
type MapStats struct {
	Views     int   // lists that are mapped now
	ViewBytes int64 // bytes of these lists
	Idle      int   // ranges of addresses kept for the next mapping, inaccessible and free of charge
	IdleBytes int64 // address space of these ranges
}

// Mappings counts the mappings of all lists in the process: a number of Views
// that only grows is a leak.
func Mappings() MapStats {
	ranges.mu.Lock()
	defer ranges.mu.Unlock()
	s := ranges.stats
	s.Idle = ranges.count
	for _, kept := range ranges.idle {
		for _, r := range kept {
			s.IdleBytes += int64(r.bytesLong())
		}
	}
	return s
}

// take returns a range of at least the given number of pages.
func (s *rangeStore) take(pages int) (addresses, error) {
	class := bits.Len(uint(pages - 1))
	if pages <= rangeLargest {
		pages = 1 << class
		s.mu.Lock()
		if kept := s.idle[class]; len(kept) > 0 {
			r := kept[0]
			s.idle[class] = kept[:copy(kept, kept[1:])]
			s.count--
			s.mu.Unlock()
			return r, nil
		}
		s.mu.Unlock()
	}
	size := uintptr(pages) * uintptr(align.PageSize())
	if size/uintptr(align.PageSize()) != uintptr(pages) {
		return addresses{}, fmt.Errorf("%d pages: more than there are addresses", pages)
	}
	base, err := sys.Reserve(size)
	if err != nil {
		return addresses{}, err
	}
	return addresses{base: base, pages: pages}, nil
}

// mapped counts a view of the given number of bytes.
func (s *rangeStore) mapped(size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Views++
	s.stats.ViewBytes += int64(size)
}

// put takes a range back and drops what is mapped in it. With an error
// everything is still there.
func (s *rangeStore) put(r addresses, size int) error {
	kept := r.pages <= rangeLargest && sys.Vacate(r.base, r.bytesLong()) == nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept && s.count < rangesKept {
		class := bits.Len(uint(r.pages - 1))
		idle := r
		idle.live = false
		s.idle[class] = append(s.idle[class], idle)
		s.count++
	} else if err := sys.Unmap(r.base, r.bytesLong()); err != nil {
		return err
	}
	if r.live {
		s.stats.Views--
		s.stats.ViewBytes -= int64(size)
	}
	return nil
}
