package object

import (
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"offheap.example/lookaside/internal/objtab"
)

// slot is where an object lives, one after another: 64 bytes, one cache line,
// never freed, and not looked into by the collector. What it points at is kept
// alive by others: see dress.
type slot struct {
	word atomic.Uint64       // Publishes: body and kin, by references. Pairs with: TryRef. See word.go.
	kin  atomic.Pointer[kin] // Publishes: the kin, once made. Pairs with: itself. Never changes after that.
	body objtab.Body         // Owned by whoever holds a reference; written by New, the last Unref and a busy holder.
}

// kin is what only some objects have: relatives, contexts and callbacks. Its
// fields mean something only while the word says adorned. It is never freed
// and not looked into either.
//
// As long as the word does not say seen, only New and whoever deletes or
// destroys the object come here, and they follow one another. Everybody else
// sets seen first, with mu held; from then on all take mu, the deleter too.
type kin struct {
	// What the object is to its children, one cache line.
	mu          sync.Mutex
	first, last *kin  // children in creation order; guarded by mu, frozen once the object is closing
	slot        *slot // whose kin it is; never changes
	born        birth // which objects live here; never changes
	_           [24]byte

	// What it is to its parent and by itself, another.
	parent     *kin   // written by New before the handle exists, and by empty when there is none any more
	prev, next *kin   // siblings; guarded by the parent's mu
	dress      *dress // nil until the first object here needs it, then it stays; guarded by mu
	left       bool   // parent has let go of us; guarded by the parent's mu
	late       bool   // our own Delete found parent closing, and is done; guarded by the parent's mu
	joined     bool   // parent's Delete claimed us; owned by it
	_          [24]byte
}

// dress is what of an object the collector must see, five words. It is never
// freed.
type dress struct {
	cleanup, destroy func(Object) // written by New before the handle exists, and by empty
	context          any          // the same
	more             *more        // nil until the first object here needs it; guarded by the kin's mu
}

// more is what hardly any object has.
type more struct {
	kind  string // as a dress's callbacks
	buf   []byte // of the body, where nobody else keeps them
	owner any

	added   []context   // grows while live, frozen after that
	closers []io.Closer // the same
	notes   notes
}

// context is one that AddContext added.
type context struct {
	value            any
	cleanup, destroy func(Object)
}

// birth is what the objects of a slot are born with.
type birth uint8

const (
	plainBirth   birth = iota // a body
	kinBirth                  // a kin, too
	dressedBirth              // and a dress
)

// The free slots, by what their objects are born with. A slot never moves from
// one to the other: whoever adorns many plain objects uses the same slots over
// and over.
var slots = [...]objtab.Cache[slot]{
	plainBirth:   {Hidden: true, Init: func(s *slot) { s.settle(plainBirth) }},
	kinBirth:     {Hidden: true, Init: func(s *slot) { s.settle(kinBirth) }},
	dressedBirth: {Hidden: true, Init: func(s *slot) { s.settle(dressedBirth) }},
}

// Taken and never given back: they stay with their slots.
var (
	kins    = objtab.Cache[kin]{Hidden: true}
	dresses objtab.Cache[dress]
)

// settle prepares a new slot.
func (s *slot) settle(b birth) {
	if b == plainBirth {
		s.word.Store(armed(1))
		return
	}
	k := kins.Get()
	k.slot, k.born = s, b
	if b == dressedBirth {
		k.dress = dresses.Get()
	}
	s.kin.Store(k)
	s.word.Store(armed(1) | adorned)
}

// park is recycle, but for slots that have used up their generations: nobody
// gets them any more.
func (s *slot) park(gen uint32) {
	if gen != lastGen {
		s.recycle()
		return
	}
	b := &s.body
	buf, owner, kind := b.Buf, b.Owner, b.Kind
	b.Buf, b.Owner, b.Kind, b.Flags = nil, nil, objtab.Kind{}, 0
	kind.Finish(buf, owner)
}

// recycle gives a slot that was not adorned to the next object and then what
// the body held to its owner. The word says already that the object is gone.
func (s *slot) recycle() {
	b := &s.body
	buf, owner, kind := b.Buf, b.Owner, b.Kind
	b.Buf, b.Owner, b.Kind, b.Flags = nil, nil, objtab.Kind{}, 0
	slots[plainBirth].Put(s)
	// Last, because an owner that finds its memory damaged panics.
	kind.Finish(buf, owner)
}

// nextWord is the word of the slot when its object of generation gen is gone.
func (k *kin) nextWord(gen uint32) uint64 {
	if k.born != plainBirth && gen != lastGen {
		return after(gen) | adorned
	}
	return after(gen)
}

// vacate makes handles of generation gen stale, and empties the kin, in one
// step for everybody who looks. The object has no references.
func (k *kin) vacate(gen uint32) {
	for {
		w := k.slot.word.Load()
		if w&seen != 0 {
			break
		}
		// Publishes: that the object is gone. Pairs with: every load of a word.
		if k.slot.word.CompareAndSwap(w, k.nextWord(gen)) {
			k.empty()
			return
		}
	}
	k.mu.Lock()
	k.empty()
	k.slot.word.Store(k.nextWord(gen)) // the same
	k.mu.Unlock()
}

// empty clears what the next object must not find and the collector not
// follow.
func (k *kin) empty() {
	k.parent, k.prev, k.next, k.first, k.last = nil, nil, nil, nil, nil
	k.left, k.late, k.joined = false, false, false
	if k.dress != nil {
		k.dress.empty()
	}
}

func (d *dress) empty() {
	d.cleanup, d.destroy, d.context = nil, nil, nil
	if m := d.more; m != nil {
		m.kind, m.buf, m.owner = "", nil, nil
		clear(m.added)
		clear(m.closers)
		m.added, m.closers = m.added[:0], m.closers[:0]
		m.notes.forget()
	}
}

// recycle gives slot and kin, which are empty, to the next object and what
// the body held to its owner. A slot whose generations are used up is not
// given to anybody.
func (k *kin) recycle() {
	b := &k.slot.body
	buf, owner, kind := b.Buf, b.Owner, b.Kind
	b.Buf, b.Owner, b.Kind, b.Flags = nil, nil, objtab.Kind{}, 0
	if k.slot.word.Load()&refMask != 0 {
		slots[k.born].Put(k.slot)
	}
	kind.Finish(buf, owner)
}

// ensureKin returns the slot's kin, made if there is none yet.
func (s *slot) ensureKin() *kin {
	if k := s.kin.Load(); k != nil {
		return k
	}
	k := kins.Get()
	k.slot = s
	if !s.kin.CompareAndSwap(nil, k) {
		k.slot = nil
		kins.Put(k)
	}
	return s.kin.Load()
}

// rest returns what the dress has more, both made if they are not there yet.
// k.mu is held.
func (k *kin) rest() *more {
	if k.dress == nil {
		k.dress = dresses.Get()
	}
	if k.dress.more == nil {
		k.dress.more = new(more)
	}
	return k.dress.more
}

// seenRest is rest, but nil if it is not there. k.mu is held.
func (k *kin) seenRest() *more {
	if k.dress == nil {
		return nil
	}
	return k.dress.more
}

// enter locks the kin on behalf of somebody who has a handle of generation
// gen, and says so in the word. It reports false, and locks nothing, when the
// object is gone or has nothing here.
func (k *kin) enter(gen uint32) bool {
	k.mu.Lock()
	for {
		w := k.slot.word.Load()
		switch {
		case genOf(w) != gen || w&adorned == 0:
			k.mu.Unlock()
			return false
		case w&seen != 0:
			return true
		case w&busy != 0:
			runtime.Gosched()
		// Publishes: that the kin is seen. Pairs with: claim and vacate.
		case k.slot.word.CompareAndSwap(w, w|seen):
			return true
		}
	}
}

// append makes c the last child. k.mu is held.
func (k *kin) append(c *kin) {
	c.parent, c.prev = k, k.last
	if k.last == nil {
		k.first = c
	} else {
		k.last.next = c
	}
	k.last = c
}

// remove takes c out of the children. k.mu is held.
func (k *kin) remove(c *kin) {
	if c.prev == nil {
		k.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		k.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.prev, c.next, c.left = nil, nil, true
}
