package mdl

import (
	"io"
	"syscall"

	"offheap.example/lookaside/internal/sys"
)

// hasRawConn tells whether this platform's system calls are known here.
const hasRawConn = true

// vectors is what one call through a raw connection needs, used again. The
// functions are made once, so that a call allocates nothing.
type vectors struct {
	b     *body
	c     cursor
	iov   []Iovec
	total int64
	cut   bool
	err   error

	write, read, message func(fd uintptr) bool
}

func (v *vectors) init() {
	v.iov = make([]Iovec, 0, inlineSegments)
	v.write, v.read, v.message = v.doWrite, v.doRead, v.doMessage
}

// next makes the vector for what is left, at most what the kernel takes.
func (v *vectors) next() []Iovec {
	v.iov = v.c.iovecs(v.iov[:0])
	return v.iov
}

// doWrite writes until all is written, or waits for room.
func (v *vectors) doWrite(fd uintptr) bool {
	if v.total == 0 && len(v.next()) == iovMax && v.b.hi-v.b.lo > iovMax && sys.KeepsMessages(fd) {
		v.err = errTooManyParts(v.b.hi - v.b.lo)
		return true
	}
	for v.total < int64(v.b.size) {
		n, err := sys.Writev(fd, v.next())
		if sys.WouldBlock(err) {
			return false
		}
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			v.err = err
			return true
		}
		v.skip(n)
	}
	return true
}

// doRead reads until the list is full or nothing comes any more.
func (v *vectors) doRead(fd uintptr) bool {
	for v.total < int64(v.b.size) {
		n, err := sys.Readv(fd, v.next())
		if sys.WouldBlock(err) {
			return false
		}
		if err == nil && n == 0 {
			err = io.EOF
		}
		if err != nil {
			v.err = err
			return true
		}
		v.skip(n)
	}
	return true
}

// doMessage reads one message.
func (v *vectors) doMessage(fd uintptr) bool {
	n, cut, err := sys.ReceiveMessage(fd, v.next())
	if sys.WouldBlock(err) {
		return false
	}
	v.total, v.cut, v.err = int64(n), cut, err
	return true
}

// skip moves on by n bytes, over any number of parts.
func (v *vectors) skip(n int) {
	v.total += int64(n)
	for n > 0 {
		k := min(n, len(v.c.piece()))
		v.c.skip(k)
		n -= k
	}
}

// begin sets v up for the bytes of b.
func (v *vectors) begin(b *body) {
	if v.write == nil {
		v.init()
	}
	v.b, v.c, v.total, v.cut, v.err = b, cursor{b: b, i: b.lo}, 0, false, nil
}

// end forgets the list. What the connection itself complained about comes
// first.
func (v *vectors) end(err error) error {
	if err == nil {
		err = v.err
	}
	clear(v.iov[:cap(v.iov)])
	v.b, v.c, v.err = nil, cursor{}, nil
	return err
}

// writeRaw writes all bytes to a raw connection.
func (b *body) writeRaw(c syscall.RawConn) (int64, error) {
	v := &b.vectors
	v.begin(b)
	err := v.end(c.Write(v.write))
	return v.total, err
}

// readRaw fills the list from a raw connection: from one message, or until it
// is full or the stream ends, which is io.EOF.
func (b *body) readRaw(c syscall.RawConn, message bool) (n int64, cut bool, err error) {
	v := &b.vectors
	v.begin(b)
	if message {
		err = c.Read(v.message)
	} else {
		err = c.Read(v.read)
	}
	err = v.end(err)
	return v.total, v.cut, err
}
