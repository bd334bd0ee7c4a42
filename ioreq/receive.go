package ioreq

import (
	"fmt"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// arrival is what a received request came with.
type arrival struct {
	f        format // what is asked for
	embedded memory.Object
	notify   func(Result)
}

var arrivalNames = [...]string{Read: "received read", Write: "received write"}

// Receive makes a request that arrived from somebody: op on the bytes of d,
// which stay that somebody's. It is answered by Complete, and may be formatted
// and sent on to a target meanwhile. Of the three forms only Memory is
// referenced, until the request is answered; Buffer(nil) means no bytes. It
// returns errors that wrap ErrInvalid for an op or a Descriptor that makes no
// sense and for a Context that is not a pointer, ErrSpan, memory.ErrReadOnly for
// a Read into memory that is read-only, and ErrDeleted for memory, a list or a
// parent that is gone.
func Receive(cfg object.Config, op Op, d Descriptor) (*Request, error) {
	r, err := receive(cfg, op, d)
	if err != nil {
		return nil, fmt.Errorf("ioreq: receive: %w", err)
	}
	return r, nil
}

func receive(cfg object.Config, op Op, d Descriptor) (*Request, error) {
	if op != Read && op != Write {
		return nil, fmt.Errorf("%v: must be Read or Write: %w", op, ErrInvalid)
	}
	from := arrival{f: format{op: op, by: objtab.Holder{Kind: "request", ID: ids.Add(1), Name: arrivalNames[op]}}}
	if err := from.f.describe(d, true); err != nil {
		return nil, err
	}
	r, err := create(cfg, &from)
	if err != nil {
		from.f.drop()
		return nil, err
	}
	return r, nil
}

// describe fills f with what d says. none says whether there may be no buffer.
// Whatever the error, f holds nothing.
func (f *format) describe(d Descriptor, none bool) error {
	switch d.form {
	case formBuffer:
		if d.buf == nil && !none {
			return fmt.Errorf("descriptor: no buffer: %w", ErrInvalid)
		}
		f.one.bytes, f.size, f.borrowed = d.buf, len(d.buf), true
		return nil
	case formMemory:
		if d.m == (memory.Object{}) {
			return fmt.Errorf("descriptor: no memory: %w", ErrInvalid)
		}
		undo, err := f.memory(d.m, d.span)
		if undo {
			unref(d.m, f.by)
		}
		return err
	case formScatter:
		if err := listed(d.list); err != nil {
			return fmt.Errorf("descriptor: %w", err)
		}
		err := f.list(d.list, false)
		if err != nil {
			f.drop()
		}
		f.borrowed = true
		return err
	}
	return fmt.Errorf("the zero Descriptor describes nothing: %w", ErrInvalid)
}

// Notify sets the function that is called once with the result when the
// received request is answered: how whoever it came from hears of it. A request
// that is deleted unanswered, because its parent is, gives ErrDeleted. It
// returns errors that wrap ErrNotReceived, ErrCompleted and ErrDeleted.
func (r *Request) Notify(f func(Result)) error {
	b, err := r.own()
	if err == nil {
		defer b.mu.Unlock()
		if b.received {
			b.arrival.notify = f
			return nil
		}
		err = ErrNotReceived
	}
	return fmt.Errorf("ioreq: notify: %w", err)
}

// InputMemory returns the memory object with the bytes that a received Write
// brings: read-only, the same handle every time, good until the request is
// completed. It belongs to the request: whoever keeps a reference keeps
// Complete from working. It returns errors that wrap ErrDirection for a Read,
// memory.ErrBufferTooSmall when there are no bytes, ErrScattered when they are
// not contiguous, ErrNotReceived for a request of our own, and ErrCompleted.
// It is WdfRequestRetrieveInputMemory.
func (r *Request) InputMemory() (memory.Object, error) {
	return r.memory("input memory", Write, 1)
}

// OutputMemory returns the memory object that a received Read wants filled:
// writable, otherwise as InputMemory, and ErrDirection is for a Write. It is
// WdfRequestRetrieveOutputMemory.
func (r *Request) OutputMemory() (memory.Object, error) {
	return r.memory("output memory", Read, 1)
}

// InputBuffer returns the bytes of InputMemory, with an error that wraps
// memory.ErrBufferTooSmall when they are fewer than least. They are borrowed
// until the request is completed. It is WdfRequestRetrieveInputBuffer.
func (r *Request) InputBuffer(least int) ([]byte, error) {
	m, err := r.memory("input buffer", Write, least)
	return m.Bytes(), err
}

// OutputBuffer is InputBuffer for OutputMemory. It is
// WdfRequestRetrieveOutputBuffer.
func (r *Request) OutputBuffer(least int) ([]byte, error) {
	m, err := r.memory("output buffer", Read, least)
	return m.Bytes(), err
}

func (r *Request) memory(what string, op Op, least int) (memory.Object, error) {
	b, err := r.own()
	if err == nil {
		var m memory.Object
		if m, err = b.embed(op, least); err == nil {
			b.mu.Unlock()
			return m, nil
		}
		b.mu.Unlock()
	}
	return memory.Object{}, fmt.Errorf("ioreq: %s: %w", what, err)
}

// embed returns the embedded memory, made if there is none yet. b.mu is held.
func (b *body) embed(op Op, least int) (memory.Object, error) {
	a := &b.arrival
	switch {
	case !b.received:
		return memory.Object{}, ErrNotReceived
	case a.f.op != op:
		return memory.Object{}, fmt.Errorf("a %v: %w", a.f.op, ErrDirection)
	case a.f.size == 0 || a.f.size < least:
		return memory.Object{}, fmt.Errorf("%d bytes of at least %d: %w", a.f.size, max(1, least), memory.ErrBufferTooSmall)
	case a.f.count() > 1:
		return memory.Object{}, fmt.Errorf("%d parts: %w", a.f.count(), ErrScattered)
	case a.embedded != memory.Object{}:
		return a.embedded, nil
	}
	var m memory.Object
	var err error
	if op == Write {
		m, err = memory.Lend(a.f.part(0), memory.WithParent(b.obj), memory.ReadOnly())
	} else {
		m, err = memory.Lend(a.f.part(0), memory.WithParent(b.obj))
	}
	if err != nil {
		return memory.Object{}, err
	}
	object.Watch(m.Object)
	a.embedded = m
	return m, nil
}

// answer completes a received request for its owner. b.mu is held, and is not
// when it returns.
func (b *body) answer(res Result) error {
	err := b.answerable(res)
	if err != nil {
		b.mu.Unlock()
		return err
	}
	// Step 1: let go of what we were formatted with, which may be our own embedded memory. It comes back if
	// somebody else holds that.
	own := b.f.holding(b.arrival.embedded)
	if own != nil {
		unref(own.m, b.f.by)
	}
	if err := b.revoke(); err != nil {
		if own != nil {
			_ = ref(own.m, b.f.by)
		}
		b.mu.Unlock()
		return err
	}
	if own != nil {
		own.m = memory.Object{}
	}

	// Step 2: from here on it is answered.
	old, h, obj := b.f, b.handle, b.obj
	b.f = format{}
	b.state, b.result = Answered, res
	rep := b.leave(res)
	// Publishes: that a handle which is gone was answered. Pairs with: lock.
	h.answered.Store(true)
	b.mu.Unlock()

	// Step 3: references, callbacks and children; then whoever it came from.
	old.drop()
	_ = obj.Delete() // fails if the parent is at it: it does the same
	rep.send()
	return nil
}

// answerable says why a received request cannot be answered. b.mu is held.
func (b *body) answerable(res Result) error {
	switch {
	case b.state == Answered:
		return ErrCompleted
	case b.away():
		return b.occupied()
	case b.arrival.f.op == 0: // abandoned
		return ErrDeleted
	}
	return plausible(res, b.arrival.f.size)
}

// revoke takes the embedded memory back, unless others hold it. b.mu is held.
func (b *body) revoke() error {
	m := b.arrival.embedded
	if m == (memory.Object{}) {
		return nil
	}
	if err := m.Revoke(); err == nil || !m.Valid() {
		return nil
	}
	return b.misuse(m)
}

// misuse names who holds the embedded memory.
func (b *body) misuse(m memory.Object) error {
	e := &MisuseError{Op: "complete", Request: b.id}
	for _, held := range object.Holders(m.Object) {
		e.Holders = append(e.Holders, Holder{held.Kind, held.ID, held.Name, held.Count, where(held.PCs)})
		e.Refs += held.Count
	}
	if e.Refs == 0 { // let go in this moment
		e.Refs = max(1, m.Refs()-1)
		e.Holders = []Holder{{Kind: "reference", Count: e.Refs}}
	}
	return e
}

// reply is the answer on its way to whoever the request came from.
type reply struct {
	f      format
	notify func(Result)
	res    Result
}

// leave takes out what a received request came with. b.mu is held.
func (b *body) leave(res Result) reply {
	rep := reply{b.arrival.f, b.arrival.notify, res}
	b.arrival = arrival{}
	return rep
}

// abandon answers a received request that is deleted unanswered; after an answer
// nobody is left to hear of it. b.mu is held.
func (b *body) abandon() reply {
	if !b.received {
		return reply{}
	}
	return b.leave(Result{Err: ErrDeleted})
}

// send drops what the request came with and tells. No lock is held.
func (rep *reply) send() {
	rep.f.drop()
	if rep.notify != nil {
		rep.notify(rep.res)
	}
}
