package loops

import "runtime/debug"

// goheapBlock is what make returns.
type goheapBlock = []byte

// goheapHeap is make and the garbage collector.
type goheapHeap struct{}

// alloc is not inlined: the compiler would see that a block does not outlive the
// loop and put it on the stack.
//
//go:noinline
func (*goheapHeap) alloc(n int) goheapBlock { return make([]byte, n) }

func (h *goheapHeap) zeroed(n int) goheapBlock { return h.alloc(n) }

// aligned relies on the heap's size classes, which are multiples of every small
// power of two that the size is a multiple of.
func (h *goheapHeap) aligned(n, to int) goheapBlock { return h.alloc((n + to - 1) &^ (to - 1))[:n] }

// realloc stays in place while more than half of the block is used.
func (h *goheapHeap) realloc(b goheapBlock, n int) goheapBlock {
	if n <= cap(b) && n > cap(b)/2 {
		return b[:n]
	}
	c := h.alloc(n)
	copy(c, b)
	return c
}

func (*goheapHeap) free(goheapBlock) {}

func (*goheapHeap) bytes(b goheapBlock) []byte { return b }

func (h *goheapHeap) allocBatch(dst []goheapBlock, n int) {
	for i := range dst {
		dst[i] = h.alloc(n)
	}
}

func (*goheapHeap) freeBatch(src []goheapBlock) { clear(src) }

func (h *goheapHeap) localPairs(n, size int) {
	for range n {
		h.alloc(size)[0] = 1
	}
}

// newLine is not inlined, for the same reason as alloc.
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
