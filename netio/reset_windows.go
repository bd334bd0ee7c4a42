package netio

import (
	"errors"
	"syscall"
)

// What Windows calls the peer's reset, and the end that follows from it.
const (
	wsaConnAborted = syscall.Errno(10053)
	wsaConnReset   = syscall.Errno(10054)
)

// wasReset tells whether an error says that the peer has reset the connection.
func wasReset(err error) bool {
	return errors.Is(err, wsaConnReset) || errors.Is(err, wsaConnAborted)
}
