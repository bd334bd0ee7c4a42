// Package lookaside brings the memory model of the Windows Driver Framework
// to Go: memory outside the Go heap that is handed out as fast as a C
// allocator does it, checked at every free, and described by counted objects.
//
// A Domain is everything that dies together: an arena of mapped pages, an
// allocator, any number of lookasides, and the object that all others descend
// from. One import is enough to use it; the packages behind it can also be
// used alone:
//
//	align    rounding and page arithmetic
//	arena    address space and pages
//	slab     Allocator, Lookaside, Local, Typed
//	object   references, parents, contexts, callbacks
//	memory   memory objects: counted, bounds-checked buffers
//	mdl      scatter lists
//	stats    reading a living process from outside
//
// # When not to use it
//
// Memory that holds Go pointers must stay on the Go heap: the collector does
// not look here. Memory that nobody frees leaks here, as in C; Close says so.
// A slice that is used after it was freed reads or writes somebody else's
// block: memory objects and their bounds-checked copies find that, raw slices
// do not. GOMEMLIMIT does not count these pages, unless Config.MemLimit says so.
package lookaside
