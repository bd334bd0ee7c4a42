package slab

// What the compiler cannot check here: that memory kept here belongs to the
// arena and is used by nobody. It holds because lists give back headers of
// slabs whose pages are gone, once each, and because a store forgets
// everything when its arena closes. Giving a header back twice would break it.

import (
	"cmp"
	"slices"
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
	l.idle, l.asleep = nil, 0
}

// dropIdle gives back the physical memory of headers whose slabs are gone:
// those that lie together, as whole pages. They stay where they are and are
// used again. The caller holds l.mu. It returns how many bytes went.
func (l *list) dropIdle() (dropped int64) {
	each := uintptr(l.metaBytes()+63) &^ 63 // as the arena hands them out
	slices.SortFunc(l.idle, func(x, y unsafe.Pointer) int { return cmp.Compare(uintptr(x), uintptr(y)) })
	for i := 0; i < len(l.idle); {
		n := 1
		for i+n < len(l.idle) && uintptr(l.idle[i+n]) == uintptr(l.idle[i])+uintptr(n)*each {
			n++
		}
		dropped += l.o.src.DropMetadata(l.idle[i], n*int(each))
		i += n
	}
	l.asleep = len(l.idle)
	return dropped
}
