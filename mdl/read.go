package mdl

import (
	"errors"
	"fmt"
	"io"

	"offheap.example/lookaside/memory"
)

// ReadFrom fills the list's memory from r, from the start, until the list is
// full or r ends, and returns how many bytes came. The end of r is no error.
// Bytes behind those that came are undefined. The list is unchanged: to go on
// after an error, Advance by what came. ReadFrom holds references of its own
// until the kernel, or r, is done with the bytes.
//
// What has a file descriptor fills all parts in as few system calls as the
// kernel allows (readv), on Linux, and under the conditions of WriteTo. Other
// readers get one Read or more for each part.
//
// Where one read is one message (UDP, IP and the message sockets of Unix),
// ReadFrom reads one; when it is longer than the list, or than its first 1024
// parts, the error wraps io.ErrShortBuffer and the rest is lost. A list with a
// part that is read-only gives memory.ErrReadOnly, before anything is read, and
// a released one object.ErrDeleted. It is io.ReaderFrom.
func (l *List) ReadFrom(r io.Reader) (int64, error) {
	b, err := l.live("read from")
	if err != nil {
		return 0, err
	}
	if b.beforeReadOnly() < b.size {
		return 0, fmt.Errorf("mdl: read from: %d of %d bytes are before the first such part: %w",
			b.beforeReadOnly(), b.size, memory.ErrReadOnly)
	}
	if b.size == 0 {
		return 0, nil
	}
	f, err := b.fork()
	if err != nil {
		return 0, fmt.Errorf("mdl: read from: %w", err)
	}
	n, err := f.readFrom(r)
	size := f.size
	f.end()
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("mdl: read from: %d of %d bytes read: %w", n, size, err)
	}
	return n, nil
}

func (b *body) readFrom(r io.Reader) (int64, error) {
	e := edgeOf(r)
	if e == edgePlain {
		return b.readParts(r)
	}
	c, ok := rawConn(r)
	if !ok {
		return b.readParts(r)
	}
	n, cut, err := b.readRaw(c, e == edgeMessage)
	if err == nil && cut {
		err = fmt.Errorf("the message is longer: %w", io.ErrShortBuffer)
	}
	return n, ofFile(r, err)
}

// maxEmptyReads is how often a reader may give nothing and no reason.
const maxEmptyReads = 100

// readParts reads part by part.
func (b *body) readParts(r io.Reader) (int64, error) {
	var total int64
	empty := 0
	for c := (cursor{b: b, i: b.lo}); total < int64(b.size); {
		p := c.piece()
		n, err := r.Read(p)
		if n < 0 || n > len(p) {
			return total, fmt.Errorf("the reader reports %d of %d bytes read: %w", n, len(p), ErrInvalid)
		}
		total += int64(n)
		c.skip(n)
		if err != nil {
			if total == int64(b.size) {
				err = nil // full: the error comes again with the next read
			}
			return total, err
		}
		if empty++; n > 0 {
			empty = 0
		}
		if empty == maxEmptyReads {
			return total, io.ErrNoProgress
		}
	}
	return total, nil
}
