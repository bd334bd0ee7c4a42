package slab

// What the compiler cannot check here: that memory kept here belongs to the
// arena and is used by nobody. It holds because lists give back headers of
// slabs whose pages are gone, once each, and because a store forgets
// everything when its arena closes. Giving a header back twice would break it.

import (
	"sync"
	"unsafe"

	"offheap.example/lookaside/arena"
)

// store keeps an arena's metadata that closed lists left behind, by size:
// the arena itself never takes metadata back.
type store struct {
	src  *arena.Arena
	mu   sync.Mutex
	free map[int][]unsafe.Pointer
}

var stores sync.Map // *arena.Arena to *store

// storeOf returns the store of an arena.
func storeOf(src *arena.Arena) (*store, error) {
	if s, ok := stores.Load(src); ok {
		return s.(*store), nil
	}
	s := &store{src: src, free: make(map[int][]unsafe.Pointer)}
	if other, loaded := stores.LoadOrStore(src, s); loaded {
		return other.(*store), nil
	}
	// The arena tells the store when it closes, as it tells every owner.
	if _, err := src.Attach(s); err != nil {
		stores.Delete(src)
		return nil, err
	}
	return s, nil
}

// ArenaClosing is for the arena.
func (s *store) ArenaClosing() {
	stores.Delete(s.src)
	s.mu.Lock()
	s.free = nil
	s.mu.Unlock()
}

// get returns n zero bytes.
func (s *store) get(n int) (unsafe.Pointer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if free := s.free[n]; len(free) > 0 {
		p := free[len(free)-1]
		s.free[n] = free[:len(free)-1]
		clear(unsafe.Slice((*byte)(p), n))
		return p, nil
	}
	return s.src.Metadata(n)
}

// giveBack takes the headers that a closed list no longer needs.
func (s *store) giveBack(l *list) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free != nil {
		s.free[l.metaBytes()] = append(s.free[l.metaBytes()], l.idle...)
	}
	l.idle = nil
}
