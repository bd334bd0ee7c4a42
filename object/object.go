package object

import (
	"fmt"
	"runtime"

	"offheap.example/lookaside/internal/objtab"
)

// Object is a handle: small, copyable, comparable. The zero Object is no
// object. Handles that compare equal name the same object, and a handle never
// names another object than the one it was made for, however often its place
// was used again. All methods may be called by many goroutines at once.
type Object struct {
	s   *slot
	gen uint32
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

// ref adds a reference and returns the word as it was before. It fails with
// one of the sentinels made for Ref.
func (o Object) ref() (uint64, error) {
	if o.s != nil {
		w := o.s.word.Load()
		// Publishes: nothing. Acquires: what the body and the kin hold. Pairs with: the last Unref.
		if genOf(w) == o.gen && w&busy == 0 && w&refMask-1 < maxRefs-1 && o.s.word.CompareAndSwap(w, w+1) {
			return w, nil
		}
	}
	return o.refSlow()
}

// refSlow is ref for whatever is unusual.
func (o Object) refSlow() (uint64, error) {
	if o.s == nil {
		return 0, errRefZero
	}
	for {
		w := o.s.word.Load()
		switch {
		case genOf(w) != o.gen || w&refMask == 0:
			return 0, errRefGone
		case w&busy != 0:
			runtime.Gosched()
		case w&refMask == maxRefs:
			return 0, errRefMany
		case o.s.word.CompareAndSwap(w, w+1): // as in ref
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
	w, err := o.ref()
	if err == nil && (w&noted != 0 || Tracing()) {
		o.note(plain)
	}
	return err
}

// TryRef is Ref for those who hold no reference and only want to know: it
// reports whether the reference was taken.
func (o Object) TryRef() bool {
	w, err := o.ref()
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
	if o.s != nil {
		w := o.s.word.Load()
		// Publishes: what was done under this reference. Pairs with: last.
		if genOf(w) == o.gen && w&(busy|noted) == 0 && w&refMask > 1 && o.s.word.CompareAndSwap(w, w-1) {
			return
		}
	}
	o.unrefSlow(by)
}

// unrefSlow is unref for the last reference, and for whatever is unusual.
func (o Object) unrefSlow(by *objtab.Holder) {
	if o.s == nil {
		panic(&MisuseError{Op: "unref", Kind: NoObject})
	}
	for struck := false; ; {
		w := o.s.word.Load()
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
			if o.last(w) {
				return
			}
		case o.s.word.CompareAndSwap(w, w-1): // as in unref
			return
		}
	}
}

// last takes the word from its last reference, w, to the end and destroys the
// object. It reports false when the word was no longer w.
func (o Object) last(w uint64) bool {
	if w&adorned != 0 {
		// Acquires: what all who held references did. Pairs with: Unref.
		if !o.s.word.CompareAndSwap(w, withState(w, destroyed)-1) {
			return false
		}
		_ = o.bury()
		return true
	}
	if !o.s.word.CompareAndSwap(w, after(o.gen)) { // the same
		return false
	}
	o.s.park(o.gen)
	return true
}

// Valid reports whether the object exists: it has references. Only who holds
// one can rely on the answer. The zero handle is not valid.
func (o Object) Valid() bool {
	if o.s == nil {
		return false
	}
	w := o.s.word.Load()
	return genOf(w) == o.gen && w&refMask != 0
}

// State tells where the object stands in its life, None for the zero handle.
func (o Object) State() State {
	if o.s == nil {
		return None
	}
	w := o.s.word.Load()
	if genOf(w) != o.gen {
		return Destroyed
	}
	return stateOf(w)
}

// Refs returns the number of references, the one that belongs to Delete
// included; 0 when the object is gone. It is for reports and tests: the
// number may have changed when it arrives.
func (o Object) Refs() int {
	if o.s == nil {
		return 0
	}
	w := o.s.word.Load()
	if genOf(w) != o.gen {
		return 0
	}
	return refsOf(w)
}

// Kind returns what Config.Kind said, or the name that the package which made
// the object uses, or "object".
func (o Object) Kind() string {
	if o.s == nil {
		return "no object"
	}
	name := ""
	o.look(func(k *kin) {
		if k.dress != nil {
			name = k.dress.kind
		}
	})
	if name == "" && o.TryRef() {
		name = o.s.body.Kind.String()
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
			parent = Object{p.slot, genOf(p.slot.word.Load())}
		}
		p.mu.Unlock()
	})
	return parent, parent.s != nil
}

// look calls f with the kin of an object that has something there, in any
// state, under its lock. It does not call f otherwise.
func (o Object) look(f func(*kin)) {
	if o.s == nil {
		return
	}
	if k := o.s.kin.Load(); k != nil && k.enter(o.gen) {
		f(k)
		k.mu.Unlock()
	}
}
