package ioreq

import (
	"iter"

	"offheap.example/lookaside/mdl"
)

// asked returns what the holder of this handle sees as the request: what it was
// formatted with, or, for the owner of a received request, what arrived.
func (b *body) asked(r *Request) *format {
	if b.received && b.view != r {
		return &b.arrival.f
	}
	return &b.f
}

// Op returns what the request asks for: for a target and for the owner of an
// own request, what it was formatted with; for the owner of a received request,
// what arrived. 0 when there is nothing.
func (r *Request) Op() Op {
	b, err := r.lock()
	if err != nil {
		return 0
	}
	defer b.mu.Unlock()
	return b.asked(r).op
}

// Len returns how many bytes the request asks for.
func (r *Request) Len() int {
	b, err := r.lock()
	if err != nil {
		return 0
	}
	defer b.mu.Unlock()
	return b.asked(r).size
}

// Parts returns in how many contiguous parts the bytes are. Empty ones do not
// count.
func (r *Request) Parts() int {
	b, err := r.lock()
	if err != nil {
		return 0
	}
	defer b.mu.Unlock()
	return b.asked(r).count()
}

// Bytes returns the bytes of the request when they are contiguous, and false
// when they are not or the request is gone. They are borrowed until it is
// completed.
func (r *Request) Bytes() ([]byte, bool) {
	b, err := r.lock()
	if err != nil {
		return nil, false
	}
	defer b.mu.Unlock()
	f := b.asked(r)
	switch {
	case f.many == nil:
		return f.one.bytes, true
	case len(f.many.parts) == 1:
		return f.many.parts[0].bytes, true
	}
	return nil, len(f.many.parts) == 0
}

// Segments yields the contiguous parts of the request's bytes, in order, empty
// ones left out. They are borrowed until the request is completed, which must
// not happen while the sequence is being read.
func (r *Request) Segments() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := 0; ; i++ {
			p := r.segment(i)
			if p == nil || !yield(p) {
				return
			}
		}
	}
}

// segment returns part i, nil behind the last one.
func (r *Request) segment(i int) []byte {
	b, err := r.lock()
	if err != nil {
		return nil
	}
	defer b.mu.Unlock()
	f := b.asked(r)
	switch {
	case i >= f.count():
		return nil
	case f.many == nil:
		return f.one.bytes
	}
	return f.many.parts[i].bytes
}

// AppendSegments appends the contiguous parts behind the first off bytes to
// dst: what is left after off bytes were transferred.
func (r *Request) AppendSegments(dst [][]byte, off int) [][]byte {
	b, err := r.lock()
	if err != nil {
		return dst
	}
	defer b.mu.Unlock()
	f := b.asked(r)
	for i := range f.count() {
		p := f.part(i)
		if off >= len(p) {
			off -= len(p)
			continue
		}
		dst = append(dst, p[off:])
		off = 0
	}
	return dst
}

// iovMax is the most entries that one readv or writev takes: IOV_MAX.
const iovMax = 1024

// AppendIovecs is AppendSegments for a system call: it appends at most 1024
// (IOV_MAX) entries. With room in dst it allocates nothing.
func (r *Request) AppendIovecs(dst []mdl.Iovec, off int) []mdl.Iovec {
	b, err := r.lock()
	if err != nil {
		return dst
	}
	defer b.mu.Unlock()
	f := b.asked(r)
	room := iovMax
	for i := 0; i < f.count() && room > 0; i++ {
		p := f.part(i)
		if off >= len(p) {
			off -= len(p)
			continue
		}
		p = p[off:]
		off = 0
		v := mdl.Iovec{Base: &p[0]}
		v.SetLen(len(p))
		dst = append(dst, v)
		room--
	}
	return dst
}

func (f *format) part(i int) []byte {
	if f.many == nil {
		return f.one.bytes
	}
	return f.many.parts[i].bytes
}

// SetTargetData keeps something for the target that has the request, until it
// completes. A pointer costs no allocation.
func (r *Request) SetTargetData(v any) {
	if b, err := r.lock(); err == nil {
		b.data = v
		b.mu.Unlock()
	}
}

// TargetData returns what SetTargetData was given in this flight, nil for
// nothing.
func (r *Request) TargetData() any {
	b, err := r.lock()
	if err != nil {
		return nil
	}
	defer b.mu.Unlock()
	return b.data
}
