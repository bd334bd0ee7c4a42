//go:build rival_modernc

package main

import (
	"errors"
	"sync"

	"modernc.org/memory"
)

const rivalModule = "modernc.org/memory"

func rivalVersion() string { return "" }

// rivalHeap is one memory.Allocator behind a mutex: it is not made for several
// goroutines.
type rivalHeap struct {
	mu sync.Mutex
	a  memory.Allocator
}

func openRival() *rivalHeap { return new(rivalHeap) }

func (h *rivalHeap) Alloc(n int) (rivalBlock, error) {
	h.mu.Lock()
	b, err := h.a.Malloc(n)
	h.mu.Unlock()
	return b, err
}

func (h *rivalHeap) Free(b rivalBlock) {
	h.mu.Lock()
	err := h.a.Free(b)
	h.mu.Unlock()
	if err != nil {
		panic(err)
	}
}

func (h *rivalHeap) close() error {
	if h.a.Allocs != 0 {
		return errors.New("blocks are out")
	}
	return h.a.Close()
}
