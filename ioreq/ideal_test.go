package ioreq_test

import (
	"fmt"
	"slices"

	"offheap.example/lookaside/ioreq"
)

// This file says what requests and their memory should do: sections 1.5 and
// 1.7 of the contract, without locks, generations and reuse. It knows nothing
// of the implementation. What it does is in the order in which things are to be
// seen; want is that order.

// idealMemory is a memory object that may only be referenced and deleted.
type idealMemory struct {
	name string
	refs int
	live bool
}

// idealRequest is a request.
type idealRequest struct {
	name     string
	received bool
	state    ioreq.State
	refs     int // of the object
	dead     bool
	deleted  bool
	bit      bool
	routine  bool
	onSent   bool
	sent     bool
	size     int
	holds    []*idealMemory // one reference on each
	family   *idealFamily
	plan     int // what the routine will do

	// A received one's.
	source   *idealMemory // what it came with, nil for a buffer
	embedded *idealMemory
	answered int // how often it was answered, or abandoned
}

// idealFamily is an object whose children requests are.
type idealFamily struct {
	live     bool
	children []*idealRequest
}

// ideal is all of it.
type ideal struct {
	want []string
}

func (w *ideal) say(format string, args ...any) {
	w.want = append(w.want, fmt.Sprintf(format, args...))
}

func (w *ideal) unrefMemory(m *idealMemory) {
	if m.refs--; m.refs == 0 {
		w.say("%s destroyed", m.name)
	}
}

func (w *ideal) deleteMemory(m *idealMemory) bool {
	if !m.live {
		return false
	}
	m.live = false
	w.unrefMemory(m)
	return true
}

func (w *ideal) letGo(r *idealRequest) {
	holds := r.holds
	r.holds = nil
	for _, m := range holds {
		w.unrefMemory(m)
	}
}

func (w *ideal) unref(r *idealRequest) {
	if r.refs--; r.refs == 0 {
		r.dead = true
		w.say("%s destroyed", r.name)
	}
}

// owned is what a call finds that only the owner may make.
func (w *ideal) owned(r *idealRequest) error {
	switch {
	case r.state == ioreq.Answered:
		return ioreq.ErrCompleted
	case r.deleted:
		return ioreq.ErrDeleted
	}
	return nil
}

func (w *ideal) format(r *idealRequest, all []*idealMemory, size int) error {
	if err := w.owned(r); err != nil {
		return err
	}
	if r.state == ioreq.Sent {
		return ioreq.ErrSent
	}
	for _, m := range all {
		if m.refs == 0 {
			return ioreq.ErrDeleted
		}
	}
	var unique []*idealMemory
	for _, m := range all {
		if !slices.Contains(unique, m) {
			m.refs++
			unique = append(unique, m)
		}
	}
	w.letGo(r)
	r.holds, r.size = unique, size
	if r.state == ioreq.Completed || r.state == ioreq.Reformatted {
		r.state = ioreq.Reformatted
	} else {
		r.state = ioreq.Formatted
	}
	return nil
}

func (w *ideal) send(r *idealRequest, refusal error) error {
	if err := w.owned(r); err != nil {
		return err
	}
	switch {
	case r.state == ioreq.Sent:
		return ioreq.ErrSent
	case r.state == ioreq.Completed, r.state == ioreq.Reformatted:
		return ioreq.ErrNotReused
	case r.state != ioreq.Formatted:
		return ioreq.ErrNotFormatted
	case r.received && !r.routine:
		return ioreq.ErrNoRoutine
	case r.bit:
		return ioreq.ErrCanceled
	case refusal != nil:
		return refusal
	}
	r.state, r.sent = ioreq.Sent, false
	r.refs++
	return nil
}

func (w *ideal) tellSent(r *idealRequest, n int) error {
	switch {
	case r.state != ioreq.Sent:
		return ioreq.ErrNotSent
	case r.sent, n > r.size:
		return ioreq.ErrInvalid
	}
	r.sent = true
	if r.onSent {
		r.onSent = false
		w.say("%s sent %d", r.name, n)
	}
	return nil
}

// arrive is the target's Complete.
func (w *ideal) arrive(r *idealRequest, n int, err error) error {
	if n > r.size && err == nil {
		return ioreq.ErrInvalid
	}
	if r.onSent && !r.sent && err == nil {
		w.say("%s sent %d", r.name, n)
	}
	wasDeleted := r.deleted
	r.state, r.onSent = ioreq.Completed, false
	if r.routine {
		r.routine = false
		w.say("%s completed %d %v", r.name, n, err)
		w.act(r)
	}
	if wasDeleted {
		w.letGo(r)
		w.abandon(r)
	}
	w.unref(r)
	return nil
}

// act is what the routine does.
func (w *ideal) act(r *idealRequest) {
	switch r.plan {
	case 1:
		w.say("%s reuse %v", r.name, w.reuse(r))
	case 2:
		w.say("%s delete %v", r.name, w.delete(r))
	case 3:
		w.say("%s answer %v", r.name, w.answer(r, 0))
	}
}

func (w *ideal) reuse(r *idealRequest) error {
	if err := w.owned(r); err != nil {
		return err
	}
	if r.state == ioreq.Sent {
		return ioreq.ErrSent
	}
	w.letGo(r)
	r.state, r.routine, r.onSent, r.bit = ioreq.Reused, false, false, false
	return nil
}

// cancel returns whether the target is told.
func (w *ideal) cancel(r *idealRequest) bool {
	switch r.state {
	case ioreq.Created, ioreq.Formatted, ioreq.Reused:
		r.bit = !r.deleted
	case ioreq.Sent:
		r.bit = true
		return true
	}
	return false
}

func (w *ideal) delete(r *idealRequest) error {
	if err := w.owned(r); err != nil {
		return err
	}
	if r.received {
		return ioreq.ErrReceived
	}
	w.remove(r)
	w.dispose(r)
	w.bury(r)
	return nil
}

// remove takes a request out of its family.
func (w *ideal) remove(r *idealRequest) {
	if r.family != nil {
		r.family.children = slices.DeleteFunc(r.family.children, func(c *idealRequest) bool { return c == r })
		r.family = nil
	}
}

// dispose is the first phase of a deletion.
func (w *ideal) dispose(r *idealRequest) {
	away := r.state == ioreq.Sent
	r.deleted = true
	if !away && r.state != ioreq.Answered {
		w.letGo(r)
	}
	w.say("%s cleanup", r.name)
	if !away {
		w.abandon(r)
	}
}

// abandon answers a received request for which nobody else will.
func (w *ideal) abandon(r *idealRequest) {
	if !r.received || r.answered > 0 {
		return
	}
	r.answered++
	if r.source != nil {
		w.unrefMemory(r.source)
	}
	w.say("%s answered 0 %v", r.name, ioreq.ErrDeleted)
}

// bury is the second phase: embedded memory, then the object.
func (w *ideal) bury(r *idealRequest) {
	if m := r.embedded; m != nil && m.live {
		m.live = false
		m.refs--
	}
	w.unref(r)
}

func (w *ideal) deleteFamily(f *idealFamily) bool {
	if !f.live {
		return false
	}
	f.live = false
	for _, r := range f.children {
		w.dispose(r)
	}
	for _, r := range f.children {
		r.family = nil
		w.bury(r)
	}
	f.children = nil
	return true
}

// answer is the owner's Complete of a received request. others is how many
// references strangers have on the embedded memory when it fails.
func (w *ideal) answer(r *idealRequest, n int) error {
	switch {
	case !r.received && r.deleted:
		return ioreq.ErrDeleted
	case !r.received:
		return ioreq.ErrNotSent
	case r.state == ioreq.Answered:
		return ioreq.ErrCompleted
	case r.state == ioreq.Sent:
		return ioreq.ErrSent
	case r.answered > 0:
		return ioreq.ErrDeleted
	case n > 8:
		return ioreq.ErrInvalid
	}
	if m := r.embedded; m != nil && m.refs > 0 {
		others := m.refs
		if m.live {
			others--
		}
		if slices.Contains(r.holds, m) {
			others--
		}
		if others > 0 {
			return errHeld
		}
	}
	r.answered++
	r.state, r.routine, r.onSent = ioreq.Answered, false, false
	w.letGo(r)
	if !r.deleted {
		w.remove(r)
		r.deleted = true
		w.say("%s cleanup", r.name)
		w.bury(r)
	}
	if r.source != nil {
		w.unrefMemory(r.source)
	}
	w.say("%s answered %d %v", r.name, n, error(nil))
	return nil
}
