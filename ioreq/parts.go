package ioreq

import (
	"fmt"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// ref and unref are how requests hold memory.
func ref(m memory.Object, by objtab.Holder) error { return object.RefAs(m.Object, by) }
func unref(m memory.Object, by objtab.Holder)     { object.UnrefAs(m.Object, by) }

// part is contiguous memory of a request.
type part struct {
	bytes []byte
	m     memory.Object // on which we hold a reference; the zero handle when we hold none
}

// format is what a request is formatted with.
type format struct {
	target   Target
	op       Op
	size     int
	borrowed bool // some of the bytes are kept alive by nobody
	by       objtab.Holder
	one      part      // when many is nil
	many     *partList // what a list had when the request was formatted
}

// partList is the parts of a list. It is used again, with its room.
type partList struct {
	parts []part
	seen  map[memory.Object]struct{}
}

var partLists objtab.Cache[partList]

// drop gives up all references. Callbacks may run: no lock is held.
func (f *format) drop() {
	if f.one.m != (memory.Object{}) {
		unref(f.one.m, f.by)
	}
	if l := f.many; l != nil {
		for i := range l.parts {
			if m := l.parts[i].m; m != (memory.Object{}) {
				unref(m, f.by)
			}
		}
		l.free()
	}
	*f = format{}
}

func (l *partList) free() {
	clear(l.parts)
	clear(l.seen)
	l.parts = l.parts[:0]
	partLists.Put(l)
}

// holding returns the part under which there is a reference on m, nil if none is
// or m is the zero handle.
func (f *format) holding(m memory.Object) *part {
	switch {
	case m == (memory.Object{}):
		return nil
	case f.one.m == m:
		return &f.one
	case f.many == nil:
		return nil
	}
	for i := range f.many.parts {
		if p := &f.many.parts[i]; p.m == m {
			return p
		}
	}
	return nil
}

// count returns the number of parts that have bytes.
func (f *format) count() int {
	switch {
	case f.many != nil:
		return len(f.many.parts)
	case len(f.one.bytes) > 0:
		return 1
	}
	return 0
}

// memory fills f with a span of m and takes a reference. When it fails and says
// so, a reference is to be dropped that it could not do without.
func (f *format) memory(m memory.Object, s Span) (undo bool, err error) {
	b, readOnly, err := memory.HoldAs(m, f.by)
	if err != nil {
		return false, err
	}
	n, ok := s.length(len(b))
	switch {
	case !ok:
		return true, &memory.BoundsError{Op: "span", Off: s.Off, Len: s.Len, Cap: len(b), Err: ErrSpan}
	case f.op == Read && readOnly:
		return true, fmt.Errorf("read into it: %w", memory.ErrReadOnly)
	}
	f.one = part{b[s.Off : s.Off+n : s.Off+n], m}
	f.size = n
	return false, nil
}

// manyParts is from how many parts on a map finds the objects seen before.
const manyParts = 16

// list fills f with the parts of l and takes one reference on each memory
// object in it, if hold says so. When it fails the caller drops f.
func (f *format) list(l *mdl.List, hold bool) (err error) {
	f.many = partLists.Get()
	for m, b := range l.Parts() {
		if m == (memory.Object{}) {
			f.borrowed = true
		} else if f.op == Read && m.IsReadOnly() {
			return fmt.Errorf("read into part %d of the list: %w", f.count(), memory.ErrReadOnly)
		}
		held := memory.Object{}
		if hold && m != held && !f.many.has(m) {
			if err := ref(m, f.by); err != nil {
				return fmt.Errorf("part %d of the list: %w", f.count(), err)
			}
			held = m
		}
		f.many.add(m, part{b, held})
		f.size += len(b)
	}
	return nil
}

// has reports whether the list holds a reference on m already.
func (l *partList) has(m memory.Object) bool {
	if len(l.parts) > manyParts {
		_, ok := l.seen[m]
		return ok
	}
	for i := range l.parts {
		if l.parts[i].m == m {
			return true
		}
	}
	return false
}

func (l *partList) add(m memory.Object, p part) {
	l.parts = append(l.parts, p)
	switch n := len(l.parts); {
	case n < manyParts:
		return
	case n == manyParts:
		if l.seen == nil {
			l.seen = make(map[memory.Object]struct{})
		}
		for i := range l.parts {
			l.seen[l.parts[i].m] = struct{}{}
		}
	default:
		l.seen[m] = struct{}{}
	}
}

// listed reports whether l is a list that is not released.
func listed(l *mdl.List) error {
	if l == nil {
		return fmt.Errorf("no list: %w", ErrInvalid)
	}
	if l.Released() {
		return fmt.Errorf("list is released: %w", object.ErrDeleted)
	}
	return nil
}
