//go:build !windows

package netio

import (
	"errors"
	"syscall"
)

// wasReset tells whether an error says that the peer has reset the connection.
func wasReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNABORTED)
}
