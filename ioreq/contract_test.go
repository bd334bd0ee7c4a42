package ioreq_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// scene is what a failure must leave as it was: requests of every sort, their
// memory, and a target.
type scene struct {
	t         *testing.T
	h         *hand
	lb        *ioreq.Loopback
	m, closed memory.Object
	own       *ioreq.Request // formatted with m, for h
	flying    *ioreq.Request // with h
	done      *ioreq.Request // completed by h, holds m
	read      *ioreq.Request // received, eight bytes
	write     *ioreq.Request // received, eight bytes
	empty     *ioreq.Request // received, no bytes
	gone      *ioreq.Request // received and completed
	out, in   memory.Object  // of read and write
	calls     int            // of completion routines
	answers   int
}

func newScene(t *testing.T) *scene {
	s := &scene{t: t, h: &hand{}, lb: ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true}), m: wrapped(t, 8)}
	require.NoError(t, s.lb.Close())
	require.NoError(t, s.m.CopyIn(0, []byte("contents")))
	s.own, s.flying, s.done = fresh(t), fresh(t), fresh(t)
	count := func(*ioreq.Request, ioreq.Result) { s.calls++ }
	for _, r := range []*ioreq.Request{s.done, s.flying, s.own} {
		require.NoError(t, r.Format(s.h, ioreq.Write, s.m, ioreq.Span{}))
		r.OnComplete(count)
	}
	require.NoError(t, s.done.Send())
	s.h.finish(t, ioreq.Result{N: 8})
	require.NoError(t, s.flying.Send())
	s.read = receive(t, ioreq.Read, ioreq.Buffer([]byte("readable")))
	s.write = receive(t, ioreq.Write, ioreq.Buffer([]byte("writable")))
	s.empty = receive(t, ioreq.Read, ioreq.Buffer(nil))
	s.gone = receive(t, ioreq.Read, ioreq.Buffer(nil))
	require.NoError(t, s.gone.Complete(ioreq.Result{}))
	var err error
	s.out, err = s.read.OutputMemory()
	require.NoError(t, err)
	s.in, err = s.write.InputMemory()
	require.NoError(t, err)
	for _, r := range []*ioreq.Request{s.read, s.write, s.empty} {
		require.NoError(t, r.Notify(func(ioreq.Result) { s.answers++ }))
	}
	return s
}

// look writes down everything that can be seen.
func (s *scene) look() string {
	text := fmt.Sprint(s.calls, s.answers, len(s.h.has), s.h.told)
	for _, r := range []*ioreq.Request{s.own, s.flying, s.done, s.read, s.write, s.empty, s.gone} {
		text += fmt.Sprint("; ", r.State(), r.Op(), r.Len(), r.Object().Refs(), r.CancelRequested(), r.Result())
	}
	for _, m := range []memory.Object{s.m, s.out, s.in} {
		text += fmt.Sprintf("; %d %q", m.Refs(), m.Bytes())
	}
	return text
}

// rest uses everything once more, legally, and ends it.
func (s *scene) rest() {
	t := s.t
	s.h.finish(t, ioreq.Result{N: 8})
	require.NoError(t, s.own.Send())
	s.h.finish(t, ioreq.Result{N: 8})
	require.NoError(t, s.done.Reuse())
	require.NoError(t, s.done.Format(s.h, ioreq.Read, s.out, ioreq.Span{Off: 8}))
	require.NoError(t, s.done.Send())
	s.h.finish(t, ioreq.Result{})
	for _, r := range []*ioreq.Request{s.own, s.flying, s.done} {
		require.NoError(t, r.Delete())
	}
	require.NoError(t, s.out.CopyIn(0, []byte("answered")))
	require.NoError(t, s.read.Format(s.h, ioreq.Read, s.out, ioreq.Span{}))
	s.read.OnComplete(func(r *ioreq.Request, res ioreq.Result) { require.NoError(t, r.Complete(res)) })
	require.NoError(t, s.read.Send())
	s.h.finish(t, ioreq.Result{N: 8})
	for _, r := range []*ioreq.Request{s.write, s.empty} {
		require.NoError(t, r.Complete(ioreq.Result{}))
	}
	require.Equal(t, 3, s.answers)
	require.Equal(t, 1, s.m.Refs())
	require.False(t, s.in.Valid())
	require.False(t, s.out.Valid())
}

// failures has the failure columns of the Windows contract, as far as they can
// happen here; the package comment says which cannot. Each is tried three times
// in a scene that must not change.
var failures = map[string]struct {
	err error
	try func(s *scene) error
}{
	// WDFMEMORY_OFFSET.
	"offset: the sum overflows": {ioreq.ErrSpan, func(s *scene) error {
		return s.own.Format(s.h, ioreq.Write, s.m, ioreq.Span{Off: 1, Len: int(^uint(0) >> 1)})
	}},
	"offset: the sum exceeds the size": {ioreq.ErrSpan, func(s *scene) error {
		return s.own.Format(s.h, ioreq.Write, s.m, ioreq.Span{Off: 4, Len: 5})
	}},
	"offset: beyond the size": {ioreq.ErrSpan, func(s *scene) error {
		return s.own.Format(s.h, ioreq.Write, s.m, ioreq.Span{Off: 9})
	}},

	// WDF_MEMORY_DESCRIPTOR.
	"descriptor: unknown tag": {ioreq.ErrInvalid, func(s *scene) error { return s.sync(ioreq.Descriptor{}) }},
	"descriptor: no buffer":   {ioreq.ErrInvalid, func(s *scene) error { return s.sync(ioreq.Buffer(nil)) }},
	"descriptor: no list":     {ioreq.ErrInvalid, func(s *scene) error { return s.sync(ioreq.Scatter(nil)) }},
	"descriptor: no handle":   {ioreq.ErrInvalid, func(s *scene) error { return s.sync(ioreq.Memory(memory.Object{}, ioreq.Span{})) }},
	"descriptor: bad offset":  {ioreq.ErrSpan, func(s *scene) error { return s.sync(ioreq.Memory(s.m, ioreq.Span{Off: 9})) }},

	// Retrieve…
	"retrieve: input of a read":    {ioreq.ErrDirection, func(s *scene) error { _, err := s.read.InputMemory(); return err }},
	"retrieve: output of a write":  {ioreq.ErrDirection, func(s *scene) error { _, err := s.write.OutputMemory(); return err }},
	"retrieve: no bytes":           {memory.ErrBufferTooSmall, func(s *scene) error { _, err := s.empty.OutputMemory(); return err }},
	"retrieve: after completion":   {ioreq.ErrCompleted, func(s *scene) error { _, err := s.gone.OutputMemory(); return err }},
	"retrieve: fewer than minimum": {memory.ErrBufferTooSmall, func(s *scene) error { _, err := s.read.OutputBuffer(9); return err }},
	"retrieve: wrong way, buffer":  {ioreq.ErrDirection, func(s *scene) error { _, err := s.write.OutputBuffer(1); return err }},
	"retrieve: input is read-only": {memory.ErrReadOnly, func(s *scene) error { return s.in.CopyIn(0, []byte("x")) }},
	"retrieve: not to be replaced": {memory.ErrNotWrapped, func(s *scene) error { return s.out.Assign([]byte("x")) }},

	// Format.
	"format: while sent": {ioreq.ErrSent, func(s *scene) error { return s.flying.Format(s.h, ioreq.Write, s.m, ioreq.Span{}) }},
	"format: list, while sent": {ioreq.ErrSent, func(s *scene) error {
		l, err := mdl.Of(s.m)
		require.NoError(s.t, err)
		defer l.Release()
		return s.flying.FormatList(s.h, ioreq.Write, l)
	}},
	"format: a read of what is read-only": {memory.ErrReadOnly, func(s *scene) error {
		return s.own.Format(s.h, ioreq.Read, s.in, ioreq.Span{})
	}},
	"format: after completion": {ioreq.ErrCompleted, func(s *scene) error { return s.gone.Format(s.h, ioreq.Read, s.m, ioreq.Span{}) }},

	// Send.
	"send: already sent":        {ioreq.ErrSent, func(s *scene) error { return s.flying.Send() }},
	"send: not formatted":       {ioreq.ErrNotFormatted, func(s *scene) error { return s.read.Send() }},
	"send: without reuse":       {ioreq.ErrNotReused, func(s *scene) error { return s.done.Send() }},
	"send: refused, closed":     {ioreq.ErrClosed, func(s *scene) error { return s.refused(ioreq.ErrClosed) }},
	"send: refused, whatever":   {errRefused, func(s *scene) error { return s.refused(errRefused) }},
	"send: sync, closed target": {ioreq.ErrClosed, func(s *scene) error { return s.syncTo(s.lb, ioreq.Memory(s.m, ioreq.Span{})) }},
	"send: after completion":    {ioreq.ErrCompleted, func(s *scene) error { return s.gone.Send() }},

	// Reuse.
	"reuse: in flight":        {ioreq.ErrSent, func(s *scene) error { return s.flying.Reuse() }},
	"reuse: after completion": {ioreq.ErrCompleted, func(s *scene) error { return s.gone.Reuse() }},

	// Complete.
	"complete: our own request": {ioreq.ErrNotSent, func(s *scene) error { return s.own.Complete(ioreq.Result{}) }},
	"complete: our own, again":  {ioreq.ErrNotSent, func(s *scene) error { return s.done.Complete(ioreq.Result{}) }},
	"complete: twice":           {ioreq.ErrCompleted, func(s *scene) error { return s.gone.Complete(ioreq.Result{}) }},
	"complete: more than there is": {ioreq.ErrInvalid, func(s *scene) error {
		return s.read.Complete(ioreq.Result{N: 9})
	}},
	"complete: by the target, more than there is": {ioreq.ErrInvalid, func(s *scene) error {
		return s.flying.Complete(ioreq.Result{N: 9})
	}},
	"complete: memory is referenced": {errHeld, func(s *scene) error {
		require.NoError(s.t, s.out.Ref())
		defer s.out.Unref()
		return held(s.read.Complete(ioreq.Result{}))
	}},
	"complete: memory is with another request": {errHeld, func(s *scene) error {
		r := fresh(s.t)
		require.NoError(s.t, r.Format(s.h, ioreq.Write, s.in, ioreq.Span{}))
		defer func() { require.NoError(s.t, r.Delete()) }()
		return held(s.write.Complete(ioreq.Result{}))
	}},
	"complete: while the target has it": {ioreq.ErrSent, func(s *scene) error {
		r := receive(s.t, ioreq.Read, ioreq.Buffer(make([]byte, 8)))
		out, err := r.OutputMemory()
		require.NoError(s.t, err)
		require.NoError(s.t, r.Format(s.h, ioreq.Read, out, ioreq.Span{}))
		r.OnComplete(func(r *ioreq.Request, res ioreq.Result) { require.NoError(s.t, r.Complete(res)) })
		require.NoError(s.t, r.Send())
		err = r.Complete(ioreq.Result{})
		low := s.h.has[len(s.h.has)-1]
		s.h.has = slices.Delete(s.h.has, len(s.h.has)-1, len(s.h.has))
		require.NoError(s.t, low.Complete(ioreq.Result{N: 8}))
		require.False(s.t, out.Valid())
		return err
	}},
	"delete: a received request":  {ioreq.ErrReceived, func(s *scene) error { return s.read.Delete() }},
	"send: received, no routine":  {ioreq.ErrNoRoutine, func(s *scene) error { return s.formatted(func(r *ioreq.Request) error { return r.Send() }) }},
	"send: cancelled before":      {ioreq.ErrCanceled, func(s *scene) error { return s.formatted(sendCancelled) }},
	"send: borrowed list":         {ioreq.ErrBorrowed, func(s *scene) error { return s.formatted(sendBorrowed) }},
	"cancel: not in flight":       {errRefused, func(s *scene) error { return unless(s.done.Cancel()) }},
	"cancel: when it is gone":     {errRefused, func(s *scene) error { return unless(s.gone.Cancel()) }},
	"parent: deleted, own":        {ioreq.ErrDeleted, func(s *scene) error { _, err := ioreq.New(object.Config{Parent: deadParent(s.t)}); return err }},
	"parent: deleted, received":   {ioreq.ErrDeleted, func(s *scene) error { return receiveUnder(deadParent(s.t), s.m) }},
	"sync: the context has ended": {ioreq.ErrCanceled, func(s *scene) error { return s.syncEnded() }},
}

func (s *scene) sync(d ioreq.Descriptor) error { return s.syncTo(s.h, d) }

func (s *scene) syncTo(t ioreq.Target, d ioreq.Descriptor) error {
	_, err := ioreq.SendSync(context.Background(), t, ioreq.Write, d)
	return err
}

func (s *scene) syncEnded() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := ioreq.SendSync(ctx, s.h, ioreq.Write, ioreq.Memory(s.m, ioreq.Span{}))
	return err
}

// refused sends the request of our own to a target that does not want it.
func (s *scene) refused(err error) error {
	s.h.submit = func(*ioreq.Request) error { return err }
	defer func() { s.h.submit = nil }()
	return s.own.Send()
}

// formatted has try done with a received request that is formatted, and
// completes that.
func (s *scene) formatted(try func(*ioreq.Request) error) error {
	r := receive(s.t, ioreq.Write, ioreq.Buffer(make([]byte, 8)))
	require.NoError(s.t, r.Format(s.h, ioreq.Write, s.m, ioreq.Span{}))
	err := try(r)
	require.NoError(s.t, r.Complete(ioreq.Result{}))
	return err
}

func sendCancelled(r *ioreq.Request) error {
	r.OnComplete(func(*ioreq.Request, ioreq.Result) { panic("there was no flight") })
	r.Cancel()
	return r.Send()
}

func sendBorrowed(r *ioreq.Request) error {
	l, err := mdl.Describe(make([]byte, 8))
	if err != nil {
		return err
	}
	defer l.Release()
	if err := r.FormatList(&hand{}, ioreq.Write, l); err != nil {
		return err
	}
	r.OnComplete(func(*ioreq.Request, ioreq.Result) { panic("there was no flight") })
	return r.Send()
}

func held(err error) error {
	var misuse *ioreq.MisuseError
	if errors.As(err, &misuse) && misuse.Refs == 1 && len(misuse.Holders) == 1 {
		return errHeld
	}
	return err
}

func unless(yes bool) error {
	if yes {
		return nil
	}
	return errRefused
}

func deadParent(t *testing.T) object.Object {
	o, err := object.New(object.Config{})
	require.NoError(t, err)
	require.NoError(t, o.Delete())
	return o
}

func receiveUnder(parent object.Object, m memory.Object) error {
	_, err := ioreq.Receive(object.Config{Parent: parent}, ioreq.Read, ioreq.Memory(m, ioreq.Span{}))
	return err
}

func TestFailuresChangeNothing(t *testing.T) {
	for name, f := range failures {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			before := s.look()
			for range 3 {
				require.ErrorIs(t, f.try(s), f.err)
				require.Equal(t, before, s.look())
			}
			s.rest()
		})
	}
}

// A closed target refuses a format, which lets go of the one before, as in
// Windows; the next works.
func TestFormatForAClosedTarget(t *testing.T) {
	s := newScene(t)
	require.ErrorIs(t, s.own.Format(s.lb, ioreq.Write, s.m, ioreq.Span{}), ioreq.ErrClosed)
	require.Equal(t, ioreq.Created, s.own.State())
	require.ErrorIs(t, s.own.Send(), ioreq.ErrNotFormatted)
	require.Equal(t, 3, s.m.Refs(), "those of the other two")
	require.NoError(t, s.own.Format(s.h, ioreq.Write, s.m, ioreq.Span{}))
	s.rest()
}
