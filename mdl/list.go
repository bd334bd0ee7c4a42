package mdl

import (
	"fmt"
	"iter"
	"math/bits"
	"net"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// ErrInvalid is returned for arguments that make no sense. It is
// object.ErrInvalid.
var ErrInvalid = object.ErrInvalid

// MisuseError is what operations without an error to return panic with when
// the list was released before.
type MisuseError = slab.MisuseError

const (
	inlineSegments = 16
	maxKept        = 1024 // places for segments that a body keeps when its list is released
	quarantine     = 4096 // lists released before a *List is used again
)

// List is a scatter list: bytes that need not be contiguous, described and not
// copied. It is made by New, Of and Describe and ends with Release. One
// goroutine at a time may use it; the memory objects in it are shared freely.
// It is an MDL chain.
type List struct {
	b *body // nil once released
}

// body is what a list has while it lives. It is used again as soon as the
// list is released, whereas the List waits for its turn: a stale *List finds
// no body.
type body struct {
	// What most operations on the front touch: two lines of cache.
	segments []segment   // inline[:] or larger
	lo, hi   int         // the list is segments[lo:hi]; none of them is empty
	size     int         // bytes in them
	kernel   kernelState // locks and mappings
	inline   [inlineSegments]segment

	source   *slab.Lookaside // where Retreat takes memory; nil means the package's own
	vec      net.Buffers     // what WriteTo gives package net
	vecStore net.Buffers     // what vec uses up
	vectors  vectors         // for calls through raw connections
}

var (
	bodies  = objtab.Cache[body]{Init: func(b *body) { b.segments = b.inline[:] }}
	handles = objtab.Queue[List]{Hold: quarantine}
)

// New returns an empty list, to append to.
func New() *List {
	l := handles.Get()
	l.b = bodies.Get()
	return l
}

// Of returns a list of all bytes of m, on which it takes a reference. It
// returns errors that wrap object.ErrDeleted for a stale object and ErrInvalid
// for what is no memory object.
func Of(m memory.Object) (*List, error) {
	// While we hold a reference the bytes stay where they are: Assign is refused.
	buf, flags, err := hold(m)
	if err != nil {
		return nil, fmt.Errorf("mdl: of: %w", err)
	}
	l := New()
	l.b.add(m, buf, flags)
	return l, nil
}

// Describe returns a list of the bytes of b, which nobody manages: the caller
// keeps b alive and unused elsewhere until the list is released and everybody
// it was given to is done. Asynchronous targets refuse it. An empty b gives an
// empty list. It is IoAllocateMdl with MmBuildMdlForNonPagedPool.
func Describe(b []byte) (*List, error) {
	l := New()
	if len(b) > 0 {
		l.b.add(memory.Object{}, b[:len(b):len(b)], 0)
	}
	return l, nil
}

// live returns the body of a list that is in use, or an error.
func (l *List) live(op string) (*body, error) {
	if l != nil && l.b != nil {
		return l.b, nil
	}
	return nil, errReleased(op)
}

// errReleased says that a list is no more. It stands alone so that live can be
// inlined.
//
//go:noinline
func errReleased(op string) error {
	return fmt.Errorf("mdl: %s: list is released: %w", op, object.ErrDeleted)
}

// must is live for operations that have no error to return.
func (l *List) must(op string) *body {
	if l != nil && l.b != nil {
		return l.b
	}
	panic(&MisuseError{Op: op, Kind: slab.UseAfterFree, List: "scatter list"})
}

// Append adds n bytes of m, beginning at off, to the end and takes a reference
// on m. With n == 0 it checks m and off, and adds and takes nothing. When the
// range does not lie in m it returns a *memory.BoundsError that wraps
// memory.ErrBufferTooSmall; a stale m gives object.ErrDeleted, and what is no
// memory object ErrInvalid. The list is unchanged then.
func (l *List) Append(m memory.Object, off, n int) error {
	b, err := l.live("append")
	if err != nil {
		return err
	}
	buf, flags, err := hold(m)
	if err != nil {
		return fmt.Errorf("mdl: append: %w", err)
	}
	if !fits(off, n, len(buf)) {
		drop(m)
		return &memory.BoundsError{Op: "mdl: append", Off: off, Len: n, Cap: len(buf), Err: memory.ErrBufferTooSmall}
	}
	if n == 0 {
		drop(m)
		return nil
	}
	b.add(m, buf[off:off+n], flags)
	return nil
}

// fits reports whether n bytes at off lie within size, for any n and off.
func fits(off, n, size int) bool {
	return off >= 0 && n >= 0 && off <= size && n <= size-off
}

// add adds a segment that has no headroom and is not empty. It is written field
// by field where it is to be: putting it together elsewhere costs twice as
// much.
func (b *body) add(m memory.Object, window []byte, flags segmentFlags) {
	s := b.place()
	s.m, s.window, s.off, s.flags = m, window, 0, flags
	b.size += len(window)
}

// place adds a segment for the caller to write, and to count.
func (b *body) place() *segment {
	if b.hi == len(b.segments) {
		b.makeRoom(1)
	}
	b.hi++
	return &b.segments[b.hi-1]
}

// places is place for n segments.
func (b *body) places(n int) []segment {
	if n > len(b.segments)-b.hi {
		b.makeRoom(n)
	}
	b.hi += n
	return b.segments[b.hi-n : b.hi]
}

// makeRoom frees n places behind the last segment: in the array, where a
// quarter of it is free then, or it is so short that moving costs nothing; else
// in one that is twice as long, or more.
func (b *body) makeRoom(n int) {
	have, places := b.hi-b.lo, len(b.segments)
	to := b.segments
	if have+n > places || places > 2*inlineSegments && have+n > places*3/4 {
		to = make([]segment, max(2*places, 1<<bits.Len(uint(have+n-1))))
	}
	copy(to, b.segments[b.lo:b.hi])
	if &to[0] == &b.segments[0] {
		clear(b.segments[max(have, b.lo):b.hi])
	} else {
		clear(b.segments)
	}
	b.segments, b.lo, b.hi = to, 0, have
}

// pushAll adds segments with their references, which it does not touch.
func (b *body) pushAll(all []segment) {
	copy(b.places(len(all)), all)
	for i := range all {
		b.size += all[i].len()
	}
}

// shift takes the first segment out and drops its reference. The list is
// whole again before anything can happen to the memory.
func (b *body) shift() {
	m := b.segments[b.lo].m
	b.forget()
	drop(m)
}

// forget takes the first segment out and leaves its reference to the caller.
func (b *body) forget() {
	s := &b.segments[b.lo]
	b.size -= s.len()
	*s = segment{}
	b.lo++
	if b.lo == b.hi {
		b.lo, b.hi = 0, 0
	}
}

// Len returns the number of bytes in the list. On a released list it panics
// with *MisuseError.
func (l *List) Len() int { return l.must("len").size }

// Segments returns the number of contiguous parts, none of which is empty. On
// a released list it panics with *MisuseError.
func (l *List) Segments() int {
	b := l.must("segments")
	return b.hi - b.lo
}

// Borrowed reports whether any of the bytes came from Describe: nobody but the
// caller keeps them alive. On a released list it panics with *MisuseError.
func (l *List) Borrowed() bool {
	b := l.must("borrowed")
	for i := b.lo; i < b.hi; i++ {
		if b.segments[i].borrowed() {
			return true
		}
	}
	return false
}

// All yields the contiguous parts in order. They may be used until the list is
// released; the list must not be changed meanwhile. On a released list the
// sequence panics with *MisuseError.
func (l *List) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := 0; ; i++ {
			b := l.must("all")
			if i >= b.hi-b.lo || !yield(b.segments[b.lo+i].bytes()) {
				return
			}
		}
	}
}

// Release ends the list and drops all its references. The *List must not be
// used any more: operations return an error that wraps object.ErrDeleted, or
// panic with *MisuseError where they return none, and so does a second
// Release. That is certain until 4096 other lists have been released; then
// the *List may be another list's. It is IoFreeMdl for the whole chain.
func (l *List) Release() {
	if l == nil || l.b == nil {
		panic(&MisuseError{Op: "release", Kind: slab.DoubleFree, List: "scatter list"})
	}
	b := l.b
	b.kernel.mustEnd()
	l.b = nil
	b.end()
	handles.Put(l)
}

// end drops all references and gives the body back.
func (b *body) end() {
	b.kernel.end()
	b.source = nil
	for i := b.lo; i < b.hi; i++ {
		drop(b.segments[i].m)
	}
	clear(b.segments[b.lo:b.hi])
	b.lo, b.hi, b.size = 0, 0, 0
	if len(b.segments) > maxKept {
		b.segments = b.inline[:]
	}
	bodies.Put(b)
}
