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
// collector that moves objects. Where an arena's bytes are on the Go heap, in
// race builds, on platforms without mappings and on request, nothing is.

import (
	"os"
	"unsafe"

	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/internal/sys"
)

// hidden returns n zeroed values in memory that the collector does not look
// into.
func hidden[T any](n int) []T {
	if n == 0 || race.Enabled || !sys.Supported || os.Getenv("LOOKASIDE_BACKING") == "heap" { // as package arena decides
		return make([]T, n)
	}
	const word = unsafe.Sizeof(uint64(0))
	var one T
	words := make([]uint64, (uintptr(n)*unsafe.Sizeof(one)+word-1)/word)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(words))), n)
}
