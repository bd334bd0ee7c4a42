package memory

import (
	"encoding/binary"
	"fmt"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// Option says something about a memory object that is being made. Options
// are values, not functions, so that giving some allocates nothing. An option
// given twice counts the last time, WithParent excepted.
//
// It is four words, which the compiler keeps in registers: copying larger
// ones cost more than everything they say.
type Option struct {
	value  any                 // the context, or the parent's slot
	call   func(object.Object) // the callback
	number uint32              // the tag, or the parent's generation
	which  option
}

type option uint8

const (
	_ option = iota
	optParent
	optContext
	optCleanup
	optDestroy
	optTag
	optReadOnly
	optUninitialized
)

// WithParent makes the object a child: deleting p deletes it first. A second
// parent gives object.ErrParent, the zero handle ErrInvalid, and a parent that
// is deleted or being deleted object.ErrDeleted.
func WithParent(p object.Object) Option {
	part := object.Split(p)
	return Option{which: optParent, value: part.Slot, number: part.Gen}
}

// WithContext gives the object a context, a pointer to anything, which
// object.Context finds. ErrInvalid for what is not a pointer, or is nil.
func WithContext(v any) Option { return Option{which: optContext, value: v} }

// WithCleanup sets the function that runs once when the object is deleted,
// while its bytes can still be reached: see object.Config.
func WithCleanup(f func(object.Object)) Option { return Option{which: optCleanup, call: f} }

// WithDestroy sets the function that runs once when the last reference is
// gone: see object.Config.
func WithDestroy(f func(object.Object)) Option { return Option{which: optDestroy, call: f} }

// WithTag accounts the block to a tag. Only New allocates under a tag: the
// list's and the caller's memory have theirs, and FromLookaside and Wrap
// return ErrInvalid.
func WithTag(t slab.Tag) Option {
	return Option{which: optTag, number: binary.LittleEndian.Uint32(t[:])}
}

// ReadOnly makes CopyIn and WriteAt fail with ErrReadOnly. It does not
// protect the pages: whoever has the slice that Bytes returns must not write
// to it either.
func ReadOnly() Option { return Option{which: optReadOnly} }

// Uninitialized leaves the contents undefined where New would zero them. For
// FromLookaside and Wrap, which zero nothing, it changes nothing.
func Uninitialized() Option { return Option{which: optUninitialized} }

// tag is what WithTag was given.
func (o *Option) tag() (t slab.Tag) {
	binary.LittleEndian.PutUint32(t[:], o.number)
	return t
}

// settings is what a list of options comes to.
type settings struct {
	cfg    object.Config
	tag    slab.Tag
	flags  objtab.Flags
	uninit bool
	adorns bool // cfg says something
}

// read adds opts to s. tags says whether WithTag makes sense.
func (s *settings) read(opts []Option, tags bool) error {
	for i := range opts {
		o := &opts[i]
		switch o.which {
		case optParent:
			parent := object.Join(objtab.Part{Slot: o.value, Gen: o.number})
			if parent == (object.Object{}) {
				return fmt.Errorf("WithParent: no object: %w", ErrInvalid)
			}
			if s.cfg.Parent != (object.Object{}) {
				return fmt.Errorf("WithParent: %w", object.ErrParent)
			}
			s.cfg.Parent, s.adorns = parent, true
		case optContext:
			if !objtab.IsPointer(o.value) {
				return fmt.Errorf("WithContext %T: must be a pointer and not nil: %w", o.value, ErrInvalid)
			}
			s.cfg.Context, s.adorns = o.value, true
		case optCleanup:
			s.cfg.Cleanup, s.adorns = o.call, true
		case optDestroy:
			s.cfg.Destroy, s.adorns = o.call, true
		case optTag:
			if !tags {
				return fmt.Errorf("WithTag %q: only New allocates under a tag: %w", o.tag(), ErrInvalid)
			}
			s.tag = o.tag()
		case optReadOnly:
			s.flags |= objtab.ReadOnly
		case optUninitialized:
			s.uninit = true
		default:
			return fmt.Errorf("the zero Option says nothing: %w", ErrInvalid)
		}
	}
	return nil
}

// make makes the object once its bytes are there. They are mapped, and their
// home lives for ever: the object need not keep them alive.
func (s *settings) make(buf []byte, home *slab.Home) (Object, error) {
	if !s.adorns {
		return Object{object.NewPlain(buf, home, kind, s.flags)}, nil
	}
	o, err := object.NewChecked(buf, home, kind, s.flags, &s.cfg)
	return Object{o}, err
}

// keep makes an object of bytes that may be on the Go heap: it keeps them and
// their owner alive.
func (s *settings) keep(buf []byte, owner Owner) (Object, error) {
	body := objtab.Body{Buf: buf, Kind: kind, Flags: s.flags}
	if owner != nil {
		body.Owner = owner
	}
	o, err := object.NewBody(&body, &s.cfg)
	return Object{o}, err
}
