package netio

import (
	"io"
	"syscall"

	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/mdl"
)

// hasVectors tells whether this platform's scattered reads and writes are
// known here.
const hasVectors = true

// mostBytes is how much one system call is asked to transfer at most: below
// what an int of 32 bits and the kernel take.
const mostBytes = 1 << 30

// firstIovecs is for how many parts a vector has room from the start.
const firstIovecs = 16

// rawVector is what system calls need. The functions are made once, so that a
// transfer allocates nothing.
type rawVector struct {
	iov  []mdl.Iovec
	used int  // entries of iov that were in use for this request
	over bool // whether the transfer that was tried is over

	write, read       func(fd uintptr) bool
	tryWrite, tryRead func(fd uintptr) bool // the same without waiting
}

func (v *vector) init() {
	v.raw.iov = make([]mdl.Iovec, 0, firstIovecs)
	v.raw.write, v.raw.read = v.writeSome, v.readSome
	v.raw.tryWrite = func(fd uintptr) bool { v.raw.over = v.writeSome(fd); return true }
	v.raw.tryRead = func(fd uintptr) bool { v.raw.over = v.readSome(fd); return true }
}

func (w *rawVector) unload() {
	clear(w.iov[:cap(w.iov)][:w.used])
	w.used = 0
}

// next makes the entries for what is left, at most what the kernel takes at
// once. They are made anew after each call, so that what a short one left can
// begin at any byte.
func (v *vector) next() []mdl.Iovec {
	iov, room := v.raw.iov[:0], mostBytes
	for _, s := range v.segs[v.head:] {
		if len(iov) == sys.MaxVector || room == 0 {
			break
		}
		e := mdl.Iovec{Base: &s[0]}
		n := min(len(s), room)
		e.SetLen(n)
		room -= n
		iov = append(iov, e)
	}
	v.raw.iov, v.raw.used = iov, max(v.raw.used, len(iov))
	return iov
}

// writeSome writes until nothing is left, and returns false when the kernel
// has no room now.
func (v *vector) writeSome(fd uintptr) bool {
	for v.left > 0 {
		if v.stop.Load() {
			v.err = errStopped
			return true
		}
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
		v.advance(n)
	}
	return true
}

// readSome reads what is there, all that is asked for if v is to be filled,
// and returns false when there is nothing now.
func (v *vector) readSome(fd uintptr) bool {
	for v.left > 0 {
		if v.stop.Load() {
			v.err = errStopped
			return true
		}
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
		v.advance(n)
		if !v.whole {
			return true
		}
	}
	return true
}

// writeRaw and readRaw wait for the poller where they must.
func (v *vector) writeRaw(c syscall.RawConn) error { return v.said(c.Write(v.raw.write)) }
func (v *vector) readRaw(c syscall.RawConn) error  { return v.said(c.Read(v.raw.read)) }

// tryWriteRaw and tryReadRaw transfer what goes without waiting, and report
// whether the transfer is over.
func (v *vector) tryWriteRaw(c syscall.RawConn) (over bool, err error) {
	err = v.said(c.Write(v.raw.tryWrite))
	return v.raw.over || err != nil, err
}

func (v *vector) tryReadRaw(c syscall.RawConn) (over bool, err error) {
	err = v.said(c.Read(v.raw.tryRead))
	return v.raw.over || err != nil, err
}

// said returns what the connection complained about, else the kernel.
func (v *vector) said(err error) error {
	if err == nil {
		err = v.err
	}
	return err
}

// checkRaw refuses what is no stream.
func checkRaw(c syscall.RawConn) error {
	var messages bool
	if err := c.Control(func(fd uintptr) { messages = sys.KeepsMessages(fd) }); err != nil {
		return err
	}
	if messages {
		return ErrNotStream
	}
	return nil
}
