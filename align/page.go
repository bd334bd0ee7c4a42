package align

import (
	"math/bits"
	"os"
)

// The page size is a fact of the running kernel, not of the build: arm64
// kernels come with 4, 16 and 64 KiB. Written once, before main; read freely.
var (
	pageSize  = os.Getpagesize()
	pageMask  = uint64(pageSize - 1)
	pageShift = uint(bits.TrailingZeros(uint(pageSize)))
)

// PageSize returns the bytes in one page of the running kernel, a power of two.
func PageSize() int { return pageSize }

// Pages returns how many pages n bytes fill, the last one perhaps in part. It
// is BYTES_TO_PAGES and never wraps: the largest n gives 2^64 / [PageSize].
func Pages(n uint64) uint64 {
	pages := n >> (pageShift & 63)
	if n&pageMask != 0 {
		pages++
	}
	return pages
}

// SpanPages returns how many pages the bytes [addr, addr+size) touch. A size of
// zero touches no page at a page boundary and one page anywhere else.
//
// It is ADDRESS_AND_SIZE_TO_SPAN_PAGES, except that it never wraps: where the
// sum in the Windows macro would, this is still the true count.
func SpanPages(addr, size uint64) uint64 {
	edges := addr&pageMask + size&pageMask + pageMask // below three pages
	return size>>(pageShift&63) + edges>>(pageShift&63)
}
