package work

// The compiler cannot check here that the bytes of a slice are words that lie
// where words may lie.
//
// It holds because blocks of every allocator under comparison begin at a
// multiple of eight, and Words looks before it casts.
//
// A view that is used after its block was freed would break it, as it would in
// any program.

import "unsafe"

// Words is the whole words of b, in place. It panics when b does not begin at a
// multiple of eight.
func Words(b []byte) []uint64 {
	p := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(p)%8 != 0 {
		panic("words: the block does not begin at a multiple of 8")
	}
	return unsafe.Slice((*uint64)(p), len(b)/8)
}
