package ioreq

import (
	"fmt"

	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// Op is what a request asks for.
type Op uint8

// The operations. A Read fills the request's memory, a Write sends it.
const (
	_ Op = iota
	Read
	Write
)

// String names the operation in lower case.
func (op Op) String() string {
	switch op {
	case Read:
		return "read"
	case Write:
		return "write"
	}
	return fmt.Sprintf("op(%d)", uint8(op))
}

// Result is how a request ended: N bytes were transferred, and Err is nil when
// that is all there is to say. After an error N bytes may have been transferred
// nevertheless.
type Result struct {
	N   int
	Err error
}

// Span is a part of a memory object, in bytes. {0, 0} is all of it, {off, 0} is
// the rest from off on, and {size, 0} for memory of that size is no bytes at
// all. It is WDFMEMORY_OFFSET.
type Span struct{ Off, Len int }

// length returns how many bytes the span has of memory of the given size, and
// false when it does not lie in it.
func (s Span) length(size int) (int, bool) {
	switch {
	case s.Off < 0 || s.Len < 0 || s.Off > size || s.Len > size-s.Off:
		return 0, false
	case s.Len == 0:
		return size - s.Off, true
	}
	return s.Len, true
}

// Descriptor says where bytes are, in one of three forms. The zero Descriptor
// is none of them. It is WDF_MEMORY_DESCRIPTOR.
type Descriptor struct {
	form form
	buf  []byte
	m    memory.Object
	span Span
	list *mdl.List
}

type form uint8

const (
	_ form = iota
	formBuffer
	formMemory
	formScatter
)

// Buffer describes bytes that nobody manages: the caller keeps them alive and
// unused elsewhere until the request is over.
func Buffer(b []byte) Descriptor { return Descriptor{form: formBuffer, buf: b} }

// Memory describes a part of a memory object. The request takes a reference on
// it, so the caller may delete it at any time.
func Memory(m memory.Object, s Span) Descriptor {
	return Descriptor{form: formMemory, m: m, span: s}
}

// Scatter describes the bytes of a list. The request takes no reference: the
// caller keeps the list unchanged until the request is over.
func Scatter(l *mdl.List) Descriptor { return Descriptor{form: formScatter, list: l} }
