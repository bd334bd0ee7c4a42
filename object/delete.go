package object

import (
	"errors"
	"fmt"
	"io"
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
	s := o.slot()
	if s == nil {
		return errDeleteZero
	}
	if o.gen != lastGen {
		switch w := armed(o.gen); s.word.Load() {
		case w: // one reference and nobody who is to be told: straight to the end
			if s.word.CompareAndSwap(w, w+1<<genShift) {
				s.recycle()
				return nil
			}
		case w | adorned:
			if s.word.CompareAndSwap(w|adorned, w|adorned|closing) {
				return s.deleteLeaf(w | adorned | closing)
			}
		}
	}
	return o.deleteSlow(s)
}

// deleteLeaf deletes the object that has been claimed with the word w: nobody
// has looked into its kin, so that it has no children, contexts or closers
// but what it was born with. It is deleteFamily with less to do.
func (s *slot) deleteLeaf(w uint64) error {
	k := s.kin.Load()
	if !k.leave() {
		return nil
	}
	var destroy func(Object)
	if k.born == dressedBirth {
		destroy = k.dress.destroy
		if f := k.dress.cleanup; f != nil {
			f(s.handle(w))
		}
	}
	// Nobody came meanwhile?
	if destroy == nil {
		if s.word.CompareAndSwap(w, w&^stateMask+1<<genShift) {
			k.empty()
			k.recycle()
			return nil
		}
	} else if s.word.CompareAndSwap(w, withState(w, destroyed)-1) {
		k.destroy(s.handle(w), destroy)
		return nil
	}
	if err := k.release(); err != nil {
		return fmt.Errorf("object: delete: %w", err)
	}
	return nil
}

// leave takes the claimed k out of its parent's children. It reports false
// when the parent is on its way to k: from then on the slot is the parent's.
func (k *kin) leave() bool {
	p := k.parent
	if p == nil {
		return true
	}
	p.mu.Lock()
	if p.slot.word.Load()&stateMask != live {
		k.late = true
		p.mu.Unlock()
		return false
	}
	p.remove(k)
	p.mu.Unlock()
	return true
}

// destroy is bury for an object of which nobody has seen the kin.
func (k *kin) destroy(o Object, f func(Object)) {
	defer func() {
		k.vacate(o.gen)
		k.recycle()
	}()
	f(o)
}

// deleteSlow is Delete for all others.
func (o Object) deleteSlow(s *slot) error {
	for {
		w := s.word.Load()
		switch {
		case genOf(w) != o.gen || w&stateMask != live:
			return errDeleteGone
		case w&busy != 0:
			runtime.Gosched()
		case w&adorned != 0:
			return s.kin.Load().deleteFamily(o.gen)
		case w&refMask == 1:
			if s.word.CompareAndSwap(w, after(o.gen)) {
				s.park(o.gen)
				return nil
			}
		// Publishes: what was done under the reference of birth. Pairs with: last.
		case s.word.CompareAndSwap(w, withState(w, closed)-1):
			return nil
		}
	}
}

// deleteFamily deletes an object that may have relatives and callbacks.
func (k *kin) deleteFamily(gen uint32) error {
	// Step 1: claim. Only one Delete gets past here.
	if !k.claim(gen) {
		return errDeleteGone
	}

	// Step 2: leave the parent, unless it is on its way to us.
	if !k.leave() {
		return nil
	}

	// Steps 3 and 4.
	k.dispose()
	if err := k.release(); err != nil {
		return fmt.Errorf("object: delete: %w", err)
	}
	return nil
}

// claim takes the object of generation gen from live to closing, after which
// its children, contexts and closers are frozen.
func (k *kin) claim(gen uint32) bool {
	for locked := false; ; {
		w := k.slot.word.Load()
		switch {
		case genOf(w) != gen || w&stateMask != live:
			if locked {
				k.mu.Unlock()
			}
			return false
		case w&busy != 0:
			runtime.Gosched()
		case w&seen != 0 && !locked: // somebody may be at work
			k.mu.Lock()
			locked = true
		// Publishes: that the object is closing. Pairs with: lockLive and the parent's state in step 2.
		case k.slot.word.CompareAndSwap(w, withState(w, closing)):
			if locked {
				k.mu.Unlock()
			}
			return true
		}
	}
}

// join claims a child on behalf of its parent. A child that its own Delete
// has marked is closing already.
func (k *kin) join() { k.joined = k.claim(genOf(k.slot.word.Load())) }

// dispose runs the Cleanup callbacks of the claimed root and of everything
// below it, depth first. It follows the links and not the goroutine's stack:
// a family may be a million generations deep. The links are frozen, because
// every object on the way is closing.
func (root *kin) dispose() {
	k := root.deepest()
	for {
		k.cleanUp()
		switch {
		case k == root:
			return
		case k.next != nil:
			k = k.next
			k.join()
			k = k.deepest()
		default:
			k = k.parent
		}
	}
}

// deepest claims and follows first children to the end.
func (k *kin) deepest() *kin {
	for k.first != nil {
		k = k.first
		k.join()
	}
	return k
}

// cleanUp runs the object's own Cleanup callbacks, in the order in which the
// contexts came.
func (k *kin) cleanUp() {
	f, _ := k.callbacks()
	added, _ := k.frozen()
	if f == nil && len(added) == 0 {
		return
	}
	o := k.object()
	if f != nil {
		f(o)
	}
	for i := range added {
		if f := added[i].cleanup; f != nil {
			f(o)
		}
	}
}

// callbacks returns those that the object was born with.
func (k *kin) callbacks() (cleanup, destroy func(Object)) {
	if k.born == dressedBirth {
		return k.dress.cleanup, k.dress.destroy
	}
	return nil, nil
}

// object returns the handle. The object has references, or its slot is ours.
func (k *kin) object() Object { return k.slot.handle(k.slot.word.Load()) }

// frozen returns what an object that is not live any more has of contexts and
// closers.
func (k *kin) frozen() (added []context, closers []io.Closer) {
	if k.slot.word.Load()&seen != 0 {
		k.mu.Lock() // the dress itself may come at any time
		if m := k.seenRest(); m != nil {
			added, closers = m.added, m.closers
		}
		k.mu.Unlock()
	}
	return added, closers
}

// release takes children from the head, each with everything below it first,
// and drops the reference that each was born with; the root's last.
func (root *kin) release() error {
	var errs error
	k := root
	for {
		if child := k.first; child != nil { // frozen: nobody else looks
			k.letGo(child)
			k = child
			continue
		}
		parent := k.parent
		done := k == root
		if err := k.dropBirth(); err != nil {
			errs = errors.Join(errs, err)
		}
		if done {
			return errs
		}
		k = parent
	}
}

// letGo takes a child out of a closing object. When the child's own Delete came
// first it is somewhere in step 2, between two looks at the child: it must be
// done, because after this the child may be gone.
func (k *kin) letGo(child *kin) {
	k.mu.Lock() // Parent looks
	for !child.joined && !child.late {
		k.mu.Unlock()
		runtime.Gosched()
		k.mu.Lock()
	}
	k.remove(child)
	k.mu.Unlock()
}

// dropBirth drops the reference that a closing object was born with.
func (k *kin) dropBirth() error {
	_, destroy := k.callbacks()
	for {
		w := k.slot.word.Load()
		switch {
		case w&refMask > 1:
			// Publishes: what Delete did. Pairs with: last.
			if k.slot.word.CompareAndSwap(w, withState(w, closed)-1) {
				return nil
			}
		case w&seen == 0 && destroy == nil: // nobody is to be told: no need to stop at destroyed
			if k.slot.word.CompareAndSwap(w, k.nextWord(genOf(w))) {
				k.empty()
				k.recycle()
				return nil
			}
		case k.slot.word.CompareAndSwap(w, withState(w, destroyed)-1):
			return k.bury()
		}
	}
}

// bury destroys an adorned object without references: its Destroy callbacks,
// what it adopted, its body.
func (k *kin) bury() error {
	o := k.object()
	_, destroy := k.callbacks()
	added, closers := k.frozen()
	if destroy == nil && len(added) == 0 && len(closers) == 0 {
		k.vacate(o.gen)
		k.recycle()
		return nil
	}
	defer func() {
		k.vacate(o.gen)
		k.recycle()
	}()
	if destroy != nil {
		destroy(o)
	}
	for i := range added {
		if f := added[i].destroy; f != nil {
			f(o)
		}
	}
	var errs error
	for i := len(closers) - 1; i >= 0; i-- {
		errs = errors.Join(errs, closers[i].Close())
	}
	return errs
}
