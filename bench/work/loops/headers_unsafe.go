package loops

// The compiler cannot check here that the bytes of a block may hold slice
// headers, and that no pointer into the Go heap is among them.
//
// It holds because a block as long as several headers begins at a multiple of
// eight, and because only lookaside's blocks are filed there, which lie outside
// the Go heap. In race builds they lie on the Go heap, but in arrays that their
// arena keeps alive.
//
// Filing a slice that was made by make would break it: the collector would not
// see the reference.

import "unsafe"

// headerSize is the size of a slice header in bytes.
const headerSize = int(unsafe.Sizeof([]byte(nil)))

// headers is b seen as n slice headers, all nil.
func headers(b []byte, n int) [][]byte {
	clear(b)
	return unsafe.Slice((*[]byte)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// headerBytes is the block behind a table of headers.
func headerBytes(t [][]byte) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(t))), len(t)*headerSize)
}
