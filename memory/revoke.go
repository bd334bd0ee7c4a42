package memory

import (
	"fmt"

	"offheap.example/lookaside/object"
)

// Lend is Wrap for somebody who lends bytes that are not his to replace, and
// takes them back by Revoke: Assign refuses with ErrNotWrapped. It is how
// Windows embeds the memory of a request in the request.
func Lend(b []byte, opts ...Option) (Object, error) {
	if len(b) == 0 {
		return Object{}, fmt.Errorf("memory: lend: no bytes: %w", ErrInvalid)
	}
	var s settings
	if err := s.read(opts, false); err != nil {
		return Object{}, fmt.Errorf("memory: lend: %w", err)
	}
	m, err := s.keep(b[:len(b):len(b)], nil)
	if err != nil {
		return Object{}, fmt.Errorf("memory: lend: %w", err)
	}
	return m, nil
}

// Revoke takes the bytes away from an object that Lend or Wrap made, for good:
// from then on it has none, whoever keeps the handle. It returns errors that
// wrap object.ErrDeleted for a stale object, ErrNotWrapped for one whose bytes
// belong to an allocator or a list, and ErrInUse while anybody holds a reference
// besides the one that belongs to Delete; nothing has changed then.
func (m Object) Revoke() error {
	body, refs, err := object.Claim(m.Object, kind)
	if err != nil {
		return fmt.Errorf("memory: revoke: %w", err)
	}
	if body == nil {
		return fmt.Errorf("memory: revoke: %d references besides the first: %w", refs-1, ErrInUse)
	}
	lent := body.Owner == nil
	if lent {
		body.Buf = nil
	}
	object.Unclaim(m.Object)
	if !lent {
		return fmt.Errorf("memory: revoke: %w", ErrNotWrapped)
	}
	return nil
}
