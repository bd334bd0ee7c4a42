package memory

import (
	"fmt"

	"offheap.example/lookaside/slab"
)

// OfTyped makes a memory object of the block of *p, which t's New returned: the
// block goes back when the last reference is gone, and the caller must not free
// it any more. p can be used as long as the caller holds a reference. It returns
// errors that wrap ErrInvalid for no list, no p and options that make no sense,
// and object.ErrDeleted for a parent that is deleted; the block is still the
// caller's then.
func OfTyped[T any](t *slab.Typed[T], p *T, opts ...Option) (Object, error) {
	if t == nil || p == nil {
		return Object{}, fmt.Errorf("memory: of typed: no list or no block: %w", ErrInvalid)
	}
	return ofBlock(t.Lookaside(), t.Bytes(p), opts)
}

// ofBlock makes an object of a block of l.
func ofBlock(l *slab.Lookaside, b []byte, opts []Option) (Object, error) {
	var s settings
	if err := s.read(opts, false); err != nil {
		return Object{}, fmt.Errorf("memory: of typed: %w", err)
	}
	m, err := s.make(b, l.Home())
	if err != nil {
		return Object{}, fmt.Errorf("memory: of typed: %w", err)
	}
	return m, nil
}
