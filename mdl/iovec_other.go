//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris)

package mdl

// Iovec is one entry of a scattered read or write. This platform has no
// system call that takes it.
type Iovec struct {
	Base *byte
	Len  uint64
}

// SetLen sets the number of bytes.
func (v *Iovec) SetLen(n int) { v.Len = uint64(n) }
