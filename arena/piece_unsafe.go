package arena

// What the compiler cannot check here: that page numbers and granule numbers stay inside the piece and its ledger.
//
// Why it holds: the ledger is cut once, in openPiece, from one mapping whose size is the sum of the parts; the parts
// that the rest of the package uses are slices and checked by the compiler's bounds checks. Page numbers given to at
// and bytes come from the page map, which holds none at or above pages.
//
// What would break it: a piece whose ledger is unmapped while its slices are used; they die together, in Close.

import (
	"sync/atomic"
	"unsafe"

	"offheap.example/lookaside/align"
)

// recordSize is what the floor above owns of the record table, per granule, in bytes.
const recordSize = 16

// piece is one contiguous part of the arena's address space. Most arenas have one.
type piece struct {
	base  unsafe.Pointer // first page
	table unsafe.Pointer // records of the floor above, one per granule
	book  unsafe.Pointer // the mapping that holds the table and the slices below

	bookBytes uintptr
	off       int64  // where the piece begins in the memory file
	shift     uint   // binary logarithm of the page size
	index     uint32 // among the arena's pieces
	first     uint32 // number of its first page in the arena
	pages     uint32

	// Guarded by Arena.mu.
	ever    uint32   // pages [0, ever) were handed out at least once, or skipped for alignment
	ready   uint32   // pages [0, ready) are accessible
	advised uint32   // pages [0, advised) have been told about huge pages
	heads   []uint64 // what the first and the last page of each run say; see pagemap.go
	starts  marks    // first pages of runs
	dirty   bitset   // free pages that may hold old bytes
}

// at is where a page begins.
func (p *piece) at(page uint32) unsafe.Pointer { return unsafe.Add(p.base, uintptr(page)<<p.shift) }

// bytes is the memory of n pages from page on.
func (p *piece) bytes(page, n uint32) []byte {
	return unsafe.Slice((*byte)(p.at(page)), uintptr(n)<<p.shift)
}

// touch writes to each of n pages without changing it, so that it is resident. Others may write there meanwhile.
func (p *piece) touch(page, n uint32) {
	for i := range n {
		atomic.OrUint32((*uint32)(p.at(page+i)), 0) // Publishes: nothing. Pairs with: nothing.
	}
}

// size is n pages in bytes.
func (p *piece) size(n uint32) uintptr { return uintptr(n) << p.shift }

// addr is the address of the piece as a number.
func (p *piece) addr() uintptr { return uintptr(p.base) }

// record is the record of the granule at a distance from the piece's base.
func (p *piece) record(off uintptr) unsafe.Pointer {
	return unsafe.Add(p.table, off>>GranuleShift*recordSize)
}

// bookSize is how many bytes of bookkeeping a piece of n pages needs.
func bookSize(n uint32, shift uint) uintptr {
	words := uintptr(bitsetWords(n))
	sum := uintptr(bitsetWords(uint32(words)))
	return uintptr(n)<<(shift-GranuleShift)*recordSize + 64 + 8*(uintptr(n)+words+sum+words)
}

// openPiece takes n pages of address space and the bookkeeping for them; with an error it has taken nothing.
func openPiece(b backing, off int64, n uint32, shift uint) (*piece, error) {
	p := &piece{off: off, shift: shift, pages: n}
	p.bookBytes = align.Up(bookSize(n, shift), uintptr(align.PageSize()))
	var err error
	if p.base, err = b.reserve(off, p.size(n)); err != nil {
		return nil, err
	}
	if p.book, err = b.ledger(p.bookBytes); err != nil {
		_ = b.unmap(p.base, p.size(n))
		return nil, err
	}
	p.table = p.book
	rest := unsafe.Add(p.book, align.Up(uintptr(n)<<(shift-GranuleShift)*recordSize, 64))
	cut := func(words int) []uint64 {
		s := unsafe.Slice((*uint64)(rest), words)
		rest = unsafe.Add(rest, 8*words)
		return s
	}
	words := bitsetWords(n)
	p.starts.sum = cut(bitsetWords(uint32(words)))
	p.starts.bits = cut(words)
	p.dirty = cut(words)
	p.heads = cut(int(n))
	return p, nil
}

// touchedBook is the two parts of the bookkeeping, in whole pages, that say something about pages below the high-water
// mark: the beginning of the record table, and the marks with the beginning of the heads. The second may be empty,
// where the first reaches into it.
func (p *piece) touchedBook() (table, marks extent) {
	page := uintptr(align.PageSize())
	records := uintptr(p.ever) << (p.shift - GranuleShift) * recordSize
	from := align.Down(uintptr(p.pages)<<(p.shift-GranuleShift)*recordSize, page)
	end := align.Up(uintptr(unsafe.Pointer(&p.heads[0]))-uintptr(p.book)+8*uintptr(p.ever), page)
	table = extent{p.book, align.Up(records, page)}
	from = max(from, table.size)
	if p.ever == 0 || from >= end {
		return table, extent{p.book, 0}
	}
	return table, extent{unsafe.Add(p.book, from), end - from}
}

// close gives everything back.
func (p *piece) close(b backing) error {
	err := b.unmap(p.base, p.size(p.pages))
	if e := b.unmap(p.book, p.bookBytes); err == nil {
		err = e
	}
	return err
}
