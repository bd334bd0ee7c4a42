package mdl

import (
	"fmt"
	"io"
	"net"
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

// WriteTo writes the list's bytes to w and returns how many were written. The
// list is unchanged: after a short write, Advance by what was written and
// write again. Connections of package net get all parts in as few system calls
// as the kernel allows (writev); a datagram connection sends one datagram.
// Other writers get one Write for each part; a Write that reports fewer bytes
// and no error ends it with io.ErrShortWrite. A released list gives an error
// that wraps object.ErrDeleted.
func (l *List) WriteTo(w io.Writer) (int64, error) {
	b, err := l.live("write to")
	if err != nil {
		return 0, err
	}
	if b.size == 0 {
		return 0, nil
	}
	switch w.(type) {
	case *net.TCPConn, *net.UnixConn, *net.UDPConn, *net.IPConn:
		return b.writeVector(w)
	}
	return l.writeParts(w)
}

// writeVector lets net.Buffers find the connection's writev.
func (b *body) writeVector(w io.Writer) (int64, error) {
	b.vecStore = b.appendBuffers(b.vecStore[:0])
	b.vec = b.vecStore
	want := int64(b.size)
	n, err := b.vec.WriteTo(w)
	clear(b.vecStore)
	b.vec = nil
	return wrote(n, want, err)
}

// writeParts writes part by part. The writer is somebody else's code: the list
// is looked at afresh after every Write.
func (l *List) writeParts(w io.Writer) (int64, error) {
	var total int64
	for i := 0; ; i++ {
		b, err := l.live("write to")
		if err != nil {
			return total, err
		}
		if b.lo+i >= b.hi {
			return total, nil
		}
		p := b.segments[b.lo+i].bytes()
		n, err := w.Write(p)
		if n < 0 || n > len(p) {
			return total, fmt.Errorf("mdl: write to: the writer reports %d of %d bytes written: %w", n, len(p), ErrInvalid)
		}
		total += int64(n)
		if _, err = wrote(int64(n), int64(len(p)), err); err != nil {
			return total, err
		}
	}
}

// wrote turns the outcome of a write of want bytes into an error unless all
// went well.
func wrote(n, want int64, err error) (int64, error) {
	if err == nil && n < want {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, fmt.Errorf("mdl: write to: %d of %d bytes written: %w", n, want, err)
	}
	return n, nil
}
