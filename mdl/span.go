package mdl

import "offheap.example/lookaside/align"

// pageSpan is whole pages, as numbers. An address of a page never becomes a
// pointer: a page of the Go heap may begin with another, dead object, to which
// no pointer may exist.
type pageSpan struct {
	first, end uintptr // addresses of the first page, and behind the last
}

// pagesOf is the pages that b touches.
func pagesOf(b []byte) pageSpan {
	page := uintptr(align.PageSize())
	at := address(b)
	return pageSpan{align.Down(at, page), align.Up(at+uintptr(len(b)), page)}
}

// count is how many pages a span has.
func (p pageSpan) count() int { return int((p.end - p.first) / uintptr(align.PageSize())) }

// inPage is where in its page b begins, in bytes.
func inPage(b []byte) int { return int(address(b) & uintptr(align.PageSize()-1)) }
