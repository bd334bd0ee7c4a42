package slab

// What the compiler cannot check here: that an entry is what a func value
// points to, a record that begins with a code address, and that the code
// there has the signature it is called with. It holds because the address is
// taken from a func value of that signature, or is that of an assembly
// function which keeps to the internal calling convention of the toolchain;
// package percpu has verified by then that the convention is the one it
// knows, by decoding code that the toolchain compiled. A toolchain with
// another convention would break it, and is kept out by that.

import "unsafe"

// entry is what a call of a hot function goes through: the code, the slow
// path that assembly jumps to with its arguments as it found them, and the
// whole function in Go. Written at start-up only.
type entry struct{ code, slow, whole uintptr }

// pEntry is the entry of a function that needs the current P: assembly goes on
// where at says, for each P at a place of its own.
type pEntry struct {
	entry
	at [fastPs]uintptr
}

// fastPs is how many Ps may have a fast path; those with a higher id are
// pinned.
const fastPs = 256

var (
	zeroedEntry, freeEntry, getEntry, putEntry pEntry
	localAllocEntry, localFreeEntry            entry
)

// Alloc returns n bytes with undefined contents; their capacity is what the
// block really holds. It returns ErrInvalid for a negative n, ErrNoMemory
// when the arena has none, ErrClosed after Close. Alloc(0) is an empty slice
// that occupies nothing.
func (a *Allocator) Alloc(n int) ([]byte, error) {
	e := &allocEntry
	return (*(*func(*Allocator, int) ([]byte, error))(unsafe.Pointer(&e)))(a, n)
}

// AllocZeroed is Alloc with all n bytes zero.
func (a *Allocator) AllocZeroed(n int) ([]byte, error) {
	e := &zeroedEntry
	return (*(*func(*Allocator, int) ([]byte, error))(unsafe.Pointer(&e)))(a, n)
}

// Free gives back what Alloc and its kin returned, or any re-slice of it
// that begins at the same address. A nil slice or one without capacity is
// ignored. Anything else that is not a live, untagged block of this
// allocator panics with *MisuseError and changes nothing.
func (a *Allocator) Free(b []byte) {
	e := &freeEntry
	(*(*func(*Allocator, []byte))(unsafe.Pointer(&e)))(a, b)
}

// Get returns a block: len and cap are the Size of the configuration. Its
// contents are undefined unless the configuration says Zero. It returns
// ErrNoMemory when the arena has none, ErrClosed after Close. It is
// ExAllocateFromLookasideListEx.
func (l *Lookaside) Get() ([]byte, error) {
	e := &getEntry
	return (*(*func(*Lookaside) ([]byte, error))(unsafe.Pointer(&e)))(l)
}

// Put gives back a block that Get returned, or any re-slice of it that
// begins at the same address. Anything else panics with *MisuseError and
// changes nothing. It is ExFreeToLookasideListEx.
func (l *Lookaside) Put(b []byte) {
	e := &putEntry
	(*(*func(*Lookaside, []byte))(unsafe.Pointer(&e)))(l, b)
}

// Alloc is Allocator.Alloc.
func (c *Local) Alloc(n int) ([]byte, error) {
	e := &localAllocEntry
	return (*(*func(*Local, int) ([]byte, error))(unsafe.Pointer(&e)))(c, n)
}

// Free is Allocator.Free.
func (c *Local) Free(b []byte) {
	e := &localFreeEntry
	(*(*func(*Local, []byte))(unsafe.Pointer(&e)))(c, b)
}

// codeOf returns the code address of a func value.
func codeOf[F any](f F) uintptr { return **(**uintptr)(unsafe.Pointer(&f)) }

func init() {
	set := func(e *entry, hot, slow uintptr) { *e = entry{code: hot, slow: slow, whole: hot} }
	set(&allocEntry.entry, codeOf((*Allocator).allocHot), codeOf((*Allocator).allocSlow))
	set(&zeroedEntry.entry, codeOf((*Allocator).zeroedHot), codeOf((*Allocator).zeroedSlow))
	set(&freeEntry.entry, codeOf((*Allocator).freeHot), codeOf((*Allocator).freeSlow))
	set(&getEntry.entry, codeOf((*Lookaside).getHot), codeOf((*Lookaside).getSlow))
	set(&putEntry.entry, codeOf((*Lookaside).putHot), codeOf((*Lookaside).putSlow))
	set(&localAllocEntry, codeOf((*Local).allocHot), codeOf((*Local).allocSlow))
	set(&localFreeEntry, codeOf((*Local).freeHot), codeOf((*Local).freeSlow))
	assemble()
}
