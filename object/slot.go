package object

import (
	"io"
	"sync"
	"sync/atomic"

	"offheap.example/lookaside/internal/objtab"
)

// slot is where an object lives, one after another: 64 bytes, one cache line,
// never freed.
type slot struct {
	word atomic.Uint64       // Publishes: body and kin, by references. Pairs with: TryRef. See word.go.
	kin  atomic.Pointer[kin] // Publishes: the kin, once made. Pairs with: itself. Never changes after that.
	body objtab.Body         // Owned by whoever holds a reference; written by New, the last Unref and a busy holder.
}

// kin is what only some objects have: relatives, contexts and callbacks. A
// slot gets one when its first such object needs it and keeps it. Fields are
// guarded by mu unless they say otherwise, and mean something only while the
// word says adorned.
type kin struct {
	mu sync.Mutex

	parent      *slot
	first, last *slot // children in creation order
	prev, next  *slot // siblings; guarded by the parent's mu

	// Written by New before the handle exists, and when the slot is emptied.
	kind             string
	context          any
	cleanup, destroy func(Object)

	added   []context   // grows while live, frozen after that
	closers []io.Closer // the same

	notes *notes // nil until the first object here is noted
}

// context is one that AddContext added.
type context struct {
	value            any
	cleanup, destroy func(Object)
}

var slots = objtab.Cache[slot]{Init: func(s *slot) { s.word.Store(armed(1)) }}

// recycle gives the slot to the next object and then what the body held to
// its owner. The word says already that the object is gone.
func (s *slot) recycle() {
	b := &s.body
	buf, owner, kind := b.Buf, b.Owner, b.Kind
	b.Buf, b.Owner, b.Kind, b.Flags = nil, nil, objtab.Kind{}, 0
	s.park()
	// Last, because an owner that finds its memory damaged panics.
	kind.Finish(buf, owner)
}

// park puts an empty slot back, unless it is retired.
func (s *slot) park() {
	if s.word.Load()&refMask != 0 {
		slots.Put(s)
	}
}

// vacate empties the kin and makes handles of generation gen stale, in one
// step for everybody who looks under the lock.
func (s *slot) vacate(gen uint32) {
	k := s.kin.Load()
	k.mu.Lock()
	k.parent, k.first, k.last, k.prev, k.next = nil, nil, nil, nil, nil
	k.kind, k.context, k.cleanup, k.destroy = "", nil, nil, nil
	clear(k.added)
	clear(k.closers)
	k.added, k.closers = k.added[:0], k.closers[:0]
	k.notes.forget()
	// Publishes: that the object is gone. Pairs with: every load of a word.
	s.word.Store(after(gen))
	k.mu.Unlock()
}

// ensureKin returns the slot's kin, made if there is none yet.
func (s *slot) ensureKin() *kin {
	if k := s.kin.Load(); k != nil {
		return k
	}
	s.kin.CompareAndSwap(nil, new(kin))
	return s.kin.Load()
}

// append makes c the last child. k.mu is held.
func (k *kin) append(parent, c *slot) {
	ck := c.kin.Load()
	ck.parent, ck.prev, ck.next = parent, k.last, nil
	if k.last == nil {
		k.first = c
	} else {
		k.last.kin.Load().next = c
	}
	k.last = c
}

// remove takes c out of the children. k.mu and the child's mu are held, or
// the children are frozen and the caller is the one who froze them.
func (k *kin) remove(c *slot) {
	ck := c.kin.Load()
	if ck.prev == nil {
		k.first = ck.next
	} else {
		ck.prev.kin.Load().next = ck.next
	}
	if ck.next == nil {
		k.last = ck.prev
	} else {
		ck.next.kin.Load().prev = ck.prev
	}
	ck.prev, ck.next = nil, nil
}
