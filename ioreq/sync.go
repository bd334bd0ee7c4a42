package ioreq

import (
	"context"
	"fmt"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/object"
)

// SendSync has t perform op on the bytes of d and waits until that is over. It
// returns how many bytes were transferred, also with an error. When ctx ends
// first the request is cancelled, and SendSync waits until the target has let
// go of the bytes; the error wraps ErrCanceled, or ErrTimeout when ctx's
// deadline has passed, if the target gave the request up, and is what the
// target says otherwise.
//
// All three forms of Descriptor will do: the caller has the bytes, and waits.
// Only memory objects are referenced. It returns the errors of Format and Send;
// nothing was sent then. A ctx that has ended already gives ErrCanceled or
// ErrTimeout. With a ctx that cannot end it allocates nothing in steady state.
// It must not be called from a completion routine that the target needs to go
// on. It is WdfIoTargetSendReadSynchronously and …Write….
func SendSync(ctx context.Context, t Target, op Op, d Descriptor) (int, error) {
	n, err := sendSync(ctx, t, op, d)
	if err != nil {
		return n, fmt.Errorf("ioreq: send sync: %w", err)
	}
	return n, nil
}

var waiters objtab.Cache[waiter]

func sendSync(ctx context.Context, t Target, op Op, d Descriptor) (int, error) {
	if err := valid(t, op); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, ended(err)
	}
	r, err := create(object.Config{}, nil)
	if err != nil {
		return 0, err
	}
	defer r.Delete()
	b, err := r.formatable()
	if err != nil {
		return 0, err
	}
	f := format{target: t, op: op, by: b.holder(op)}
	if err := f.describe(d, false); err != nil {
		b.mu.Unlock()
		return 0, err
	}
	if err := r.install(b, &f); err != nil {
		return 0, err
	}
	return r.sendWait(ctx)
}

// sendWait sends a formatted request and waits for it.
func (r *Request) sendWait(ctx context.Context) (int, error) {
	w := waiters.Get()
	w.begin(ctx.Done() != nil)
	defer w.end()
	b, err := r.own()
	if err != nil {
		return 0, err
	}
	if at, ok := ctx.Deadline(); ok {
		b.deadline = at
	}
	b.wait = w
	if err := b.sendable(); err != nil {
		b.mu.Unlock()
		return 0, err
	}
	if err := r.launch(b); err != nil {
		return 0, err
	}
	var cause error
	if w.ch == nil {
		w.block()
	} else {
		select {
		case <-w.ch:
		case <-ctx.Done():
			cause = ended(ctx.Err())
			r.Cancel()
			<-w.ch
		}
	}
	res := r.Result()
	if cause != nil && isCanceled(res.Err) {
		res.Err = cause
	}
	return res.N, res.Err
}

// ended says in this package's words why a context has ended.
func ended(err error) error {
	if err == context.DeadlineExceeded {
		return ErrTimeout
	}
	return ErrCanceled
}

// begin makes the waiter ready for one completion. A context that can end
// costs a channel, which is not used again: it belongs to the bubble it was
// made in, if it was made in one of package testing/synctest.
func (w *waiter) begin(selects bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over, w.cond.L = false, &w.mu
	if selects {
		w.ch = make(chan struct{})
	}
}

// block returns when the completion is over.
func (w *waiter) block() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.over {
		w.cond.Wait()
	}
}

// end gives the waiter to the next. Nobody wakes it any more.
func (w *waiter) end() {
	w.mu.Lock()
	w.ch = nil
	w.mu.Unlock()
	waiters.Put(w)
}
