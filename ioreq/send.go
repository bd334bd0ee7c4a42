package ioreq

import "fmt"

// Send hands the request to its target. When it returns nil the completion
// routine is called exactly once, perhaps before Send returns; when it returns
// an error the routine is not called, and everything is as it was before.
//
// What is checked, in this order: the request exists (ErrDeleted), it is not
// with a target (ErrSent), it was reused since it completed (ErrNotReused), it
// is formatted (ErrNotFormatted), a received one has a completion routine
// (ErrNoRoutine), its bytes are not borrowed (ErrBorrowed), it was not
// cancelled (ErrCanceled). Then the target is asked, which may have its own
// reasons; one that is closed returns ErrClosed.
//
// Bytes of memory.Wrap are not counted as borrowed: the object is held, and it
// is for the caller to keep the bytes alive for as long as somebody holds it.
//
// From here until the completion routine has returned there is a reference on
// the request, and one more request in flight at a target that is Gated. It is
// WdfRequestSend.
func (r *Request) Send() error {
	b, err := r.own()
	if err == nil {
		if err = b.sendable(); err != nil {
			b.mu.Unlock()
		}
	}
	if err == nil {
		err = r.launch(b)
	}
	if err != nil {
		return fmt.Errorf("ioreq: send: %w", err)
	}
	return nil
}

// sendable says why the request cannot be sent. b.mu is held.
func (b *body) sendable() error {
	switch b.state {
	case Sent:
		return ErrSent
	case Completed, Reformatted:
		return ErrNotReused
	case Formatted:
	default:
		return ErrNotFormatted
	}
	switch {
	case b.busy:
		return ErrBusy
	case b.received && b.done == nil:
		return ErrNoRoutine
	case b.f.borrowed && b.wait == nil:
		return ErrBorrowed
	case b.canceled:
		return ErrCanceled
	}
	return nil
}

// launch gives the request to its target. b.mu is held, and is not when it
// returns.
func (r *Request) launch(b *body) error {
	// Step 1: a reference for the flight, and the clock.
	t, obj := b.f.target, b.obj
	if err := obj.Ref(); err != nil {
		b.mu.Unlock()
		return ErrDeleted
	}
	b.state, b.submitting = Sent, true
	b.round++
	id, round := b.id, b.round
	v := b.show(r)
	b.arm()
	b.mu.Unlock()

	// Step 2: the target.
	gated, _ := t.(Gated)
	entered := false
	var err error
	if gated != nil {
		err = gated.Enter()
		entered = err == nil
	}
	if err == nil {
		err = t.Submit(v)
	}

	// Step 3: the flight may have ended meanwhile, another may have begun, and the request may be gone. A target that
	// completed the request has accepted it, whatever it says now.
	b, lost := r.lock()
	if lost != nil {
		return nil
	}
	if b.id != id || b.round != round || b.state != Sent || b.pending {
		b.mu.Unlock()
		return nil
	}
	b.submitting = false
	switch {
	case err != nil:
		b.takeBack()
		if entered {
			gated.Leave()
		}
		obj.Unref()
		return err
	case b.canceled: // while the target was taking it: now it can be told
		b.tell()
	default:
		b.mu.Unlock()
	}
	return nil
}

// takeBack makes the request the owner's again when its target did not want
// it. b.mu is held, and is not when it returns.
func (b *body) takeBack() {
	b.disarm()
	b.sent, b.data = false, nil
	b.state = Formatted
	b.hide()
	var old format
	var reply reply
	if b.deleted {
		old, reply = b.dispose()
	}
	b.mu.Unlock()
	old.drop()
	reply.send()
}

// Sent is for targets that accept the bytes before they are done with the
// memory: n bytes are accepted, and whoever wrote them may go on. Complete
// follows when the memory is free again; when that is while the function set by
// OnSent still runs, the completion routine is called after it, by Sent. It
// returns errors that wrap ErrNotSent (or ErrDeleted) when the request is not
// with the target or was completed, and ErrInvalid for a second Sent and for n
// out of range.
func (r *Request) Sent(n int) error {
	b, err := r.flight()
	if err != nil {
		return fmt.Errorf("ioreq: sent: %w", err)
	}
	switch {
	case b.sent:
		err = fmt.Errorf("ioreq: sent: a second time: %w", ErrInvalid)
	case n < 0 || n > b.f.size:
		err = fmt.Errorf("ioreq: sent: %d of %d bytes: %w", n, b.f.size, ErrInvalid)
	}
	if err != nil {
		b.mu.Unlock()
		return err
	}
	b.sent = true
	if b.onSent == nil {
		b.mu.Unlock()
		return nil
	}
	b.callOnSent(n)
	if b.pending {
		b.land()
	} else {
		b.mu.Unlock()
	}
	return nil
}

// callOnSent calls what OnSent set. b.mu is held, but not during the call; the
// flight does not land meanwhile.
func (b *body) callOnSent(n int) {
	f, h := b.onSent, b.handle
	b.onSent, b.sending = nil, true
	b.mu.Unlock()
	f(h, n)
	b.mu.Lock()
	b.sending = false
}

// flight is lock for the target that has the request.
func (r *Request) flight() (*body, error) {
	b, err := r.lock()
	if err != nil {
		return nil, err
	}
	if err := b.flying(); err != nil {
		b.mu.Unlock()
		return nil, err
	}
	if b.received && b.view != r {
		b.mu.Unlock()
		return nil, ErrNotSent
	}
	return b, nil
}

// flying says why there is no flight to be ended. b.mu is held.
func (b *body) flying() error {
	switch {
	case b.state == Sent && !b.pending:
		return nil
	case b.deleted && b.state != Sent:
		return ErrDeleted
	}
	return ErrNotSent
}

// Complete ends a request. For whoever has it there is one meaning:
//
// A target completes what was submitted to it, with the result. The memory may
// be gone when Complete returns. It returns errors that wrap ErrNotSent (or
// ErrDeleted) when the request is not with the target, or was completed before,
// and ErrInvalid when N is negative, or larger than Len without an error; the
// request is still with the target then.
//
// The owner of a received request answers it: what a format holds is dropped,
// the embedded memory is taken back, the request is deleted, children and
// callbacks included, and Notify's function gets the result. It returns a
// *MisuseError that names the holders when somebody else has references on the
// embedded memory, errors that wrap ErrSent while a target has the request,
// ErrCompleted (or ErrDeleted) when it was completed before, and ErrInvalid for
// N out of range; nothing has changed then. It is WdfRequestComplete.
//
// Our own requests are completed by their targets alone; for them Complete
// returns ErrNotSent at any other time.
func (r *Request) Complete(res Result) error {
	b, err := r.lock()
	if err == nil && b.received && b.view != r {
		err = b.answer(res)
	} else if err == nil {
		err = b.arrive(res)
	}
	if err != nil {
		return fmt.Errorf("ioreq: complete: %w", err)
	}
	return nil
}

// arrive takes the target's result. b.mu is held, and is not when it returns.
func (b *body) arrive(res Result) error {
	if err := b.flying(); err != nil {
		b.mu.Unlock()
		return err
	}
	if err := plausible(res, b.f.size); err != nil {
		b.mu.Unlock()
		return err
	}
	b.pending, b.result = true, res
	if b.sending {
		b.mu.Unlock() // Sent does the rest
		return nil
	}
	b.land()
	return nil
}

// plausible checks a result against the number of bytes asked for.
func plausible(res Result, size int) error {
	if res.N < 0 || res.N > size && res.Err == nil {
		return fmt.Errorf("%d of %d bytes: %w", res.N, size, ErrInvalid)
	}
	return nil
}
