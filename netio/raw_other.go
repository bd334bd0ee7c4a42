//go:build !linux

package netio

import (
	"errors"
	"syscall"
)

// hasVectors tells whether this platform's scattered reads and writes are
// known here.
const hasVectors = false

// rawVector has nothing here: connections read and write themselves.
type rawVector struct{}

func (v *vector) init() {}

func (w *rawVector) unload() {}

func (v *vector) writeRaw(syscall.RawConn) error { return errors.ErrUnsupported }
func (v *vector) readRaw(syscall.RawConn) error  { return errors.ErrUnsupported }

func (v *vector) tryWriteRaw(syscall.RawConn) (over bool, err error) {
	return true, errors.ErrUnsupported
}

func (v *vector) tryReadRaw(syscall.RawConn) (over bool, err error) {
	return true, errors.ErrUnsupported
}

func checkRaw(syscall.RawConn) error { return nil }
