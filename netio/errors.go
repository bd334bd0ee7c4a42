package netio

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"offheap.example/lookaside/ioreq"
)

// Sentinels for errors.Is.
var (
	// ErrClosed is returned for a Stream that is closed, by Format, by Send and
	// as the result of the requests that it had. It is ioreq.ErrClosed; results
	// wrap net.ErrClosed, too.
	ErrClosed = ioreq.ErrClosed
	// ErrReset is the result of a request whose connection the peer has reset:
	// ECONNRESET and ECONNABORTED, WSAECONNRESET and WSAECONNABORTED.
	ErrReset = errors.New("connection reset by peer")
	// ErrPeerClosed is the result of a write that nobody will read: EPIPE.
	ErrPeerClosed = errors.New("peer reads no more")
	// ErrNotStream is returned by NewStream for a connection that keeps the
	// bounds of messages. It wraps ErrInvalid.
	ErrNotStream = fmt.Errorf("connection is not a stream: %w", ErrInvalid)
	// ErrInvalid is returned for arguments that make no sense. It is
	// ioreq.ErrInvalid.
	ErrInvalid = ioreq.ErrInvalid
)

// Error is the result of a request that did not do all it was asked. Of the
// Len bytes N were transferred, and Err says why no more: one of ErrClosed,
// ErrReset, ErrPeerClosed, ioreq.ErrCanceled, ioreq.ErrTimeout,
// io.ErrUnexpectedEOF, or what the connection said where it is none of these.
// Cause is what the connection said, nil where it was not asked.
type Error struct {
	Op     ioreq.Op
	N, Len int
	Err    error
	Cause  error
}

// Error tells the operation, both numbers and the reason in one line.
func (e *Error) Error() string {
	return fmt.Sprintf("netio: %v: %d of %d bytes: %v", e.Op, e.N, e.Len, e.Err)
}

// Unwrap returns Err and Cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil || e.Cause == e.Err {
		return []error{e.Err}
	}
	return []error{e.Err, e.Cause}
}

// Timeout reports whether a deadline has passed. With Temporary it makes an
// Error a net.Error.
func (e *Error) Timeout() bool { return errors.Is(e.Err, os.ErrDeadlineExceeded) }

// Temporary is Timeout: nothing else is worth a second try.
func (e *Error) Temporary() bool { return e.Timeout() }

// errStopped ends a transfer that is to be given up between two system calls.
var errStopped = errors.New("stopped")

// reason says in this package's words why a transfer ended.
func reason(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ioreq.ErrTimeout
	case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrClosed):
		return ErrClosed
	case wasReset(err):
		return ErrReset
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return ErrPeerClosed
	}
	if e := net.Error(nil); errors.As(err, &e) && e.Timeout() { // strangers have no other word for it
		return ioreq.ErrTimeout
	}
	return err
}
