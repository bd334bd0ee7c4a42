package object

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/internal/objtab"
)

// Sentinels for errors.Is.
var (
	// ErrDeleted is returned for objects that are being deleted or are gone:
	// the stale handle of STATUS_DELETE_PENDING and of bugcheck 5.
	ErrDeleted = errors.New("object is deleted")
	// ErrExists is returned by AddContext, with the context that exists.
	ErrExists = errors.New("context of this type exists")
	// ErrParent is returned for a second parent.
	ErrParent = errors.New("parent is assigned already")
	// ErrInvalid is returned for the zero handle and for arguments that make
	// no sense.
	ErrInvalid = errors.New("invalid argument")
)

// What stale and zero handles get, made once: an error path that is taken
// often must not allocate either.
var (
	errRefZero    = fmt.Errorf("object: ref: no object: %w", ErrInvalid)
	errRefGone    = fmt.Errorf("object: ref: %w", ErrDeleted)
	errRefMany    = fmt.Errorf("object: ref: %d references are the most an object can have: %w", maxRefs, ErrInvalid)
	errDeleteZero = fmt.Errorf("object: delete: no object: %w", ErrInvalid)
	errDeleteGone = fmt.Errorf("object: delete: %w", ErrDeleted)
)

// Misuse is the kind of mistake a caller made with a handle.
type Misuse uint8

// The kinds of misuse.
const (
	_         Misuse = iota
	NoObject         // the zero handle
	Stale            // the object is gone
	Underflow        // the last reference is the one that Delete consumes
)

var misuseNames = [...]string{
	NoObject:  "no object",
	Stale:     "object is gone",
	Underflow: "no reference to drop",
}

// String names the kind.
func (m Misuse) String() string {
	if int(m) < len(misuseNames) && misuseNames[m] != "" {
		return misuseNames[m]
	}
	return fmt.Sprintf("Misuse(%d)", uint8(m))
}

// MisuseError is the value that operations without an error to return panic
// with when the caller broke their contract. Nothing has changed by then.
// errors.As also finds it as a *slab.MisuseError in programs that use package
// memory, so that one test for misuse serves for blocks and objects.
type MisuseError struct {
	Op     string // the operation: "unref", …
	Kind   Misuse // what is wrong
	Object string // what kind of object it was, "object" where the handle no longer tells
	Refs   int    // references the object has
}

// Error tells operation, kind, object and count in one line.
func (e *MisuseError) Error() string {
	if e.Kind == Underflow {
		return fmt.Sprintf("object: %s: %s: %s has %d, which only Delete consumes", e.Op, e.Kind, e.Object, e.Refs)
	}
	return fmt.Sprintf("object: %s: %s", e.Op, e.Kind)
}

// As lets errors.As find the floors above's own type of misuse.
func (e *MisuseError) As(target any) bool {
	return objtab.MisuseAs != nil && objtab.MisuseAs(e.Op, uint8(e.Kind), e.Object, target)
}
