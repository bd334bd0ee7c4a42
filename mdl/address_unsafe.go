package mdl

// What the compiler cannot check here: that an address is compared and not
// followed after its bytes are gone.
//
// Why it holds: the address leaves as a number, is used for arithmetic and
// comparison, and nothing here or above turns it back into a pointer. The
// segment that it was taken from holds its reference meanwhile, so that the
// number cannot have become another's.
//
// What would break it: keeping the number of Go memory that moves, which the
// stack does. Memory in lists escapes to the heap, which does not.

import "unsafe"

// address is where b begins.
func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
