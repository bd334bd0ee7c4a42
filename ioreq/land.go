package ioreq

import (
	"context"
	"errors"
	"sync"

	"offheap.example/lookaside/object"
)

// land ends a flight: the target has completed the request, and what OnSent set
// is not being called. b.mu is held, and is not when it returns.
func (b *body) land() {
	// Step 1: sent, if the target did not tell the two apart.
	if b.onSent != nil && !b.sent && b.result.Err == nil {
		b.callOnSent(b.result.N)
	}

	// Step 2: the request is the owner's again.
	b.disarm()
	if b.timedOut && isCanceled(b.result.Err) {
		b.result.Err = ErrTimeout
	}
	b.hide()
	b.state, b.pending, b.data = Completed, false, nil
	f, h, res := b.done, b.handle, b.result
	b.done, b.onSent = nil, nil
	gated, _ := b.f.target.(Gated)
	l := landing{b, b.obj, gated, b.wait, b.deleted}
	b.mu.Unlock()

	// Step 3: the routine, and what was held for it.
	defer l.end()
	if f != nil {
		f(h, res)
	}
}

func isCanceled(err error) bool { return errors.Is(err, context.Canceled) }

// landing is what is left to do when the completion routine has returned.
type landing struct {
	b       *body
	obj     object.Object
	gated   Gated
	wait    *waiter
	deleted bool // while the target had it
}

func (l *landing) end() {
	if l.deleted {
		l.b.mu.Lock()
		old, reply := l.b.dispose()
		l.b.mu.Unlock()
		old.drop()
		reply.send()
	}
	l.obj.Unref() // from here on b is another's
	if l.gated != nil {
		l.gated.Leave()
	}
	if l.wait != nil {
		l.wait.wake()
	}
}

// waiter is somebody who waits for a completion.
type waiter struct {
	mu   sync.Mutex
	over bool // guarded by mu
	cond sync.Cond
	ch   chan struct{} // instead of cond, for a context that can end
}

func (w *waiter) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.ch != nil {
		close(w.ch)
		return
	}
	w.cond.Signal()
}
