//go:build !linux

package mdl

import (
	"errors"
	"syscall"
)

// hasRawConn tells whether this platform's system calls are known here.
const hasRawConn = false

// vectors is nothing here: readers and writers are used part by part.
type vectors struct{}

func (b *body) writeRaw(syscall.RawConn) (int64, error) { return 0, errors.ErrUnsupported }

func (b *body) readRaw(syscall.RawConn, bool) (n int64, cut bool, err error) {
	return 0, false, errors.ErrUnsupported
}
