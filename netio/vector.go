package netio

import (
	"fmt"
	"io"
	"net"
	"sync/atomic"

	"offheap.example/lookaside/ioreq"
)

// vector is the bytes of one request and how far their transfer has come. It is
// used again for the next one, with its room. It belongs to whoever works for
// the lane.
type vector struct {
	segs  [][]byte // what is left is segs[head:]
	head  int
	done  int  // bytes transferred
	left  int  // bytes to go
	whole bool // a read is over when left is 0, not earlier
	err   error

	buffers net.Buffers // for package net, which changes it
	raw     rawVector

	stop *atomic.Bool // Publishes: that the request is to be given up. Pairs with: lane.cancel.
}

// keepSegs is how much room for parts a vector keeps: what a larger list needed
// is garbage after it.
const keepSegs = 4096

// load makes v the bytes of r.
func (v *vector) load(r *ioreq.Request, whole bool) {
	v.segs = r.AppendSegments(v.segs[:0], 0)
	v.head, v.done, v.left, v.whole, v.err = 0, 0, 0, whole, nil
	for _, s := range v.segs {
		v.left += len(s)
	}
}

// unload forgets the bytes.
func (v *vector) unload() {
	if cap(v.segs) > keepSegs {
		v.segs = nil
	}
	clear(v.segs)
	v.segs = v.segs[:0]
	v.raw.unload()
}

// advance moves on by n bytes, over any number of parts and to any byte of one.
func (v *vector) advance(n int) {
	v.done += n
	v.left -= n
	for n > 0 {
		s := v.segs[v.head]
		if n < len(s) {
			v.segs[v.head] = s[n:]
			return
		}
		n -= len(s)
		v.head++
	}
}

// write writes the rest by means of package net: all parts at once where it
// can do that, otherwise part by part.
func (v *vector) write(c net.Conn) error {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		v.buffers = v.segs[v.head:] // which WriteTo changes
		n, err := v.buffers.WriteTo(c)
		v.buffers = nil
		v.done, v.left = v.done+int(n), v.left-int(n)
		return err
	}
	for v.left > 0 {
		if v.stop.Load() {
			return errStopped
		}
		s := v.segs[v.head]
		n, err := c.Write(s)
		if n < 0 || n > len(s) {
			return fmt.Errorf("the connection wrote %d of %d bytes: %w", n, len(s), ErrInvalid)
		}
		v.advance(n)
		if err == nil && n < len(s) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads by means of package net: once, or until nothing is left.
func (v *vector) read(c net.Conn) error {
	empty := 0
	for v.left > 0 {
		s := v.segs[v.head]
		n, err := c.Read(s)
		if n < 0 || n > len(s) {
			return fmt.Errorf("the connection read %d of %d bytes: %w", n, len(s), ErrInvalid)
		}
		v.advance(n)
		switch {
		case err == io.EOF && (v.left == 0 || n > 0 && !v.whole):
			return nil // the next one finds the end again
		case err != nil:
			return err
		case n > 0 && !v.whole:
			return nil
		case v.stop.Load():
			return errStopped
		}
		if n > 0 {
			empty = 0
		} else if empty++; empty == mostEmpty {
			return io.ErrNoProgress
		}
	}
	return nil
}

// mostEmpty is after how many reads without bytes and without an error a
// connection is believed never to bring any.
const mostEmpty = 100
