package object

import (
	"fmt"
	"runtime"

	"offheap.example/lookaside/internal/objtab"
)

// NewBody is New for the floors above: the object gets the body. cfg may be
// nil. When NewBody fails the body's bytes still belong to the caller.
func NewBody(b *objtab.Body, cfg *Config) (Object, error) {
	if cfg != nil && cfg.Context != nil && !objtab.IsPointer(cfg.Context) {
		return Object{}, fmt.Errorf("Context %T: must be a pointer and not nil: %w", cfg.Context, ErrInvalid)
	}
	if cfg == nil || !cfg.adorns() {
		return NewPlain(b.Buf, b.Owner, b.Kind, b.Flags), nil
	}
	return NewChecked(b.Buf, b.Owner, b.Kind, b.Flags, cfg)
}

func (c *Config) adorns() bool {
	return c.Parent.s != nil || c.Cleanup != nil || c.Destroy != nil || c.Context != nil || c.Kind != ""
}

// Split takes a handle apart for floors above that keep it in less room.
func Split(o Object) objtab.Part { return objtab.Part{Slot: o.s, Gen: o.gen} }

// Join puts together what Split took apart. It gives the zero handle for what
// is no part of one.
func Join(p objtab.Part) Object {
	s, _ := p.Slot.(*slot)
	if s == nil {
		return Object{}
	}
	return Object{s, p.Gen}
}

// NewPlain is NewBody without a Config, which cannot fail: the way of most
// memory objects, kept short.
func NewPlain(buf []byte, owner any, kind objtab.Kind, flags objtab.Flags) Object {
	s := slots.Get()
	b := &s.body
	b.Buf, b.Owner, b.Kind, b.Flags = buf, owner, kind, flags
	o := Object{s, genOf(s.word.Load())}
	if Tracing() {
		o.trace()
	}
	return o
}

// NewChecked is NewBody with a Config that says something and whose Context is
// known to be in order.
func NewChecked(buf []byte, owner any, kind objtab.Kind, flags objtab.Flags, cfg *Config) (Object, error) {
	f := families.Get()
	k, b := &f.kin, &f.slot.body
	b.Buf, b.Owner, b.Kind, b.Flags = buf, owner, kind, flags
	k.kind, k.context, k.cleanup, k.destroy = cfg.Kind, cfg.Context, cfg.Cleanup, cfg.Destroy
	o := Object{&f.slot, genOf(f.slot.word.Load())}
	if Tracing() {
		o.trace()
	}
	if cfg.Parent.s == nil {
		return o, nil
	}
	// Last: nothing can fail after it, and from then on the parent may delete us.
	p, err := cfg.Parent.lockLive()
	if err != nil {
		k.abandon()
		return Object{}, fmt.Errorf("parent: %w", err)
	}
	p.append(k)
	p.mu.Unlock()
	return o, nil
}

// abandon takes back what NewChecked did. Nobody has the handle.
func (k *kin) abandon() {
	k.empty()
	k.slot.body = objtab.Body{}
	// Publishes: nothing. A trace may have left its marks.
	k.slot.word.Store(armed(genOf(k.slot.word.Load())) | adorned)
	families.Put(k.home)
}

// Body returns the body of an object of the given kind, nil for any other.
// The caller holds a reference.
func Body(o Object, kind objtab.Kind) *objtab.Body {
	if b := &o.s.body; b.Kind == kind {
		return b
	}
	return nil
}

// Claim gives the caller the body alone: until Unclaim everybody who wants a
// reference waits. It fails with ErrDeleted for an object that is not live
// and reports the number of references, having claimed nothing, when there is
// more than one. Between the two the caller must neither block nor call
// anything of this package.
func Claim(o Object, kind objtab.Kind) (body *objtab.Body, refs int, err error) {
	if o.s == nil {
		return nil, 0, fmt.Errorf("no object: %w", ErrInvalid)
	}
	for {
		w := o.s.word.Load()
		switch {
		case genOf(w) != o.gen || w&stateMask != live:
			return nil, 0, ErrDeleted
		case w&busy != 0:
			runtime.Gosched()
		case w&refMask != 1:
			return nil, refsOf(w), nil
		// Acquires: what everybody did who held a reference. Pairs with: Unref.
		case o.s.word.CompareAndSwap(w, w|busy):
			if o.s.body.Kind != kind {
				Unclaim(o)
				return nil, 0, fmt.Errorf("not a %v: %w", kind, ErrInvalid)
			}
			return &o.s.body, 1, nil
		}
	}
}

// Unclaim ends what Claim began.
func Unclaim(o Object) {
	// Publishes: the body. Pairs with: ref. Nobody else changes the word while it is busy.
	o.s.word.Store(o.s.word.Load() &^ busy)
}
