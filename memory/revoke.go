package memory

import (
	"fmt"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/object"
)

// Revoke takes the bytes away from an object that Wrap made, for good: from
// then on it has none, whoever keeps the handle. It returns errors that wrap
// object.ErrDeleted for a stale object, ErrNotWrapped for one that was not made
// by Wrap, and ErrInUse while anybody holds a reference besides the one that
// belongs to Delete; nothing has changed then. Who lent the bytes calls it
// before he takes them back.
func (m Object) Revoke() error {
	body, refs, err := object.Claim(m.Object, kind)
	if err != nil {
		return fmt.Errorf("memory: revoke: %w", err)
	}
	if body == nil {
		return fmt.Errorf("memory: revoke: %d references besides the first: %w", refs-1, ErrInUse)
	}
	borrowed := body.Flags&objtab.Borrowed != 0
	if borrowed {
		body.Buf = nil
	}
	object.Unclaim(m.Object)
	if !borrowed {
		return fmt.Errorf("memory: revoke: %w", ErrNotWrapped)
	}
	return nil
}
