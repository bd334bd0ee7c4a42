package object

import (
	"fmt"
	"runtime"

	"offheap.example/lookaside/internal/objtab"
)

// NewBody is New for the floors above: the object gets the body and keeps what
// it points at. cfg may be nil. When NewBody fails the body's bytes still
// belong to the caller.
func NewBody(b *objtab.Body, cfg *Config) (Object, error) {
	if cfg == nil {
		cfg = &noConfig
	}
	if cfg.Context != nil && !objtab.IsPointer(cfg.Context) {
		return Object{}, fmt.Errorf("Context %T: must be a pointer and not nil: %w", cfg.Context, ErrInvalid)
	}
	kept := b.Buf == nil && b.Owner == nil
	if kept && !cfg.adorns() {
		return NewPlain(nil, nil, b.Kind, b.Flags), nil
	}
	s := slots[dressedBirth].Get()
	if !kept {
		m := s.kin.Load().rest()
		m.buf, m.owner = b.Buf, b.Owner
	}
	return s.fill(b.Buf, b.Owner, b.Kind, b.Flags, cfg)
}

var noConfig Config

func (c *Config) adorns() bool {
	return c.Parent.slot() != nil || c.Cleanup != nil || c.Destroy != nil || c.Context != nil || c.Kind != ""
}

// Split takes a handle apart for floors above that keep it in less room.
func Split(o Object) objtab.Part { return objtab.Part{Slot: o.slot(), Gen: o.gen} }

// Join puts together what Split took apart. It gives the zero handle for what
// is no part of one.
func Join(p objtab.Part) Object {
	s, _ := p.Slot.(*slot)
	if s == nil {
		return Object{}
	}
	return s.handle(uint64(p.Gen) << genShift)
}

// NewPlain is NewBody without a Config, which cannot fail: the way of most
// memory objects, kept short. It does not keep alive what buf and owner point
// at: the caller knows who does, as long as the object exists.
func NewPlain(buf []byte, owner any, kind objtab.Kind, flags objtab.Flags) Object {
	s := slots[plainBirth].Get()
	b := &s.body
	b.Buf, b.Owner, b.Kind, b.Flags = buf, owner, kind, flags
	o := s.handle(s.word.Load())
	if tracing.Load() {
		o.trace()
	}
	return o
}

// NewChecked is NewPlain with a Config that says something and whose Context is
// known to be in order.
func NewChecked(buf []byte, owner any, kind objtab.Kind, flags objtab.Flags, cfg *Config) (Object, error) {
	if cfg.Cleanup == nil && cfg.Destroy == nil && cfg.Context == nil && cfg.Kind == "" {
		return slots[kinBirth].Get().fill(buf, owner, kind, flags, cfg)
	}
	return slots[dressedBirth].Get().fill(buf, owner, kind, flags, cfg)
}

// fill makes an object of a slot with a kin.
func (s *slot) fill(buf []byte, owner any, kind objtab.Kind, flags objtab.Flags, cfg *Config) (Object, error) {
	k, b := s.kin.Load(), &s.body
	b.Buf, b.Owner, b.Kind, b.Flags = buf, owner, kind, flags
	if k.born == dressedBirth {
		d := k.dress
		d.context, d.cleanup, d.destroy = cfg.Context, cfg.Cleanup, cfg.Destroy
		if cfg.Kind != "" {
			k.rest().kind = cfg.Kind
		}
	}
	o := s.handle(s.word.Load())
	if tracing.Load() {
		o.trace()
	}
	if cfg.Parent.slot() == nil {
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

// abandon takes back what fill did. Nobody has the handle.
func (k *kin) abandon() {
	k.empty()
	k.slot.body.Kind, k.slot.body.Owner = objtab.Kind{}, nil
	// Publishes: nothing. A trace may have left its marks.
	k.slot.word.Store(armed(genOf(k.slot.word.Load())) | adorned)
	k.recycle()
}

// Body returns the body of an object of the given kind, nil for any other.
// The caller holds a reference.
func Body(o Object, kind objtab.Kind) *objtab.Body {
	if b := &o.slot().body; b.Kind == kind {
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
	s := o.slot()
	if s == nil {
		return nil, 0, fmt.Errorf("no object: %w", ErrInvalid)
	}
	for {
		w := s.word.Load()
		switch {
		case genOf(w) != o.gen || w&stateMask != live:
			return nil, 0, ErrDeleted
		case w&busy != 0:
			runtime.Gosched()
		case w&refMask != 1:
			return nil, refsOf(w), nil
		// Acquires: what everybody did who held a reference. Pairs with: Unref.
		case s.word.CompareAndSwap(w, w|busy):
			if s.body.Kind != kind {
				Unclaim(o)
				return nil, 0, fmt.Errorf("not a %v: %w", kind, ErrInvalid)
			}
			return &s.body, 1, nil
		}
	}
}

// Unclaim ends what Claim began. Bytes that the object kept alive are replaced
// by those that the body has now.
func Unclaim(o Object) {
	s := o.slot()
	if s.body.Flags&objtab.Borrowed != 0 { // NewBody made it
		if k := s.kin.Load(); k != nil && k.seenRest() != nil {
			k.dress.more.buf = s.body.Buf
		}
	}
	// Publishes: the body. Pairs with: ref. Nobody else changes the word while it is busy.
	s.word.Store(s.word.Load() &^ busy)
}
