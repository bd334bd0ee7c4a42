package mdl

import (
	"fmt"
	"io"
	"math"

	"offheap.example/lookaside/memory"
)

// ReaderAt returns a reader of the list with the semantics of package io: it
// reads what there is and says io.EOF at the end. It holds no reference: after
// Release it returns an error that wraps object.ErrDeleted.
func (l *List) ReaderAt() io.ReaderAt { return readerAt{l} }

// WriterAt returns a writer to the list with the semantics of package io: it
// writes what fits and says io.ErrShortWrite beyond. It holds no reference:
// after Release it returns an error that wraps object.ErrDeleted.
func (l *List) WriterAt() io.WriterAt { return writerAt{l} }

type readerAt struct{ l *List }

// ReadAt is the method of io.ReaderAt. A negative offset gives a
// *memory.BoundsError.
func (r readerAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.l.readAt("read at", p, off)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// readAt reads what there is.
func (l *List) readAt(op string, p []byte, off int64) (int, error) {
	b, err := l.live(op)
	if err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, &memory.BoundsError{Op: "mdl: " + op, Off: int(max(off, math.MinInt)), Len: len(p), Cap: b.size, Err: memory.ErrBufferTooSmall}
	}
	if off >= int64(b.size) || len(p) == 0 {
		return 0, nil
	}
	n := min(len(p), b.size-int(off))
	return n, l.CopyOut(int(off), p[:n])
}

type writerAt struct{ l *List }

// WriteAt is the method of io.WriterAt. A negative offset gives a
// *memory.BoundsError, and a part that is read-only where it would write
// memory.ErrReadOnly; nothing is written then.
func (w writerAt) WriteAt(p []byte, off int64) (int, error) {
	b, err := w.l.live("write at")
	if err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, &memory.BoundsError{Op: "mdl: write at", Off: int(max(off, math.MinInt)), Len: len(p), Cap: b.size, Err: memory.ErrInvalidBufferSize}
	}
	n := 0
	if off < int64(b.size) && len(p) > 0 {
		n = min(len(p), b.size-int(off))
		if err := w.l.CopyIn(int(off), p[:n]); err != nil {
			return 0, err
		}
	}
	if n < len(p) {
		return n, fmt.Errorf("mdl: write at: %d of %d bytes at offset %d fit into %d: %w", n, len(p), off, b.size, io.ErrShortWrite)
	}
	return n, nil
}

// Reader reads a list from a position on, which each read moves: an io.Reader,
// io.ReaderAt, io.Seeker, io.ByteReader and io.WriterTo, as bytes.Reader is. It
// holds no reference: after the list's Release its methods return an error that
// wraps object.ErrDeleted. The zero Reader reads nothing. One goroutine at a
// time may use it.
type Reader struct {
	l  *List
	at int64
}

// Reader returns a Reader that is at the list's first byte.
func (l *List) Reader() *Reader { return &Reader{l: l} }

// Reset makes r a reader of l, at its first byte, without allocating one.
func (r *Reader) Reset(l *List) { r.l, r.at = l, 0 }

// Read is the method of io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.l.readAt("read", p, r.at)
	r.at += int64(n)
	if err == nil && n == 0 && len(p) > 0 {
		err = io.EOF
	}
	return n, err
}

// ReadByte is the method of io.ByteReader.
func (r *Reader) ReadByte() (byte, error) {
	var v [1]byte
	b, err := r.l.live("read byte")
	if err != nil {
		return 0, err
	}
	if r.at >= int64(b.size) {
		return 0, io.EOF
	}
	c := b.at(int(r.at))
	c.copyOut(v[:])
	r.at++
	return v[0], nil
}

// ReadAt is the method of io.ReaderAt. It does not move the position.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) { return readerAt{r.l}.ReadAt(p, off) }

// Seek is the method of io.Seeker. Positions behind the end are allowed, and
// read nothing; negative ones give an error that wraps ErrInvalid.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	b, err := r.l.live("seek")
	if err != nil {
		return 0, err
	}
	var from int64
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		from = r.at
	case io.SeekEnd:
		from = int64(b.size)
	default:
		return 0, fmt.Errorf("mdl: seek: whence %d: must be 0, 1 or 2: %w", whence, ErrInvalid)
	}
	to := from + offset
	if to < 0 { // from is not negative: a sum that wraps is
		return 0, fmt.Errorf("mdl: seek: %d from %d: must not be negative or overflow: %w", offset, from, ErrInvalid)
	}
	r.at = to
	return to, nil
}

// Len returns how many bytes are left. On a released list it panics with
// *MisuseError.
func (r *Reader) Len() int { return int(max(0, int64(r.l.must("len").size)-r.at)) }

// WriteTo is the method of io.WriterTo: the list's WriteTo for what is left.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	b, err := r.l.live("write to")
	if err != nil || r.at >= int64(b.size) {
		return 0, err
	}
	rest, err := r.l.Partial(int(r.at), 0)
	if err != nil {
		return 0, err
	}
	n, err := rest.WriteTo(w)
	rest.Release()
	r.at += n
	return n, err
}
