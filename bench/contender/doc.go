// Package contender puts allocators that are to be compared behind one small
// interface.
//
//	name        what it is
//	lookaside   slab.Allocator over an arena of its own
//	goheap      make and the garbage collector
//	syncpool    one sync.Pool for every power of two, over make
//
// Each is used as somebody would use it who knows it well. goheap drops a freed
// block and lets the collector find it; its Realloc stays in place while
// more than half of the block is used. syncpool keeps whole arrays in its pools
// and puts them back by their address, so that a put costs no slice header on
// the heap; blocks above 32 MiB, and blocks with an alignment beyond what the
// Go heap gives, are made and dropped as in goheap.
//
// Resident is what the contender's blocks and its own records occupy in
// physical memory, and nothing of the process around it. For lookaside these
// are the arena's pages, its records and its counters, by asking the kernel about
// each of their pages. For the other two these are the memory classes
// objects, unused and free of the Go heap, less what they were when the
// contender was opened. The Go heap's own records (span tables, mark bits) are
// left out, in its favour.
package contender
