package mdl

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// Buffers returns the list's parts for the functions of package net. They may
// be used until the list is released. It allocates; Iovecs and WriteTo do
// not. On a released list it panics with *MisuseError.
func (l *List) Buffers() net.Buffers {
	b := l.must("buffers")
	return b.appendBuffers(make(net.Buffers, 0, b.hi-b.lo))
}

func (b *body) appendBuffers(v net.Buffers) net.Buffers {
	for i := b.lo; i < b.hi; i++ {
		v = append(v, b.segments[i].bytes())
	}
	return v
}

// fork returns a body with all of b's bytes and references of its own, for a
// call during which the list may be changed or released by whoever is called.
func (b *body) fork() (*body, error) {
	f := bodies.Get()
	c := cursor{b: b, i: b.lo}
	if err := c.share(f, b.size); err != nil {
		f.end()
		return nil, err
	}
	return f, nil
}

// WriteTo writes the list's bytes to w and returns how many were written. The
// list is unchanged: after a short write, Advance by what was written and
// write again. WriteTo holds references of its own until the kernel, or w, is
// done with the bytes, whatever happens to the list and its objects meanwhile.
//
// What has a file descriptor gets all parts in as few system calls as the
// kernel allows (writev): the connections of package net, *os.File, and every
// type with a SyscallConn unless it embeds another that has one. A type whose
// Write does more than to write has to hide its SyscallConn. Deadlines and
// concurrent writers work as with Write. Other writers get one Write for each
// part; a Write that reports fewer bytes and no error ends it with
// io.ErrShortWrite.
//
// Where one write is one message (UDP, IP and the message sockets of Unix), the
// list is one message, and more than 1024 parts are an error that wraps
// ErrInvalid; an empty list is written nowhere. A released list gives an error
// that wraps object.ErrDeleted. It is io.WriterTo.
func (l *List) WriteTo(w io.Writer) (int64, error) {
	b, err := l.live("write to")
	if err != nil {
		return 0, err
	}
	if b.size == 0 {
		return 0, nil
	}
	f, err := b.fork()
	if err != nil {
		return 0, fmt.Errorf("mdl: write to: %w", err)
	}
	n, err := f.writeTo(w)
	size := f.size
	f.end()
	if err == nil && n < int64(size) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, fmt.Errorf("mdl: write to: %d of %d bytes written: %w", n, size, err)
	}
	return n, nil
}

func (b *body) writeTo(w io.Writer) (int64, error) {
	switch edgeOf(w) {
	case edgeNet:
		return b.writeVector(w)
	case edgeMessage:
		if n := b.hi - b.lo; n > iovMax {
			return 0, errTooManyParts(n)
		}
		return b.writeVector(w)
	case edgeRaw:
		if c, ok := rawConn(w); ok {
			n, err := b.writeRaw(c)
			return n, ofFile(w, err)
		}
	}
	return b.writeParts(w)
}

// ofFile gives a closed file's error its public name, which its raw connection
// does not.
func ofFile(v any, err error) error {
	f, ok := v.(*os.File)
	if !ok || err == nil {
		return err
	}
	if _, closed := f.Stat(); errors.Is(closed, os.ErrClosed) {
		return closed
	}
	return err
}

// writeVector lets net.Buffers find the connection's writev.
func (b *body) writeVector(w io.Writer) (int64, error) {
	b.vecStore = b.appendBuffers(b.vecStore[:0])
	b.vec = b.vecStore
	n, err := b.vec.WriteTo(w)
	clear(b.vecStore)
	b.vec = nil
	return n, err
}

// writeParts writes part by part.
func (b *body) writeParts(w io.Writer) (int64, error) {
	var total int64
	for i := b.lo; i < b.hi; i++ {
		p := b.segments[i].bytes()
		n, err := w.Write(p)
		if n < 0 || n > len(p) {
			return total, fmt.Errorf("the writer reports %d of %d bytes written: %w", n, len(p), ErrInvalid)
		}
		total += int64(n)
		if err != nil || n < len(p) {
			return total, err
		}
	}
	return total, nil
}
