package ioreq

import (
	"fmt"

	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// Format makes the request ready to be sent to t: an operation on a span of m.
// It drops the references that an earlier format holds and takes one on m,
// which the request keeps until Reuse, Delete, Complete or the next format.
//
// What is checked, in this order, before anything changes: op, t and m make
// sense (ErrInvalid), the request exists (ErrDeleted) and nobody works with it
// (ErrSent, ErrBusy), m exists (ErrDeleted), s lies in m (a *memory.BoundsError
// that wraps ErrSpan), and a Read does not go to memory that is read-only
// (memory.ErrReadOnly). Then the target is asked, if it is a Preparer: when it
// refuses (ErrClosed and whatever it says) the request holds nothing and must be
// formatted anew.
//
// Formatting with the same arguments after Reuse allocates nothing, and fails
// only if the memory or the target is gone. It is
// WdfIoTargetFormatRequestForRead and …ForWrite.
func (r *Request) Format(t Target, op Op, m memory.Object, s Span) error {
	err := valid(t, op)
	if err == nil && m == (memory.Object{}) {
		err = fmt.Errorf("no memory: %w", ErrInvalid)
	}
	var b *body
	if err == nil {
		b, err = r.formatable()
	}
	if err != nil {
		return fmt.Errorf("ioreq: format: %w", err)
	}
	f := format{target: t, op: op, by: b.holder(op)}
	undo, err := f.memory(m, s)
	if err != nil {
		b.mu.Unlock()
		if undo {
			unref(m, f.by)
		}
		return fmt.Errorf("ioreq: format: %w", err)
	}
	return r.install(b, &f)
}

// FormatList is Format with the bytes of l as they are now: l may be changed
// and released afterwards. It takes one reference on every memory object in l,
// however often it is there. A list with borrowed bytes can be formatted but
// not be sent. A released list gives ErrDeleted.
func (r *Request) FormatList(t Target, op Op, l *mdl.List) error {
	err := valid(t, op)
	if err == nil {
		err = listed(l)
	}
	var b *body
	if err == nil {
		b, err = r.formatable()
	}
	if err != nil {
		return fmt.Errorf("ioreq: format list: %w", err)
	}
	f := format{target: t, op: op, by: b.holder(op)}
	if err := f.list(l, true); err != nil {
		b.mu.Unlock()
		f.drop()
		return fmt.Errorf("ioreq: format list: %w", err)
	}
	return r.install(b, &f)
}

// valid checks what needs no request.
func valid(t Target, op Op) error {
	switch {
	case op != Read && op != Write:
		return fmt.Errorf("%v: must be Read or Write: %w", op, ErrInvalid)
	case t == nil:
		return fmt.Errorf("no target: %w", ErrInvalid)
	}
	return nil
}

// formatable is own for a request that may be formatted.
func (r *Request) formatable() (*body, error) {
	b, err := r.own()
	if err == nil && b.away() {
		err = b.occupied()
		b.mu.Unlock()
	}
	return b, err
}

// install puts f in the place of the earlier format and asks the target. b.mu
// is held, and is not when it returns.
func (r *Request) install(b *body, f *format) error {
	p, ask := f.target.(Preparer)
	if ask {
		// The request, and with it b, stays for as long as the target looks.
		if err := b.obj.Ref(); err != nil {
			b.mu.Unlock()
			f.drop()
			return fmt.Errorf("ioreq: format: %w", err)
		}
	}
	old := b.f
	b.f = *f
	if b.state == Completed || b.state == Reformatted {
		b.state = Reformatted
	} else {
		b.state = Formatted
	}
	if !ask {
		b.mu.Unlock()
		old.drop()
		return nil
	}
	obj := b.obj
	b.busy = true
	v := b.show(r)
	b.mu.Unlock()
	old.drop()
	err := p.Prepare(v)
	b.mu.Lock()
	b.busy = false
	b.hide()
	var reply reply
	if err != nil || b.deleted {
		old = b.f
		b.f = format{}
		if b.state == Formatted {
			b.state = Created
		} else {
			b.state = Completed
		}
	}
	if b.deleted {
		reply = b.abandon()
	}
	b.mu.Unlock()
	old.drop()
	reply.send()
	obj.Unref()
	if err != nil {
		return fmt.Errorf("ioreq: format: %w", err)
	}
	return nil
}

// show returns the handle under which a target sees the request, hide takes it
// back. b.mu is held.
func (b *body) show(r *Request) *Request {
	if !b.received {
		return r
	}
	b.view = handles.Get()
	b.view.answered.Store(false)
	// Publishes: the body. Pairs with: lock.
	b.view.b.Store(b)
	return b.view
}

func (b *body) hide() {
	if v := b.view; v != nil {
		b.view = nil
		retire(v)
	}
}
