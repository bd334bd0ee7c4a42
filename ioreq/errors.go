package ioreq

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// Sentinels for errors.Is.
var (
	// ErrDeleted is returned for requests that are deleted or gone. It is
	// object.ErrDeleted.
	ErrDeleted = object.ErrDeleted
	// ErrInvalid is returned for arguments that make no sense. It is
	// object.ErrInvalid.
	ErrInvalid = object.ErrInvalid
	// ErrSpan is returned for a span that does not lie in the memory: the
	// STATUS_INTEGER_OVERFLOW of a bad WDFMEMORY_OFFSET. It wraps ErrInvalid.
	ErrSpan = fmt.Errorf("span exceeds the memory: %w", ErrInvalid)
	// ErrSent is returned while the request is with its target.
	ErrSent = errors.New("request is with its target")
	// ErrBusy is returned while another call is formatting the request.
	ErrBusy = errors.New("request is being formatted")
	// ErrNotSent is returned when something is completed that no target has.
	ErrNotSent = errors.New("request is not with a target")
	// ErrNotFormatted is returned by Send: STATUS_REQUEST_NOT_ACCEPTED.
	ErrNotFormatted = errors.New("request is not formatted")
	// ErrNotReused is returned by Send for a request that has completed and
	// was not made ready by Reuse.
	ErrNotReused = errors.New("request has completed and was not reused")
	// ErrNoRoutine is returned by Send for a received request without a
	// completion routine: STATUS_INVALID_DEVICE_REQUEST.
	ErrNoRoutine = errors.New("received request has no completion routine")
	// ErrBorrowed is returned by Send for memory that nobody keeps alive.
	ErrBorrowed = errors.New("asynchronous request with borrowed memory")
	// ErrClosed is returned for a target that is closed:
	// STATUS_INVALID_DEVICE_STATE.
	ErrClosed = errors.New("target is closed")
	// ErrDirection is returned for the input of a read and the output of a
	// write: STATUS_INVALID_DEVICE_REQUEST.
	ErrDirection = errors.New("request has no memory of this direction")
	// ErrScattered is returned where contiguous memory is wanted and the
	// request has several parts.
	ErrScattered = errors.New("memory of the request is not contiguous")
	// ErrReceived is returned by Delete for a received request, which ends by
	// Complete.
	ErrReceived = errors.New("request was received: complete it")
	// ErrNotReceived is returned where only a received request will do.
	ErrNotReceived = errors.New("request was not received")
	// ErrCompleted is returned for a received request that was completed. It
	// wraps ErrDeleted.
	ErrCompleted = fmt.Errorf("request was completed: %w", ErrDeleted)

	// ErrCanceled is the result of a request that was cancelled:
	// STATUS_CANCELLED. It wraps context.Canceled.
	ErrCanceled = fmt.Errorf("request was cancelled: %w", context.Canceled)
	// ErrTimeout is the result of a request whose time was up:
	// STATUS_IO_TIMEOUT. It wraps os.ErrDeadlineExceeded and
	// context.DeadlineExceeded, and is a net.Error whose Timeout is true.
	ErrTimeout error = timeoutError{}
)

// timeoutError is the type of ErrTimeout.
type timeoutError struct{}

func (timeoutError) Error() string   { return "request timed out" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }
func (timeoutError) Unwrap() []error {
	return []error{os.ErrDeadlineExceeded, context.DeadlineExceeded}
}

// Holder is somebody who holds references on a request's memory.
type Holder struct {
	Kind  string // what it is: "request", "list", "reference"
	ID    uint64 // which one, 0 where that is not known
	Name  string // what it does: "read", "write"
	Count int    // how many references
	Where string // the file and line that took them, if known
}

// where says which line a stack begins with.
func where(pcs []uintptr) string {
	if len(pcs) == 0 {
		return ""
	}
	at, _ := runtime.CallersFrames(pcs).Next()
	return fmt.Sprintf("%s:%d", filepath.Base(at.File), at.Line)
}

// String tells kind, number, name, count and place: "request 17 (read) × 1",
// "reference × 2 at server.go:88".
func (h Holder) String() string {
	var b strings.Builder
	b.WriteString(h.Kind)
	if h.ID != 0 {
		fmt.Fprintf(&b, " %d", h.ID)
	}
	if h.Name != "" {
		fmt.Fprintf(&b, " (%s)", h.Name)
	}
	fmt.Fprintf(&b, " × %d", h.Count)
	if h.Where != "" {
		fmt.Fprintf(&b, " at %s", h.Where)
	}
	return b.String()
}

// MisuseError is returned by Complete when somebody still holds references on
// the memory of a received request, which is about to go back to where it came
// from. Nothing has changed; once they have let go, Complete works. It is what
// bugcheck 0x10D with parameter 3 is in Windows. errors.As also finds it as a
// *slab.MisuseError.
type MisuseError struct {
	Op      string   // the operation: "complete"
	Request uint64   // the number of the request
	Refs    int      // references that others hold on its memory
	Holders []Holder // who
}

// Error tells request, count and holders in one line.
func (e *MisuseError) Error() string {
	return fmt.Sprintf("memory of request %d has %d references: %s", e.Request, e.Refs, e.holders())
}

func (e *MisuseError) holders() string {
	names := make([]string, len(e.Holders))
	for i, h := range e.Holders {
		names[i] = h.String()
	}
	return strings.Join(names, ", ")
}

// As lets errors.As find a *slab.MisuseError.
func (e *MisuseError) As(target any) bool {
	m, ok := target.(**slab.MisuseError)
	if ok {
		*m = &slab.MisuseError{
			Op:   e.Op,
			Kind: slab.UseAfterFree,
			List: fmt.Sprintf("memory of request %d, held by %s", e.Request, e.holders()),
		}
	}
	return ok
}
