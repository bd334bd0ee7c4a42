package mdl_test

// What the compiler cannot check here: nothing. Addresses of slices are compared
// with those that lists report.
//
// Why it holds: they become numbers and stay numbers, while the memory is kept.
//
// What would break it: using one as a pointer.

import "unsafe"

func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
