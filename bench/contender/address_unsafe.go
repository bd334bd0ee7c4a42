package contender

// The compiler cannot check here that the array behind a *byte is as long as
// array says, nor that an address is what alignment is counted from.
//
// It holds because a *byte reaches a pool only from Free, which files it under
// the capacity of the very slice whose first byte it is, a power of two; and
// Get hands it out under that same power. The Go heap does not move objects, so
// an address once computed stays true.
//
// Filing an address under another class than its slice's capacity would break
// it, and so would a collector that moves objects.

import "unsafe"

// address is the address of the first byte that b may hold.
func address(b []byte) *byte { return unsafe.SliceData(b) }

// array is the n bytes that begin at first.
func array(first *byte, n int) []byte { return unsafe.Slice(first, n) }

// makeAligned makes n bytes at a multiple of to, a power of two.
func makeAligned(n, to int) []byte {
	b := make([]byte, n+to-1)
	at := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & uintptr(to-1))
	return b[at : at+n : at+n]
}
