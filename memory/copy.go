package memory

import (
	"fmt"
	"io"
	"math"

	"offheap.example/lookaside/internal/objtab"
)

var (
	errCopyInNothing  = fmt.Errorf("memory: copy in: no bytes: %w", ErrInvalid)
	errCopyInReadOnly = fmt.Errorf("memory: copy in: %w", ErrReadOnly)
	errCopyOutNothing = fmt.Errorf("memory: copy out: no bytes: %w", ErrInvalid)
)

// fits reports whether n bytes at off lie within size, without forming a sum
// that could overflow. n and size are not negative.
func fits(off, n, size int) bool {
	return off >= 0 && off <= size && n <= size-off
}

// CopyIn copies src to the object, beginning at off: all of it, or nothing.
// What is checked, in this order: the object exists (object.ErrDeleted,
// ErrInvalid for the zero handle), src is not empty (ErrInvalid), the object
// is not ReadOnly (ErrReadOnly), src fits (*BoundsError that wraps
// ErrInvalidBufferSize; a negative off never fits). src may overlap the
// object. The object cannot be destroyed while CopyIn runs. It is
// WdfMemoryCopyFromBuffer.
func (m Object) CopyIn(off int, src []byte) error {
	body, err := m.hold()
	if err != nil {
		return fmt.Errorf("memory: copy in: %w", err)
	}
	switch {
	case len(src) == 0:
		err = errCopyInNothing
	case body.Flags&objtab.ReadOnly != 0:
		err = errCopyInReadOnly
	case !fits(off, len(src), len(body.Buf)):
		err = &BoundsError{"memory: copy in", off, len(src), len(body.Buf), ErrInvalidBufferSize}
	default:
		copy(body.Buf[off:], src)
	}
	m.Unref()
	return err
}

// CopyOut copies len(dst) bytes of the object, beginning at off, to dst: all
// of them, or nothing. It checks what CopyIn checks, in the same order, but
// read-only objects can be read, and what does not fit wraps
// ErrBufferTooSmall. It is WdfMemoryCopyToBuffer.
func (m Object) CopyOut(off int, dst []byte) error {
	body, err := m.hold()
	if err != nil {
		return fmt.Errorf("memory: copy out: %w", err)
	}
	switch {
	case len(dst) == 0:
		err = errCopyOutNothing
	case !fits(off, len(dst), len(body.Buf)):
		err = &BoundsError{"memory: copy out", off, len(dst), len(body.Buf), ErrBufferTooSmall}
	default:
		copy(dst, body.Buf[off:])
	}
	m.Unref()
	return err
}

// ReaderAt returns a reader of the object with the semantics of package io:
// it reads what there is and says io.EOF at the end. It holds no reference.
func (m Object) ReaderAt() io.ReaderAt { return readerAt{m} }

// WriterAt returns a writer to the object with the semantics of package io:
// it writes what fits and says io.ErrShortWrite beyond. It holds no
// reference.
func (m Object) WriterAt() io.WriterAt { return writerAt{m} }

type readerAt struct{ m Object }

// ReadAt is the method of io.ReaderAt. A stale object gives
// object.ErrDeleted, a negative offset *BoundsError.
func (r readerAt) ReadAt(p []byte, off int64) (int, error) {
	body, err := r.m.hold()
	if err != nil {
		return 0, fmt.Errorf("memory: read at: %w", err)
	}
	defer r.m.Unref()
	if off < 0 {
		return 0, &BoundsError{"memory: read at", int(max(off, math.MinInt)), len(p), len(body.Buf), ErrBufferTooSmall}
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= int64(len(body.Buf)) {
		return 0, io.EOF
	}
	n := copy(p, body.Buf[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

type writerAt struct{ m Object }

// WriteAt is the method of io.WriterAt. A stale object gives
// object.ErrDeleted, a read-only one ErrReadOnly, a negative offset
// *BoundsError.
func (w writerAt) WriteAt(p []byte, off int64) (int, error) {
	body, err := w.m.hold()
	if err != nil {
		return 0, fmt.Errorf("memory: write at: %w", err)
	}
	defer w.m.Unref()
	if body.Flags&objtab.ReadOnly != 0 {
		return 0, fmt.Errorf("memory: write at: %w", ErrReadOnly)
	}
	if off < 0 {
		return 0, &BoundsError{"memory: write at", int(max(off, math.MinInt)), len(p), len(body.Buf), ErrInvalidBufferSize}
	}
	n := 0
	if off < int64(len(body.Buf)) {
		n = copy(body.Buf[off:], p)
	}
	if n < len(p) {
		return n, fmt.Errorf("memory: write at: %d of %d bytes at offset %d fit into %d: %w",
			n, len(p), off, len(body.Buf), io.ErrShortWrite)
	}
	return n, nil
}
