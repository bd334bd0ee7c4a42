package mdl

import (
	"fmt"

	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/memory"
)

// received is the memory of one list. It owns the list's memory object.
type received struct {
	r     *Receiver
	id    uint64
	has   Limits
	place addresses
}

// make maps the references and makes a list of them. With an error nothing is
// left.
func (w *received) make(m *message, f sharedFile) (*List, error) {
	extents, places, size, ok := m.layout()
	if !ok {
		return nil, fmt.Errorf("%d bytes in %d references: more than there are addresses", m.size, len(m.refs))
	}
	w.has.Bytes = int64(size)
	if err := w.r.admit(w.has); err != nil {
		return nil, err
	}
	buf, err := w.mapAll(extents, size, f, m.access)
	var o memory.Object
	if err == nil {
		o, err = memory.Owned(buf, w)
	}
	if err != nil {
		w.unmap()
		w.r.dismiss(w.has)
		return nil, err
	}
	l := New()
	flags := segmentFlags(0)
	if m.access == ReadOnly {
		flags = readOnly
	}
	for _, p := range places {
		_ = o.Ref() // a new object has room for millions, and nobody else to delete it
		l.b.add(o, buf[p.at:p.at+p.n], flags)
	}
	_ = o.Delete()
	return l, nil
}

// mapAll maps the extents into a range of their own.
func (w *received) mapAll(extents []extent, size int, f sharedFile, prot Prot) ([]byte, error) {
	var err error
	if w.place, err = ranges.take(size / sys.PageSize()); err != nil {
		return nil, err
	}
	for _, x := range extents {
		if err := w.place.mapAt(x.at, x.long, f.fd, int64(x.off), prot); err != nil {
			return nil, err
		}
	}
	ranges.mapped(size)
	w.place.live = true
	return w.place.bytes(0, size), nil
}

func (w *received) unmap() {
	if w.place != (addresses{}) {
		_ = ranges.put(w.place, int(w.has.Bytes)) // what the kernel does not take back stays mapped, and counted
	}
}

// TakeBack is for package memory: the last reference on the list's bytes is
// gone.
func (w *received) TakeBack([]byte) {
	w.unmap()
	w.r.dismiss(w.has)
	w.r.done(w.id)
}
