package objtab

// What the compiler cannot check here: that nothing is freed which only
// memory that the collector does not look into points at. It is memory for
// words without pointers, used for a type that has some; loads and stores of
// them are the compiler's own, but marking does not see them.
//
// Why it holds: everything stored there lives longer than the pointer to it.
// Records of a Cache are never freed; bytes are an arena's, or something that
// is looked into keeps them. Who stores anything else must keep it alive where
// the collector looks.
//
// What would break it: a record that points at an ordinary Go object, or a
// collector that moves objects. Race builds do not hide anything, because
// there an arena's bytes are on the Go heap.

import (
	"unsafe"

	"offheap.example/lookaside/internal/race"
)

// hidden returns n zeroed values in memory that the collector does not look
// into.
func hidden[T any](n int) []T {
	if race.Enabled || n == 0 {
		return make([]T, n)
	}
	const word = unsafe.Sizeof(uint64(0))
	var one T
	words := make([]uint64, (uintptr(n)*unsafe.Sizeof(one)+word-1)/word)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(words))), n)
}
