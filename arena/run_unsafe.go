package arena

// What the compiler cannot check here: that the pages of a run are still mapped when its bytes are touched.
//
// Why it holds: pages are unmapped in Close alone, which says so first; from then on Bytes and Base give nil.
//
// What would break it: touching a slice got before Close after it. That is the caller's promise, as with any raw
// buffer.

import "unsafe"

const (
	// GranuleShift is the binary logarithm of Granule.
	GranuleShift = 12
	// Granule is the unit of bookkeeping in bytes, 4 KiB whatever the operating system's page is. Runs are whole
	// pages, hence whole granules.
	Granule = 1 << GranuleShift
)

// Run is a number of adjacent pages that were handed out together. It is a small value: copy it freely, compare it,
// give back any copy. The zero Run is no run.
type Run struct {
	a     *Arena
	base  unsafe.Pointer
	piece uint32
	first uint32
	pages uint32
	gen   uint32
}

func (a *Arena) run(p *piece, first, pages, gen uint32) Run {
	return Run{a: a, base: p.at(first), piece: p.index, first: first, pages: pages, gen: gen}
}

// Base is the address of the first byte; nil for the zero Run and after Close.
func (r Run) Base() unsafe.Pointer {
	if r.a == nil || r.a.closed.Load() { // Reads what Close published.
		return nil
	}
	return r.base
}

// Bytes is the memory of the run, borrowed until Release; nil for the zero Run and after Close.
func (r Run) Bytes() []byte {
	if base := r.Base(); base != nil {
		return unsafe.Slice((*byte)(base), uintptr(r.pages)<<r.a.shift)
	}
	return nil
}

// Pages is how many pages of Arena.PageSize bytes the run has, 0 for the zero Run.
func (r Run) Pages() int { return int(r.pages) }

// Valid tells a run that was handed out from the zero Run. It does not tell whether the run is still in use.
func (r Run) Valid() bool { return r.a != nil }
