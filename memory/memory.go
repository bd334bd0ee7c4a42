package memory

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// Object is a handle of a memory object: one contiguous buffer that lives
// until its last reference is gone. It is small, copyable and comparable; the
// zero Object is no object. What it inherits is in package object: Ref,
// TryRef, Unref, Delete, Parent, State, Valid, Adopt. It is WDFMEMORY.
type Object struct{ object.Object }

// kind is what memory objects are called, and the key to their bodies.
var kind = objtab.Register("memory", finish)

// finish gives the bytes of an object that is gone to whoever owns them.
//
// The owner may have been closed meanwhile, and has then reported the block
// in its *slab.LeakError. Who drops the last reference of an object does the
// right thing and is not to blame: Reclaim takes the block all the same.
// Every other complaint of the owner (an overrun, say) goes to our caller;
// the object is gone by then either way.
func finish(buf []byte, owner any) {
	switch o := owner.(type) {
	case *slab.Home:
		if l := o.Lookaside(); l != nil { // the shortest way for the most frequent owner
			l.Reclaim(buf)
			return
		}
		o.Reclaim(buf)
	case Owner:
		o.TakeBack(buf)
	}
}

// smallAlign is what every object that New makes is aligned to.
const smallAlign = 16

// New makes a memory object of n bytes, zeroed unless Uninitialized is given,
// with one reference. The bytes are aligned to 16, and to a page from a page
// on; they are freed when the last reference is gone. It returns errors that
// wrap ErrInvalid for n below 1, for no allocator and for options that make no
// sense, slab.ErrNoMemory, slab.ErrClosed, and object.ErrDeleted for a parent
// that is deleted. It is WdfMemoryCreate.
func New(a *slab.Allocator, n int, opts ...Option) (Object, error) {
	if n <= 0 {
		return Object{}, fmt.Errorf("memory: new: size %d: must be at least 1: %w", n, ErrInvalid)
	}
	if a == nil {
		return Object{}, fmt.Errorf("memory: new: no allocator: %w", ErrInvalid)
	}
	var s settings
	if err := s.read(opts, true); err != nil {
		return Object{}, fmt.Errorf("memory: new: %w", err)
	}
	to := smallAlign
	if page := align.PageSize(); n >= page {
		to = page
	}
	var buf []byte
	var owner *slab.Home
	var err error
	if s.tag == (slab.Tag{}) {
		owner = a.Home()
		buf, err = allocate(a, n, to, s.uninit)
	} else {
		t := a.Tagged(s.tag)
		owner = t.Home()
		buf, err = allocate(t, n, to, s.uninit)
	}
	if err != nil {
		return Object{}, fmt.Errorf("memory: new: %w", err)
	}
	m, err := s.make(buf[:n:n], owner)
	if err != nil {
		finish(buf, owner)
		return Object{}, fmt.Errorf("memory: new: %w", err)
	}
	return m, nil
}

// allocator is what a *slab.Allocator and a *slab.Tagged have in common here.
type allocator interface {
	AllocAligned(n, to int) ([]byte, error)
	AllocAlignedZeroed(n, to int) ([]byte, error)
}

func allocate(a allocator, n, to int, uninitialized bool) ([]byte, error) {
	if uninitialized {
		return a.AllocAligned(n, to)
	}
	return a.AllocAlignedZeroed(n, to)
}

// FromLookaside makes a memory object of a block of l, as large as l's
// blocks, with one reference. The contents are what Get gives: undefined
// unless the list was made with Zero. The block goes back when the last
// reference is gone. Closing the list before that is legal: Close reports the
// block in its *slab.LeakError, the object can be used and deleted as before,
// and the block goes back then. It returns errors that wrap
// ErrInvalid for no list and for options that make no sense, slab.ErrNoMemory,
// slab.ErrClosed, and object.ErrDeleted for a parent that is deleted. It is
// WdfMemoryCreateFromLookaside.
func FromLookaside(l *slab.Lookaside, opts ...Option) (Object, error) {
	if l == nil {
		return Object{}, fmt.Errorf("memory: from lookaside: no list: %w", ErrInvalid)
	}
	if len(opts) > 0 {
		return fromLookaside(l, opts)
	}
	buf, err := l.Get()
	if err != nil {
		return Object{}, fmt.Errorf("memory: from lookaside: %w", err)
	}
	return Object{object.NewPlain(buf, l.Home(), kind, 0)}, nil
}

// fromLookaside is FromLookaside with options.
func fromLookaside(l *slab.Lookaside, opts []Option) (Object, error) {
	var s settings
	if err := s.read(opts, false); err != nil {
		return Object{}, fmt.Errorf("memory: from lookaside: %w", err)
	}
	buf, err := l.Get()
	if err != nil {
		return Object{}, fmt.Errorf("memory: from lookaside: %w", err)
	}
	m, err := s.make(buf, l.Home())
	if err != nil {
		l.Put(buf)
		return Object{}, fmt.Errorf("memory: from lookaside: %w", err)
	}
	return m, nil
}

// Wrap makes a memory object of b, which stays the caller's: it must live
// longer than the object and its references, and is not freed by it. It
// returns errors that wrap ErrInvalid for an empty b and for options that make
// no sense, and object.ErrDeleted for a parent that is deleted. It is
// WdfMemoryCreatePreallocated.
func Wrap(b []byte, opts ...Option) (Object, error) {
	if len(b) == 0 {
		return Object{}, fmt.Errorf("memory: wrap: no bytes: %w", ErrInvalid)
	}
	s := settings{flags: objtab.Borrowed}
	if err := s.read(opts, false); err != nil {
		return Object{}, fmt.Errorf("memory: wrap: %w", err)
	}
	m, err := s.keep(b[:len(b):len(b)], nil)
	if err != nil {
		return Object{}, fmt.Errorf("memory: wrap: %w", err)
	}
	return m, nil
}

// From returns the memory object that o is, and false when it is none or
// gone. Callbacks, which get an object.Object, need it.
func From(o object.Object) (Object, bool) {
	m := Object{o}
	_, err := m.hold()
	if err != nil {
		return Object{}, false
	}
	o.Unref()
	return m, true
}

// Assign replaces the bytes of an object that Wrap made by b, under the same
// conditions as in Wrap. It returns errors that wrap object.ErrDeleted for a
// stale object, ErrNotWrapped for one that was not made by Wrap, ErrInvalid
// for an empty b, and ErrInUse while anybody holds a reference besides the one
// that belongs to Delete, a request or a copy under way included. It is
// WdfMemoryAssignBuffer, made safe.
func (m Object) Assign(b []byte) error {
	body, err := m.hold()
	if err != nil {
		return fmt.Errorf("memory: assign: %w", err)
	}
	borrowed := body.Flags&objtab.Borrowed != 0
	m.Unref()
	if !borrowed {
		return fmt.Errorf("memory: assign: %w", ErrNotWrapped)
	}
	if len(b) == 0 {
		return fmt.Errorf("memory: assign: no bytes: %w", ErrInvalid)
	}
	body, refs, err := object.Claim(m.Object, kind)
	if err != nil {
		return fmt.Errorf("memory: assign: %w", err)
	}
	if body == nil {
		return fmt.Errorf("memory: assign: %d references besides the first: %w", refs-1, ErrInUse)
	}
	body.Buf = b[:len(b):len(b)]
	object.Unclaim(m.Object)
	return nil
}

var (
	errNoObject  = fmt.Errorf("no object: %w", ErrInvalid)
	errNotMemory = fmt.Errorf("not a memory object: %w", ErrInvalid)
)

// hold takes a reference, which the caller drops, and returns the body that
// it keeps.
func (m Object) hold() (*objtab.Body, error) {
	if err := m.Ref(); err != nil {
		return nil, m.refused(err)
	}
	body := object.Body(m.Object, kind)
	if body == nil {
		m.Unref()
		return nil, errNotMemory
	}
	return body, nil
}

// refused says in this package's words why there is no reference to be had.
func (m Object) refused(err error) error {
	switch {
	case m == Object{}:
		return errNoObject
	case errors.Is(err, object.ErrDeleted):
		return object.ErrDeleted
	}
	return err // more references than can be counted
}

// Hold takes a reference, which the caller drops with Unref, and returns the
// bytes that it keeps where they are, and whether they must not be written: the
// safe way to work on the bytes of an object that others may delete. It returns
// errors that wrap object.ErrDeleted for a stale object and ErrInvalid for the
// zero handle.
func (m Object) Hold() (b []byte, readOnly bool, err error) {
	body, err := m.hold()
	if err != nil {
		return nil, false, fmt.Errorf("memory: hold: %w", err)
	}
	return body.Buf, body.Flags&objtab.ReadOnly != 0, nil
}

// Bytes returns the object's bytes, which are borrowed: the slice may be used
// while the caller holds a reference or knows that somebody does, and no
// longer. Bytes of a ReadOnly object must not be written. A stale or zero
// handle gives nil. It is WdfMemoryGetBuffer.
func (m Object) Bytes() []byte {
	body, err := m.hold()
	if err != nil {
		return nil
	}
	b := body.Buf
	m.Unref()
	return b
}

// Len returns the number of bytes, 0 for a stale or zero handle.
func (m Object) Len() int { return len(m.Bytes()) }

// IsReadOnly reports whether the object was made ReadOnly.
func (m Object) IsReadOnly() bool { return m.flags()&objtab.ReadOnly != 0 }

// IsWrapped reports whether the object was made by Wrap: its bytes are
// borrowed from somebody.
func (m Object) IsWrapped() bool { return m.flags()&objtab.Borrowed != 0 }

func (m Object) flags() objtab.Flags {
	body, err := m.hold()
	if err != nil {
		return 0
	}
	f := body.Flags
	m.Unref()
	return f
}
