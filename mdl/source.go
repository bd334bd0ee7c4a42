package mdl

import (
	"fmt"
	"sync"
	"sync/atomic"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/slab"
)

// headerBytes is the size of the blocks that lists without a source take for
// headers. What a header leaves of its block is headroom for the next.
const headerBytes = 256

// ownMemory is the memory for lists without a source. It is opened when the
// first of them needs some, and stays.
type ownMemory struct {
	headers *slab.Lookaside
	heap    *slab.Allocator
}

var own struct {
	open atomic.Pointer[ownMemory] // Publishes: both. Pairs with: ownedMemory. Set under mu, once.
	mu   sync.Mutex
}

// ownedMemory returns the package's memory, opened if need be. A failure is
// tried again next time.
func ownedMemory() (*ownMemory, error) {
	if m := own.open.Load(); m != nil { // Reads what openOwnMemory published.
		return m, nil
	}
	return openOwnMemory()
}

func openOwnMemory() (*ownMemory, error) {
	own.mu.Lock()
	defer own.mu.Unlock()
	if m := own.open.Load(); m != nil { // Reads what another call published.
		return m, nil
	}
	src, err := arena.Open(arena.Config{Name: "mdl"})
	if err != nil {
		return nil, err
	}
	m := &ownMemory{}
	if m.heap, err = slab.NewAllocator(src, slab.AllocatorConfig{Name: "mdl"}); err == nil {
		cfg := slab.Config{Name: "mdl headers", Tag: slab.Tag{'m', 'd', 'l'}, Size: headerBytes, Align: 64}
		m.headers, err = slab.New(src, cfg)
	}
	if err != nil {
		_ = src.Close()
		return nil, err
	}
	own.open.Store(m) // Publishes: m. Pairs with: ownedMemory.
	return m, nil
}

// blockSize is how large a block is that obtain gets for n bytes: it may be
// less, and is more where that costs nothing.
func (b *body) blockSize(n int) int {
	if b.source != nil {
		return b.source.Size()
	}
	if size, ok := align.TryUp(n, headerBytes); ok {
		return size
	}
	return n
}

// obtain gets a block of the size that blockSize told, as a segment that has
// the only reference on it: the object is deleted already, and gone when the
// last list drops it.
func (b *body) obtain(size int) (segment, error) {
	m, err := b.object(size)
	if err != nil {
		return segment{}, err
	}
	buf, _, err := hold(m)
	if err == nil {
		err = m.Delete()
	}
	if err != nil {
		return segment{}, fmt.Errorf("a new object is not whole: %w", err) // nobody else has its handle
	}
	return segment{m: m, window: buf}, nil
}

func (b *body) object(size int) (memory.Object, error) {
	if b.source != nil {
		return memory.FromLookaside(b.source)
	}
	m, err := ownedMemory()
	if err != nil {
		return memory.Object{}, err
	}
	if size == headerBytes {
		return memory.FromLookaside(m.headers)
	}
	return memory.New(m.heap, size, memory.Uninitialized())
}

// bounce returns n bytes for a copy that has to be put down in between, and who
// takes them back: settle tells him. They are the Go heap's when there is no
// other memory.
func bounce(n int) ([]byte, *slab.Allocator) {
	if m, err := ownedMemory(); err == nil {
		if t, err := m.heap.Alloc(n); err == nil {
			return t, m.heap
		}
	}
	return make([]byte, n), nil
}

func settle(t []byte, heap *slab.Allocator) {
	if heap != nil {
		heap.Free(t)
	}
}
