package object

import (
	"fmt"
	"runtime"

	"offheap.example/lookaside/internal/objtab"
)

// Object is a handle: small, copyable, comparable. The zero Object is no
// object. Handles that compare equal name the same object, and a handle never
// names another object than the one it was made for, however often its place
// was used again. It is no pointer: the collector does not follow it. All
// methods may be called by many goroutines at once.
type Object struct {
	at  uintptr // where its slot is: see handle_unsafe.go
	gen uint32  // never 0 but in the zero handle
}

// Config describes an object, as WDF_OBJECT_ATTRIBUTES does. The zero value
// describes an object without parent, context and callbacks.
type Config struct {
	// Kind says in reports what this is. Empty means "object".
	Kind string
	// Parent is deleted no earlier than this object: deleting it deletes this
	// object first. The zero handle means none.
	Parent Object
	// Context is a pointer to anything, a *T, which Context[T] finds. It is
	// on the Go heap and lives at least as long as the object.
	Context any
	// Cleanup runs once when the object is deleted, after the Cleanup of its
	// children; references may remain, and the object can still be used.
	// Destroy runs once when the last reference is gone; only the context can
	// be reached then. Neither runs when New fails. They may delete,
	// reference and create objects; they must not panic.
	Cleanup, Destroy func(Object)
}

// New makes an object with one reference, which Delete consumes. It returns
// an error that wraps ErrDeleted when the parent is deleted or being deleted,
// and ErrInvalid when Context is not a pointer, or a nil one.
// It is WdfObjectCreate.
func New(cfg Config) (Object, error) {
	o, err := NewBody(&objtab.Body{}, &cfg)
	if err != nil {
		return Object{}, fmt.Errorf("object: new: %w", err)
	}
	return o, nil
}

// take adds a reference and returns the word as it was before. It fails with
// one of the sentinels made for Ref.
func (o Object) take() (uint64, error) {
	if s := o.slot(); s != nil {
		w := s.word.Load()
		// Publishes: nothing. Acquires: what the body and the kin hold. Pairs with: the last Unref.
		if genOf(w) == o.gen && w&busy == 0 && w&refMask-1 < maxRefs-1 && s.word.CompareAndSwap(w, w+1) {
			return w, nil
		}
	}
	return o.takeSlow()
}

// takeSlow is take for whatever is unusual.
func (o Object) takeSlow() (uint64, error) {
	s := o.slot()
	if s == nil {
		return 0, errRefZero
	}
	for {
		w := s.word.Load()
		switch {
		case genOf(w) != o.gen || w&refMask == 0:
			return 0, errRefGone
		case w&busy != 0:
			runtime.Gosched()
		case w&refMask == maxRefs:
			return 0, errRefMany
		case s.word.CompareAndSwap(w, w+1): // as in take
			return w, nil
		}
	}
}

// Ref takes a reference: the object is not destroyed before it is dropped by
// Unref. It works as long as the object has references, after Delete too. It
// returns an error that wraps ErrDeleted for a stale handle, and ErrInvalid
// for the zero handle or for more references than the counter holds (67
// million). It is WdfObjectReference.
func (o Object) Ref() error {
	w, err := o.take()
	if err == nil && (w&noted != 0 || Tracing()) {
		o.note(plain)
	}
	return err
}

// TryRef is Ref for those who hold no reference and only want to know: it
// reports whether the reference was taken.
func (o Object) TryRef() bool {
	w, err := o.take()
	if err == nil && (w&noted != 0 || Tracing()) {
		o.note(plain)
	}
	return err == nil
}

// Unref drops a reference. With the last one, after Delete, the object is
// destroyed before Unref returns. It panics with *MisuseError, and changes
// nothing, when the handle is zero or stale and when the only reference left
// is the one that belongs to Delete. It is WdfObjectDereference.
func (o Object) Unref() { o.unref(&plain) }

// unref drops a reference that by took.
func (o Object) unref(by *objtab.Holder) {
	if s := o.slot(); s != nil {
		w := s.word.Load()
		// Publishes: what was done under this reference. Pairs with: last.
		if genOf(w) == o.gen && w&(busy|noted) == 0 && w&refMask > 1 && s.word.CompareAndSwap(w, w-1) {
			return
		}
	}
	o.unrefSlow(by)
}

// unrefSlow is unref for the last reference, and for whatever is unusual.
func (o Object) unrefSlow(by *objtab.Holder) {
	s := o.slot()
	if s == nil {
		panic(&MisuseError{Op: "unref", Kind: NoObject})
	}
	for struck := false; ; {
		w := s.word.Load()
		switch {
		case genOf(w) != o.gen || w&refMask == 0:
			panic(&MisuseError{Op: "unref", Kind: Stale})
		case w&busy != 0:
			runtime.Gosched()
		case w&refMask == 1 && w&stateMask != closed:
			panic(&MisuseError{Op: "unref", Kind: Underflow, Object: o.Kind(), Refs: 1})
		case w&noted != 0 && !struck:
			o.strike(*by)
			struck = true
		case w&refMask == 1:
			if s.last(w) {
				return
			}
		case s.word.CompareAndSwap(w, w-1): // as in unref
			return
		}
	}
}

// last takes the word from its last reference, w, to the end and destroys the
// object. It reports false when the word was no longer w.
func (s *slot) last(w uint64) bool {
	if w&adorned != 0 {
		// Acquires: what all who held references did. Pairs with: Unref.
		if !s.word.CompareAndSwap(w, withState(w, destroyed)-1) {
			return false
		}
		_ = s.kin.Load().bury()
		return true
	}
	if !s.word.CompareAndSwap(w, after(genOf(w))) { // the same
		return false
	}
	s.park(genOf(w))
	return true
}

// Valid reports whether the object exists: it has references. Only who holds
// one can rely on the answer. The zero handle is not valid.
func (o Object) Valid() bool {
	s := o.slot()
	if s == nil {
		return false
	}
	w := s.word.Load()
	return genOf(w) == o.gen && w&refMask != 0
}

// State tells where the object stands in its life, None for the zero handle.
func (o Object) State() State {
	s := o.slot()
	if s == nil {
		return None
	}
	w := s.word.Load()
	if genOf(w) != o.gen {
		return Destroyed
	}
	return stateOf(w)
}

// Refs returns the number of references, the one that belongs to Delete
// included; 0 when the object is gone. It is for reports and tests: the
// number may have changed when it arrives.
func (o Object) Refs() int {
	s := o.slot()
	if s == nil {
		return 0
	}
	w := s.word.Load()
	if genOf(w) != o.gen {
		return 0
	}
	return refsOf(w)
}

// Kind returns what Config.Kind said, or the name that the package which made
// the object uses, or "object".
func (o Object) Kind() string {
	s := o.slot()
	if s == nil {
		return "no object"
	}
	name := ""
	o.look(func(k *kin) {
		if m := k.seenRest(); m != nil {
			name = m.kind
		}
	})
	if name == "" && o.TryRef() {
		name = s.body.Kind.String()
		o.Unref()
	}
	if name == "" {
		name = "object"
	}
	return name
}

// Parent returns the parent, and false when there is none or the object is
// stale. An object that outlived its parent by references has none.
func (o Object) Parent() (Object, bool) {
	var parent Object
	o.look(func(k *kin) {
		p := k.parent
		if p == nil {
			return
		}
		p.mu.Lock() // child before parent
		if !k.left {
			// The parent's slot is not emptied before it let go of this child.
			parent = p.object()
		}
		p.mu.Unlock()
	})
	return parent, parent.at != 0
}

// look calls f with the kin of an object that has something there, in any
// state, under its lock. It does not call f otherwise.
func (o Object) look(f func(*kin)) {
	s := o.slot()
	if s == nil {
		return
	}
	if k := s.kin.Load(); k != nil && k.enter(o.gen) {
		f(k)
		k.mu.Unlock()
	}
}
