package memory

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// Sentinels for errors.Is. Stale objects give object.ErrDeleted.
var (
	// ErrBufferTooSmall is returned for reads that do not fit: the
	// STATUS_BUFFER_TOO_SMALL of WdfMemoryCopyToBuffer.
	ErrBufferTooSmall = errors.New("buffer too small")
	// ErrInvalidBufferSize is returned for writes that do not fit: the
	// STATUS_INVALID_BUFFER_SIZE of WdfMemoryCopyFromBuffer.
	ErrInvalidBufferSize = errors.New("invalid buffer size")
	// ErrReadOnly is returned for writes to memory that was made ReadOnly.
	ErrReadOnly = errors.New("memory is read-only")
	// ErrNotWrapped is returned by Assign for memory that is not Wrap's.
	ErrNotWrapped = errors.New("memory was not made by Wrap")
	// ErrInUse is returned by Assign while others hold references.
	ErrInUse = errors.New("memory is in use")
	// ErrInvalid is returned for arguments that make no sense. It is
	// object.ErrInvalid.
	ErrInvalid = object.ErrInvalid
)

// BoundsError tells what did not fit where. It wraps ErrBufferTooSmall or
// ErrInvalidBufferSize, whichever Err says.
type BoundsError struct {
	Op  string // package and operation: "memory: copy in"
	Off int    // where the range begins, in bytes
	Len int    // how long it is
	Cap int    // how many bytes there are
	Err error
}

// Error tells the operation and the three numbers.
func (e *BoundsError) Error() string {
	return fmt.Sprintf("%s: %d bytes at offset %d exceed %d: %v", e.Op, e.Len, e.Off, e.Cap, e.Err)
}

// Unwrap returns Err.
func (e *BoundsError) Unwrap() error { return e.Err }

// misuseKinds says what a mistake with a handle is called for blocks.
var misuseKinds = [...]slab.Misuse{
	object.NoObject:  slab.Foreign,
	object.Stale:     slab.UseAfterFree,
	object.Underflow: slab.DoubleFree,
}

func init() {
	objtab.MisuseAs = func(op string, kind uint8, kindOfObject string, target any) bool {
		e, ok := target.(**slab.MisuseError)
		if ok {
			*e = &slab.MisuseError{Op: op, Kind: misuseKinds[kind], List: kindOfObject}
		}
		return ok
	}
}
