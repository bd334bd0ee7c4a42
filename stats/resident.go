package stats

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"offheap.example/lookaside/internal/statspage"
)

// Residence is the physical memory that an arena occupies, in bytes; -1 is
// unknown.
type Residence struct {
	Blocks   int64 // pages that the arena hands out
	Metadata int64 // page map, records, and what the floors above keep about the pages
	Counters int64 // the published counters, shards included
}

// Resident asks the kernel, page by page, which of the memory that the counters
// tell of is there: /proc/PID/pagemap for the pages and the metadata, the file's
// own account for the counters. The target does nothing for it. The error
// says why Blocks and Metadata are unknown, and wraps fs.ErrPermission where
// the process may not be looked into.
func (r *Reader) Resident() (Residence, error) {
	h, err := r.view.Header()
	if err != nil {
		return Residence{Blocks: -1, Metadata: -1, Counters: -1}, fmt.Errorf("stats: resident memory of %v: %w", r.src, err)
	}
	return r.resident(&h)
}

func (r *Reader) resident(h *statspage.Header) (Residence, error) {
	sum := Residence{Blocks: -1, Metadata: -1, Counters: r.occupied()}
	blocks, metadata, err := presentIn(r.src.PID, h)
	if err != nil {
		return sum, fmt.Errorf("stats: resident memory of %v: %w", r.src, err)
	}
	sum.Blocks, sum.Metadata = blocks, metadata
	return sum, nil
}

// A process's page map has one word for each page of its address space, in the
// order of the addresses. Of a word only one bit counts here:
//
//	63 present   there is memory behind the page
//	62 swapped   it is out on a swap device, or there is a guard marker
//	61 file      with 63: it belongs to a file, or is shared, as a memfd's
//
// A page that is out occupies no memory, and a shared one as much as any other.
const (
	presentBit = 63
	entrySize  = 8 // bytes of a word
)

const (
	// mapBuffer is how many bytes of a page map are read at once.
	mapBuffer = 64 << 10
	// mostPages is how many pages are asked about: those of 512 GiB where a page
	// has 4 KiB. It bounds the time that a hostile table of regions can take.
	mostPages = 1 << 27
)

var errTooManyRegions = errors.New("the memory is in more pieces than the counters have room to tell of")

// present counts the bytes of the regions that are in memory, according to a
// page map, where a page has page bytes. What lies beyond the end of the page
// map, and thus of any address space, is not there.
func present(pagemap io.ReaderAt, regions *statspage.Regions, page uint64) (int64, error) {
	if regions.More != 0 {
		return 0, errTooManyRegions
	}
	var ask uint64
	for _, g := range regions.List() {
		ask += g.Size / page
	}
	if ask > mostPages {
		return 0, fmt.Errorf("%d pages are more than the %d that are looked at", ask, mostPages)
	}
	var pages uint64
	buf := make([]byte, mapBuffer)
	for _, g := range regions.List() {
		first, end := g.Base/page, (g.Base+g.Size+page-1)/page
		for first < end {
			part := buf[:min(uint64(len(buf)), (end-first)*entrySize)]
			n, err := pagemap.ReadAt(part, int64(first*entrySize))
			for at := 0; at+entrySize <= n; at += entrySize {
				pages += binary.NativeEndian.Uint64(part[at:]) >> presentBit
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return 0, fmt.Errorf("page map at %#x: %w", g.Base, err)
			}
			first += uint64(len(part)) / entrySize
		}
	}
	return int64(pages * page), nil
}
