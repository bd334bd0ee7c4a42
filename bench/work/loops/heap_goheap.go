package loops

import "runtime/debug"

// goheapBlock is what make returns.
type goheapBlock = []byte

// goheapHeap is make and the garbage collector.
type goheapHeap struct{}

// Alloc is not inlined: the compiler would see that a block does not outlive the
// loop and put it on the stack.
//
//go:noinline
func (*goheapHeap) Alloc(n int) (goheapBlock, error) { return make([]byte, n), nil }

// AllocZeroed is Alloc.
func (h *goheapHeap) AllocZeroed(n int) (goheapBlock, error) { return h.Alloc(n) }

// AllocAligned relies on the heap's size classes, which are multiples of every
// small power of two that the size is a multiple of.
func (h *goheapHeap) AllocAligned(n, to int) (goheapBlock, error) {
	b, err := h.Alloc((n + to - 1) &^ (to - 1))
	return b[:n], err
}

// Realloc stays in place while more than half of the block is used.
func (h *goheapHeap) Realloc(b goheapBlock, n int) (goheapBlock, error) {
	if n <= cap(b) && n > cap(b)/2 {
		return b[:n], nil
	}
	c, err := h.Alloc(n)
	copy(c, b)
	return c, err
}

// Free drops the block.
func (*goheapHeap) Free(goheapBlock) {}

func (*goheapHeap) bytes(b goheapBlock) []byte { return b }

func (h *goheapHeap) allocBatch(dst []goheapBlock, n int) {
	for i := range dst {
		dst[i], _ = h.Alloc(n)
	}
}

func (*goheapHeap) freeBatch(src []goheapBlock) { clear(src) }

func (h *goheapHeap) localPairs(n, size int) {
	for range n {
		b, _ := h.Alloc(size)
		b[0] = 1
	}
}

// newLine is not inlined, for the same reason as Alloc.
//
//go:noinline
func newLine() *line { return new(line) }

func (*goheapHeap) typedPairs(n int) {
	for range n {
		newLine().words[0] = 1
	}
}

func (*goheapHeap) table(n int) []goheapBlock { return make([]goheapBlock, n) }

func (*goheapHeap) freeTable([]goheapBlock) {}

func (*goheapHeap) trim() { debug.FreeOSMemory() }

func (*goheapHeap) close() error { return nil }

// goheapCalls is what the algorithms call.
type goheapCalls = goheapHeap

func (h *goheapHeap) calls() *goheapCalls { return h }
