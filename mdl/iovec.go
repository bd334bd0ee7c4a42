package mdl

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
	for i := b.lo; i < min(b.hi, b.lo+iovMax); i++ {
		p := b.segments[i].bytes()
		v := Iovec{Base: &p[0]}
		v.SetLen(len(p))
		dst = append(dst, v)
	}
	return dst
}
