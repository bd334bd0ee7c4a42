package ioreq

import (
	"fmt"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/object"
)

// Delete deletes the request: its Cleanup callbacks run, it drops its
// references on memory, and it is gone with its last reference. While it is
// with its target it is only marked: the completion routine still runs, and
// the memory is held until that has returned. It returns errors that wrap
// ErrDeleted when it was deleted before, and ErrReceived for a received
// request. It is WdfObjectDelete.
func (r *Request) Delete() error {
	b, err := r.own()
	if err == nil && b.received {
		b.mu.Unlock()
		err = ErrReceived
	}
	if err != nil {
		return fmt.Errorf("ioreq: delete: %w", err)
	}
	obj := b.obj
	b.mu.Unlock()
	if err := obj.Delete(); err != nil {
		return fmt.Errorf("ioreq: delete: %w", err)
	}
	return nil
}

// cleanup runs when the object is deleted, by us or by its parent.
func (b *body) cleanup(o object.Object) {
	var old format
	var reply reply
	b.mu.Lock()
	b.deleted = true
	user := b.user
	if !b.away() {
		old, reply = b.dispose()
	}
	b.mu.Unlock()
	old.drop()
	if user != nil {
		user(o)
	}
	reply.send()
}

// away reports whether somebody else works with what the request holds.
func (b *body) away() bool { return b.state == Sent || b.busy }

// dispose takes out what a deleted request holds; the caller drops and sends
// it without the lock.
func (b *body) dispose() (format, reply) {
	old := b.f
	b.f = format{}
	b.done, b.onSent = nil, nil
	return old, b.abandon()
}

// Reuse makes the request ready for the next round: it drops the references on
// memory, and forgets the completion routine, the result, the timeout and
// whether it was cancelled. It returns errors that wrap ErrSent while the
// request is with its target, and ErrDeleted. It is WdfRequestReuse.
func (r *Request) Reuse() error {
	b, err := r.own()
	if err != nil {
		return fmt.Errorf("ioreq: reuse: %w", err)
	}
	if b.away() {
		err := b.occupied()
		b.mu.Unlock()
		return fmt.Errorf("ioreq: reuse: %w", err)
	}
	old := b.f
	b.f = format{}
	b.newRound()
	b.state = Reused
	b.mu.Unlock()
	old.drop()
	return nil
}

// occupied says why a request that is away cannot be worked on.
func (b *body) occupied() error {
	if b.busy {
		return ErrBusy
	}
	return ErrSent
}

// OnComplete sets the function that is called once when the request has
// completed. It is forgotten when it is called, and by Reuse: set it for every
// round. It may do everything with the request, Reuse and Send included; the
// memory is still held while it runs, unless it says otherwise. nil means none.
// On a request that is gone it does nothing. It is
// WdfRequestSetCompletionRoutine.
func (r *Request) OnComplete(f func(*Request, Result)) {
	if b, err := r.own(); err == nil {
		b.done = f
		b.mu.Unlock()
	}
}

// OnSent sets the function that is called when the target has accepted n bytes
// and their writer may go on, though the target may still read the memory. It
// is called at most once in a round, always before the completion routine,
// always when the request completes without an error, and forgotten as the
// completion routine is.
func (r *Request) OnSent(f func(*Request, int)) {
	if b, err := r.own(); err == nil {
		b.onSent = f
		b.mu.Unlock()
	}
}

// holder is who the request is for the memory that it holds.
func (b *body) holder(op Op) objtab.Holder {
	return objtab.Holder{Kind: "request", ID: b.id, Name: op.String()}
}
