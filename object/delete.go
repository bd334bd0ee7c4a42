package object

import (
	"errors"
	"fmt"
	"runtime"
)

// Delete deletes the object, in two phases. First the Cleanup callbacks of
// everything below it, children in the order in which they were created and
// each before its parent, then its own. Then, in the same order, each gives
// up the reference it was born with, and what has no other is destroyed; what
// has is destroyed at its last Unref.
//
// An object whose parent is being deleted is only marked: the parent's Delete
// does the rest, in its order, and this Delete returns at once.
//
// Delete returns an error that wraps ErrDeleted, and does nothing, when the
// object was deleted before, and one that wraps ErrInvalid for the zero
// handle. Any other error comes from a closer that was adopted by an object
// which this call destroyed; the object is deleted nevertheless. It is
// WdfObjectDelete.
func (o Object) Delete() error {
	if o.s == nil {
		return errDeleteZero
	}
	for {
		w := o.s.word.Load()
		switch {
		case genOf(w) != o.gen || w&stateMask != live:
			return errDeleteGone
		case w&busy != 0:
			runtime.Gosched()
		case w&adorned != 0:
			return o.deleteFamily()
		case w&refMask == 1:
			// Nobody else holds it and nobody is to be told: straight to the end.
			if o.s.word.CompareAndSwap(w, after(o.gen)) {
				o.s.recycle()
				return nil
			}
		// Publishes: what was done under the reference of birth. Pairs with: last.
		case o.s.word.CompareAndSwap(w, withState(w, closed)-1):
			return nil
		}
	}
}

// deleteFamily deletes an object that may have relatives and callbacks.
func (o Object) deleteFamily() error {
	// Step 1: claim. Only one Delete gets past here.
	s, k := o.s, o.s.kin.Load()
	k.mu.Lock()
	if !s.claim(o.gen) {
		k.mu.Unlock()
		return errDeleteGone
	}

	// Step 2: leave the parent, unless it is on its way to us.
	if p := k.parent; p != nil {
		pk := p.kin.Load()
		pk.mu.Lock() // child before parent
		if p.word.Load()&stateMask != live {
			pk.mu.Unlock()
			k.mu.Unlock() // from here on the slot is the parent's to empty
			return nil
		}
		pk.remove(s)
		k.parent = nil
		pk.mu.Unlock()
	}
	k.mu.Unlock()

	// Steps 3 and 4.
	s.dispose()
	if err := s.release(); err != nil {
		return fmt.Errorf("object: delete: %w", err)
	}
	return nil
}

// claim takes the object of generation gen from live to closing, after which
// its children, contexts and closers are frozen. The kin's mu is held.
func (s *slot) claim(gen uint32) bool {
	for {
		w := s.word.Load()
		if genOf(w) != gen || w&stateMask != live {
			return false
		}
		if w&busy != 0 {
			runtime.Gosched()
			continue
		}
		// Publishes: that the object is closing. Pairs with: lockLive and the parent's state in step 2.
		if s.word.CompareAndSwap(w, withState(w, closing)) {
			return true
		}
	}
}

// join claims a child on behalf of its parent. A child that its own Delete
// has marked is closing already.
func (s *slot) join() {
	k := s.kin.Load()
	k.mu.Lock()
	s.claim(genOf(s.word.Load()))
	k.mu.Unlock()
}

// dispose runs the Cleanup callbacks of the claimed root and of everything
// below it, depth first. It follows the links and not the goroutine's stack:
// a family may be a million generations deep. The links are frozen, because
// every object on the way is closing.
func (root *slot) dispose() {
	s := root.deepest()
	for {
		s.cleanup()
		if s == root {
			return
		}
		k := s.kin.Load()
		if k.next != nil {
			k.next.join()
			s = k.next.deepest()
		} else {
			s = k.parent
		}
	}
}

// deepest claims and follows first children to the end.
func (s *slot) deepest() *slot {
	for {
		first := s.kin.Load().first
		if first == nil {
			return s
		}
		first.join()
		s = first
	}
}

// cleanup runs the object's own Cleanup callbacks, in the order in which the
// contexts came.
func (s *slot) cleanup() {
	o := Object{s, genOf(s.word.Load())}
	k := s.kin.Load()
	if k.cleanup != nil {
		k.cleanup(o)
	}
	for i := range k.added {
		if f := k.added[i].cleanup; f != nil {
			f(o)
		}
	}
}

// release takes children from the head, each with everything below it first,
// and drops the reference that each was born with; the root's last.
func (root *slot) release() error {
	var errs error
	s := root
	for {
		k := s.kin.Load()
		if child := k.first; child != nil { // frozen: nobody else looks
			k.remove(child)
			s = child
			continue
		}
		parent := k.parent
		if parent != nil { // the root has none any more
			k.mu.Lock() // Parent looks
			k.parent = nil
			k.mu.Unlock()
		}
		done := s == root
		errs = errors.Join(errs, s.dropBirth())
		if done {
			return errs
		}
		s = parent
	}
}

// dropBirth drops the reference that a closing object was born with.
func (s *slot) dropBirth() error {
	for {
		w := s.word.Load()
		if w&refMask == 1 {
			if s.word.CompareAndSwap(w, withState(w, destroyed)-1) {
				return Object{s, genOf(w)}.bury()
			}
			continue
		}
		// Publishes: what Delete did. Pairs with: last.
		if s.word.CompareAndSwap(w, withState(w, closed)-1) {
			return nil
		}
	}
}

// bury destroys an adorned object without references: its Destroy callbacks,
// what it adopted, its body.
func (o Object) bury() error {
	defer func() {
		o.s.vacate(o.gen)
		o.s.recycle()
	}()
	k := o.s.kin.Load()
	if k.destroy != nil {
		k.destroy(o)
	}
	for i := range k.added {
		if f := k.added[i].destroy; f != nil {
			f(o)
		}
	}
	var errs error
	for i := len(k.closers) - 1; i >= 0; i-- {
		errs = errors.Join(errs, k.closers[i].Close())
	}
	return errs
}
