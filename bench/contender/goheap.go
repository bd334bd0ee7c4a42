package contender

// GoHeap is make and the garbage collector.
type GoHeap struct{ heap }

// OpenGoHeap returns the Go heap, with what it holds now as its zero.
func OpenGoHeap() (Contender, error) { return &GoHeap{newHeap()}, nil }

// Alloc makes a slice.
func (*GoHeap) Alloc(n int) ([]byte, error) { return make([]byte, n), nil }

// AllocZeroed makes a slice, which is zero anyhow.
func (*GoHeap) AllocZeroed(n int) ([]byte, error) { return make([]byte, n), nil }

// AllocAligned makes a slice with room to slide.
func (*GoHeap) AllocAligned(n, to int) ([]byte, error) { return makeAligned(n, to), nil }

// Realloc stays in place when it can without wasting half, else it makes a new
// slice and copies.
func (*GoHeap) Realloc(b []byte, n int) ([]byte, error) {
	if n <= cap(b) && n > cap(b)/2 {
		return b[:n], nil
	}
	c := make([]byte, n)
	copy(c, b)
	return c, nil
}

// Free drops the block.
func (*GoHeap) Free([]byte) {}

// Close has nothing to do.
func (*GoHeap) Close() error { return nil }
