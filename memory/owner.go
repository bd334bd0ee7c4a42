package memory

import "fmt"

// Owner is who gave the bytes of an object that Owned made.
type Owner interface {
	// TakeBack gets the bytes as they were given, once, when the object's last reference is gone. The object exists no
	// more by then. It is called by whoever drops that reference, and must not wait for anybody who may hold one.
	TakeBack(b []byte)
}

// Owned makes a memory object of b, which comes from o and goes back to it with the last reference: pages of an
// arena, a mapping. Unlike with Wrap the bytes are nobody else's, and Assign is refused. It returns errors that wrap
// ErrInvalid for an empty b, for no owner and for options that make no sense, and object.ErrDeleted for a parent that is
// deleted; b is still the caller's then.
func Owned(b []byte, o Owner, opts ...Option) (Object, error) {
	if len(b) == 0 {
		return Object{}, fmt.Errorf("memory: owned: no bytes: %w", ErrInvalid)
	}
	if o == nil {
		return Object{}, fmt.Errorf("memory: owned: no owner: %w", ErrInvalid)
	}
	var s settings
	if err := s.read(opts, false); err != nil {
		return Object{}, fmt.Errorf("memory: owned: %w", err)
	}
	m, err := s.keep(b[:len(b):len(b)], o)
	if err != nil {
		return Object{}, fmt.Errorf("memory: owned: %w", err)
	}
	return m, nil
}
