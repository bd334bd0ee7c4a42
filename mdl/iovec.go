package mdl

import "fmt"

// iovMax is the most entries that one readv or writev takes: IOV_MAX.
const iovMax = 1024

// Iovecs appends an entry for each of the list's parts to dst, from the
// list's start and at most 1024 (IOV_MAX), and returns it: with room in dst
// it allocates nothing. The entries may be used until the list is released;
// they keep nothing alive themselves. For what did not fit, or what a short
// read or write left, Advance and ask again. On a released list it panics with
// *MisuseError.
func (l *List) Iovecs(dst []Iovec) []Iovec {
	b := l.must("iovecs")
	c := cursor{b: b, i: b.lo}
	return c.iovecs(dst)
}

// iovecs appends entries for what is left from the position on.
func (c *cursor) iovecs(dst []Iovec) []Iovec {
	within := c.within
	for i := c.i; i < min(c.b.hi, c.i+iovMax); i, within = i+1, 0 {
		p := c.b.segments[i].bytes()[within:]
		v := Iovec{Base: &p[0]}
		v.SetLen(len(p))
		dst = append(dst, v)
	}
	return dst
}

// errTooManyParts says that a message has more parts than the kernel takes at
// once; it could only be sent as several.
func errTooManyParts(n int) error {
	return fmt.Errorf("%d parts: a message has at most %d: %w", n, iovMax, ErrInvalid)
}
