package main

// What no rival has a call of its own for.

func (h *rivalHeap) allocBatch(dst []rivalBlock, n int) {
	for i := range dst {
		dst[i], _ = h.Alloc(n)
	}
}

func (h *rivalHeap) freeBatch(src []rivalBlock) {
	for _, b := range src {
		h.Free(b)
	}
}

func (h *rivalHeap) localPairs(n, size int) {
	for range n {
		b, _ := h.Alloc(size)
		h.bytes(b)[0] = 1
		h.Free(b)
	}
}

func (h *rivalHeap) typedPairs(n int) {
	for range n {
		b, _ := h.AllocZeroed(64)
		h.bytes(b)[0] = 1
		h.Free(b)
	}
}

func (*rivalHeap) table(n int) []rivalBlock { return make([]rivalBlock, n) }

func (*rivalHeap) freeTable([]rivalBlock) {}

// rivalCalls is what the algorithms call.
type rivalCalls = rivalHeap

func (h *rivalHeap) calls() *rivalCalls { return h }
