package arena

import (
	"fmt"

	"offheap.example/lookaside/internal/sys"
)

// Collapse turns pages in use into huge ones, now and in place: every aligned 2 MiB that lie wholly in runs in use. It
// returns how many bytes the kernel took. What the kernel refuses, for want of a free huge page or because pages are
// pinned, stays as it was; where it refused everything, Collapse returns its first error. Collapse copies memory and
// takes its time; the arena works meanwhile. Errors: ErrInvalid unless the arena was opened with HugeCollapse,
// ErrClosed, and one that says so where the arena is heap-backed.
func (a *Arena) Collapse() (int64, error) {
	if a.cfg.Huge != HugeCollapse {
		return 0, fmt.Errorf("arena: collapse: Huge %v: must be %v: %w", a.cfg.Huge, HugeCollapse, ErrInvalid)
	}
	var done int64
	var refused error
	for at := (hugeCursor{}); ; {
		more, err := a.collapseNext(&at)
		switch {
		case err != nil && refused == nil:
			refused = err
		case err == nil && more:
			done += hugePage
		}
		if !more {
			break
		}
	}
	if refused != nil && done == 0 {
		return 0, fmt.Errorf("arena: collapse: %w", refused)
	}
	return done, nil
}

// hugeCursor is how far Collapse has come.
type hugeCursor struct {
	piece int
	page  uint32
}

// collapseNext collapses the next huge page's worth that is wholly in use. It holds the lock for one of them only.
func (a *Arena) collapseNext(at *hugeCursor) (more bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return false, ErrClosed
	}
	for ; at.piece < len(a.pieces); at.piece, at.page = at.piece+1, 0 {
		p := a.pieces[at.piece]
		first := a.wholeUsed(p, at.page)
		if first == noPlace {
			continue
		}
		at.page = first + hugePage>>a.shift
		if err = a.back.advise(p.at(first), hugePage, sys.Huge); err == nil {
			err = a.back.advise(p.at(first), hugePage, sys.Collapse)
		}
		return true, err
	}
	return false, nil
}

// wholeUsed is the first huge page at or above a page all of whose pages are in runs in use, or noPlace.
func (a *Arena) wholeUsed(p *piece, page uint32) uint32 {
	block := uint32(hugePage >> a.shift)
	first := p.alignUp(page, hugePage)
	for at := first; uint64(first)+uint64(block) <= uint64(p.ever); {
		if at >= first+block {
			return first
		}
		run, pages, state := a.runAt(p, at)
		switch state {
		case PageUsed:
			at = run + pages
			continue
		case PageFree:
			at = run + pages
		default:
			at++ // a guard page
		}
		first = p.alignUp(at, hugePage)
		at = first
	}
	return noPlace
}

// intactFrom is the first page of a piece from which on Purge prefers whole huge pages.
func (a *Arena) intactFrom(p *piece) uint32 {
	if a.cfg.Huge == HugeCollapse {
		return 0
	}
	return a.hugeFrom(p)
}

// Fd is the memory file that holds the pages of a Shared arena: sealed, so that it keeps its size for good, and open
// until Close. It stays the arena's: whoever hands it to another process duplicates it. False for an arena that has
// none.
func (a *Arena) Fd() (fd int, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return -1, false
	}
	return a.back.file()
}

// Offset is where the first byte of b lies in the memory file of Fd; false where Locate or Fd say false. Pages that
// lie together in memory lie together in the file.
func (a *Arena) Offset(b []byte) (int64, bool) {
	place, ok := a.Locate(b)
	if _, shared := a.Fd(); !ok || !shared {
		return 0, false
	}
	return place.Page<<a.shift + int64(place.Offset), true
}
