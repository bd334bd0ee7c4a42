package ioreq

import (
	"fmt"
	"time"
)

// Cancel asks for the request to be given up. It has two answers. Cancel
// itself reports whether the target took it up; CancelRequested, whether the
// cancel bit is set.
//
//	when                            bit   Cancel   then
//	not sent yet                    set   false    Send fails with ErrCanceled
//	with its target                 set   target   the routine is called, with ErrCanceled if the target gave it up
//	while Submit is under way       set   false    the target is told when Submit has returned
//	completed, also by this target  as is false    nothing
//
// It may be called at any time, by anybody who has the *Request, also when it
// is deleted and still with its target. A request that is gone gives false. It
// is WdfRequestCancelSentRequest.
func (r *Request) Cancel() bool {
	b, err := r.lock()
	if err != nil {
		return false
	}
	if b.view == r { // the target's own
		b.mu.Unlock()
		return false
	}
	return b.cancel()
}

// cancel sets the bit and tells the target. b.mu is held, and is not when it
// returns.
func (b *body) cancel() bool {
	switch b.state {
	case Created, Formatted, Reused:
		b.canceled = !b.deleted
	case Sent:
		if b.pending {
			break
		}
		b.canceled = true
		if b.submitting {
			break
		}
		return b.tell()
	}
	b.mu.Unlock()
	return false
}

// tell tells the target that the request was cancelled. b.mu is held, and is not
// when it returns.
func (b *body) tell() bool {
	t, v, obj := b.f.target, b.view, b.obj
	if v == nil {
		v = b.handle
	}
	err := obj.Ref() // or the *Request could be another's while the target looks at it
	b.mu.Unlock()
	if err != nil {
		return false
	}
	defer obj.Unref()
	return t.Cancel(v)
}

// CancelRequested reports whether the cancel bit is set: Cancel was called, or
// the time was up, before the request completed. Reuse clears it.
func (r *Request) CancelRequested() bool {
	b, err := r.lock()
	if err != nil {
		return false
	}
	defer b.mu.Unlock()
	return b.canceled
}

// SetTimeout gives the request d from the next Send on: when that is up it is
// cancelled, and a completion that says so carries ErrTimeout. 0 means no
// limit. Reuse forgets it. It returns errors that wrap ErrInvalid for a negative
// d, ErrSent, and ErrDeleted.
func (r *Request) SetTimeout(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("ioreq: set timeout: %v: must not be negative: %w", d, ErrInvalid)
	}
	b, err := r.formatable()
	if err != nil {
		return fmt.Errorf("ioreq: set timeout: %w", err)
	}
	b.timeout, b.deadline = d, time.Time{}
	b.mu.Unlock()
	return nil
}

// SetDeadline is SetTimeout with a point in time; the zero time means no limit.
// A request that is sent after its deadline is submitted and cancelled at once.
func (r *Request) SetDeadline(t time.Time) error {
	b, err := r.formatable()
	if err != nil {
		return fmt.Errorf("ioreq: set deadline: %w", err)
	}
	b.timeout, b.deadline = 0, t
	b.mu.Unlock()
	return nil
}

// Deadline returns when the time of a request that was sent, or is to be sent,
// is up, and false when it has no limit. A timeout counts from Send on.
func (r *Request) Deadline() (time.Time, bool) {
	b, err := r.lock()
	if err != nil {
		return time.Time{}, false
	}
	defer b.mu.Unlock()
	return b.deadline, !b.deadline.IsZero()
}

// arm starts the clock of a flight. b.mu is held.
func (b *body) arm() {
	if b.timeout > 0 {
		b.deadline = time.Now().Add(b.timeout)
	}
	if b.deadline.IsZero() || b.wait != nil && b.wait.ch != nil { // a context watches the clock itself
		return
	}
	d := time.Until(b.deadline)
	if b.timer == nil {
		b.timer = time.AfterFunc(d, b.expire)
		return
	}
	b.timer.Reset(d)
}

// disarm stops it. b.mu is held.
func (b *body) disarm() {
	if b.timer != nil {
		b.timer.Stop()
	}
	if b.timeout > 0 {
		b.deadline = time.Time{}
	}
}

// timeUp is called by the timer. It may come late, when the flight that it was
// set for is over, and early, when somebody has set the clock back: the deadline
// tells.
func (b *body) timeUp() {
	b.mu.Lock()
	if b.state != Sent || b.pending || b.deadline.IsZero() {
		b.mu.Unlock()
		return
	}
	if d := time.Until(b.deadline); d > 0 {
		b.timer.Reset(d)
		b.mu.Unlock()
		return
	}
	b.timedOut = true
	_ = b.cancel()
}
