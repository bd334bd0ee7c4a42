//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris

package mdl

import "golang.org/x/sys/unix"

// Iovec is unix.Iovec: one entry of a readv or writev.
type Iovec = unix.Iovec
