package work

// The compiler cannot check here that the bytes of a slice are words that lie
// where words may lie.
//
// It holds because Words begins at the first multiple of eight and ends before
// the slice does. Only the Go heap's tiny blocks begin elsewhere.
//
// A view that is used after its block was freed would break it, as it would in
// any program.

import "unsafe"

// Words is the whole words in b, in place.
func Words(b []byte) []uint64 {
	if skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & 7); skip > 0 {
		b = b[min(skip, len(b)):]
	}
	if len(b) < 8 {
		return nil
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
}
