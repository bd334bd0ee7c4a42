package object

import (
	"fmt"
	"io"
	"runtime"
)

// ContextConfig has the callbacks of a context that is added. They run with
// those of Config, after them, in the order in which contexts were added.
type ContextConfig struct {
	Cleanup, Destroy func(Object)
}

// Context returns the object's context of type T, by identity of the type:
// types of one name and shape are different types. It returns nil and false
// when there is none, and when the object is gone; it works in all callbacks,
// Destroy included. It is WdfObjectGetTypedContext.
func Context[T any](o Object) (*T, bool) {
	s := o.slot()
	if s == nil {
		return nil, false
	}
	k := s.kin.Load()
	if k == nil || !k.enter(o.gen) {
		return nil, false
	}
	defer k.mu.Unlock()
	return find[T](k)
}

// find looks for a context. k.mu is held.
func find[T any](k *kin) (*T, bool) {
	if k.dress == nil {
		return nil, false
	}
	if v, ok := k.dress.context.(*T); ok {
		return v, true
	}
	if m := k.dress.more; m != nil {
		for i := range m.added {
			if v, ok := m.added[i].value.(*T); ok {
				return v, true
			}
		}
	}
	return nil, false
}

// AddContext gives the object a context of type T, zeroed, and returns it.
// When it has one of this type already that one is returned, with an error
// that wraps ErrExists. Objects that are not live give ErrDeleted, the zero
// handle ErrInvalid. It is WdfObjectAllocateContext.
func AddContext[T any](o Object, cfg ContextConfig) (*T, error) {
	k, err := o.lockLive()
	if err != nil {
		return nil, fmt.Errorf("object: add context: %w", err)
	}
	defer k.mu.Unlock()
	if v, ok := find[T](k); ok {
		return v, fmt.Errorf("object: add context %T: %w", v, ErrExists)
	}
	v := new(T)
	m := k.rest()
	m.added = append(m.added, context{v, cfg.Cleanup, cfg.Destroy})
	return v, nil
}

// Adopt makes the object close c when it is destroyed, after its Destroy
// callbacks, what was adopted last first. Delete returns an error of Close
// if it destroys the object; otherwise nobody is left to hear of it. Objects
// that are not live give ErrDeleted, the zero handle and a nil closer
// ErrInvalid; c stays the caller's then.
func (o Object) Adopt(c io.Closer) error {
	if c == nil {
		return fmt.Errorf("object: adopt: no closer: %w", ErrInvalid)
	}
	k, err := o.lockLive()
	if err != nil {
		return fmt.Errorf("object: adopt: %w", err)
	}
	defer k.mu.Unlock()
	m := k.rest()
	m.closers = append(m.closers, c)
	return nil
}

// lockLive returns the kin of a live object with its mu held: until it is
// unlocked the object stays live. From here on the object counts as adorned.
func (o Object) lockLive() (*kin, error) {
	s := o.slot()
	if s == nil {
		return nil, fmt.Errorf("no object: %w", ErrInvalid)
	}
	if !o.Valid() {
		return nil, ErrDeleted
	}
	const known = adorned | seen
	k := s.ensureKin()
	k.mu.Lock()
	for {
		w := s.word.Load()
		switch {
		case genOf(w) != o.gen || w&stateMask != live:
			k.mu.Unlock()
			return nil, ErrDeleted
		case w&known == known:
			return k, nil
		case w&busy != 0:
			runtime.Gosched()
		// Publishes: that Delete must take the long way. Pairs with: Delete, whose swap fails if it saw the word before.
		case s.word.CompareAndSwap(w, w|known):
			return k, nil
		}
	}
}
