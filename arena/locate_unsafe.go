package arena

// What the compiler cannot check here: that the address of a slice from outside is compared, never followed; and that
// a record belongs to the granule asked for.
//
// Why it holds: an address becomes a number first, and only its distance from the base of a piece that contains it is
// used from then on. The record table has one record for every granule of its piece.
//
// What would break it: a piece whose size is not what was mapped.

import (
	"sort"
	"unsafe"
)

// PageState says what an address is to an arena.
type PageState uint8

// The states that a floor above can tell apart. The package comment has all of them, and what moves a page on.
const (
	// PageForeign: not this arena's, or reserved and never handed out, or a guard page.
	PageForeign PageState = iota
	// PageFree: was handed out once and is free now.
	PageFree
	// PageUsed: in a run that is in use.
	PageUsed
)

// String is "foreign", "free" or "used".
func (s PageState) String() string { return [...]string{"foreign", "free", "used"}[min(s, PageUsed)] }

// Place is where a buffer lies in an arena.
type Place struct {
	Page     int64     // the page that holds the first byte, counted from the arena's first
	Offset   int       // of the first byte in that page
	State    PageState // PageFree or PageUsed
	RunPage  int64     // first page of the run that it lies in
	RunPages int       // pages of that run: a run in use, or a maximal run of free pages
}

// Space describes an arena's primary piece, for hot paths that cannot afford a call: its base, its size in bytes, and
// the table of records, one of 16 bytes for each granule, so that the record of address p is at
// Table + (p-Base)>>GranuleShift*16. The records of pages that were never handed out read zero.
type Space struct {
	Base  unsafe.Pointer
	Size  uintptr
	Table unsafe.Pointer
}

func (p *piece) space() *Space {
	return &Space{Base: p.base, Size: p.size(p.pages), Table: p.table}
}

// Space is the primary piece. Usually it is the whole reserve, from Open to Close. An arena that grows in pieces has
// none, that is one of Size 0, until the first piece is mapped, which then stays the primary one; Record knows them
// all. For the floor above.
func (a *Arena) Space() Space {
	if s := a.space.Load(); s != nil { // Reads what addPiece published.
		return *s
	}
	return Space{}
}

// find is the piece that an address lies in.
func (a *Arena) find(addr uintptr) *piece {
	i := sort.Search(len(a.byAddr), func(i int) bool { return a.byAddr[i].addr() > addr })
	if i == 0 {
		return nil
	}
	if p := a.byAddr[i-1]; addr-p.addr() < p.size(p.pages) {
		return p
	}
	return nil
}

// runAt is the run that a page lies in: its first page, how many it has without a guard page, and its state.
func (a *Arena) runAt(p *piece, page uint32) (first, pages uint32, state PageState) {
	if page >= p.ever {
		return 0, 0, PageForeign
	}
	first = p.starts.at(page)
	if w := p.heads[first]; isFree(w) {
		return first, a.free.at(freeRunOf(w)).pages, PageFree
	} else if pages = pagesOf(w) - a.extra; page-first < pages {
		return first, pages, PageUsed
	}
	return 0, 0, PageForeign
}

// Record finds the record of the granule that p lies in, 16 bytes that read zero until the floor above writes them and
// that stay where they are until Close, and the state of its page. For an address that was never handed out (not this
// arena's, reserved only, a guard page) and after Close it gives nil and PageForeign. For the floor above.
func (a *Arena) Record(p unsafe.Pointer) (rec unsafe.Pointer, state PageState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := a.find(uintptr(p))
	if at == nil {
		return nil, PageForeign
	}
	off := uintptr(p) - at.addr()
	if _, _, state = a.runAt(at, uint32(off>>a.shift)); state == PageForeign {
		return nil, PageForeign
	}
	return at.record(off), state
}

// Locate tames an address that came from outside: it tells where in the arena b lies, or false when it lies nowhere
// in it, or reaches beyond the run that it begins in. Nil and empty slices lie nowhere, and after Close nothing does.
// b is not touched.
func (a *Arena) Locate(b []byte) (Place, bool) {
	if len(b) == 0 {
		return Place{}, false
	}
	addr := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.find(addr)
	if p == nil {
		return Place{}, false
	}
	off := addr - p.addr()
	page := uint32(off >> a.shift)
	first, pages, state := a.runAt(p, page)
	if state == PageForeign || p.size(first+pages)-off < uintptr(len(b)) {
		return Place{}, false
	}
	return Place{
		Page:     int64(p.first) + int64(page),
		Offset:   int(off & (uintptr(1)<<a.shift - 1)),
		State:    state,
		RunPage:  int64(p.first) + int64(first),
		RunPages: int(pages),
	}, true
}

// addr is the address of the run as a number, for messages.
func (r Run) addr() uintptr { return uintptr(r.base) }
