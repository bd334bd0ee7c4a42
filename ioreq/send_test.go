package ioreq_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/object"
)

// Each reason not to send has its own error, no completion and no effect.
func TestSendRefuses(t *testing.T) {
	refusal := errors.New("full")
	calls := 0
	count := func(*ioreq.Request, ioreq.Result) { calls++ }
	for name, c := range map[string]struct {
		err   error
		state ioreq.State
		refs  int
		ready func(t *testing.T, r *ioreq.Request, b *bench)
	}{
		"not formatted": {ioreq.ErrNotFormatted, ioreq.Created, 1, func(*testing.T, *ioreq.Request, *bench) {}},
		"already sent":  {ioreq.ErrSent, ioreq.Sent, 2, func(_ *testing.T, _ *ioreq.Request, b *bench) { b.send() }},
		"not reused":    {ioreq.ErrNotReused, ioreq.Completed, 2, func(_ *testing.T, _ *ioreq.Request, b *bench) { b.complete() }},
		"cancelled": {ioreq.ErrCanceled, ioreq.Formatted, 2, func(t *testing.T, r *ioreq.Request, b *bench) {
			require.False(t, r.Cancel())
			b.format()
		}},
		"refused": {refusal, ioreq.Formatted, 2, func(_ *testing.T, _ *ioreq.Request, b *bench) {
			b.format()
			b.h.submit = func(*ioreq.Request) error { return refusal }
		}},
		"closed": {ioreq.ErrClosed, ioreq.Formatted, 2, func(_ *testing.T, _ *ioreq.Request, b *bench) {
			b.format()
			b.h.submit = func(*ioreq.Request) error { return ioreq.ErrClosed }
		}},
	} {
		b := &bench{t: t, r: fresh(t), h: &hand{}, m: wrapped(t, 8)}
		c.ready(t, b.r, b)
		b.r.OnComplete(count)
		for range 2 { // and again: nothing has changed
			require.ErrorIs(t, b.r.Send(), c.err, name)
			require.Equal(t, c.state, b.r.State(), name)
			require.Equal(t, c.refs, b.m.Refs(), name)
			require.Zero(t, calls, name)
		}
		// The next legal thing works.
		b.h.submit = nil
		if c.state == ioreq.Sent {
			b.h.finish(t, ioreq.Result{})
			require.Equal(t, 1, calls)
			calls = 0
		}
		require.NoError(t, b.r.Reuse())
		b.format()
		require.NoError(t, b.r.Send(), name)
		b.end()
	}
	require.ErrorIs(t, ioreq.ErrCanceled, context.Canceled)
}

func TestSendRefusesBorrowedMemory(t *testing.T) {
	h, r, m := &hand{}, fresh(t), wrapped(t, 8)
	list, err := mdl.Describe(make([]byte, 8))
	require.NoError(t, err)
	held, err := mdl.Of(m)
	require.NoError(t, err)
	require.NoError(t, r.FormatList(h, ioreq.Read, list))
	require.ErrorIs(t, r.Send(), ioreq.ErrBorrowed)
	require.Empty(t, h.has)
	require.NoError(t, r.FormatList(h, ioreq.Read, held))
	require.NoError(t, r.Send(), "memory that Wrap made is held, its bytes are the caller's duty")
	h.finish(t, ioreq.Result{})
	require.NoError(t, r.Delete())
}

// The routine is called once, with everything still held, and must be set anew.
func TestRoutine(t *testing.T) {
	h, r, m := &hand{}, fresh(t), wrapped(t, 8)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	calls := 0
	routine := func(got *ioreq.Request, res ioreq.Result) {
		calls++
		require.Same(t, r, got)
		require.Equal(t, ioreq.Result{N: 8}, res)
		require.Equal(t, ioreq.Completed, r.State())
		require.Equal(t, res, r.Result())
		require.Equal(t, 2, m.Refs())
		require.Equal(t, 2, r.Object().Refs(), "a reference on the request")
		require.Equal(t, 1, lb.InFlight(), "and one I/O at the target")
	}
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	r.OnComplete(routine)
	require.NoError(t, r.Send())
	require.Equal(t, 2, r.Object().Refs())
	require.Zero(t, r.Result())
	require.True(t, lb.Step())
	require.Equal(t, 1, calls)
	require.Equal(t, 1, r.Object().Refs())
	require.Zero(t, lb.InFlight())
	require.Equal(t, 2, m.Refs())

	require.NoError(t, r.Reuse())
	require.Zero(t, r.Result())
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	require.NoError(t, r.Send(), "our own request needs no routine")
	require.True(t, lb.Step())
	require.Equal(t, 1, calls, "it was not set for this round")

	// Set, and forgotten by Reuse.
	require.NoError(t, r.Reuse())
	r.OnComplete(routine)
	require.NoError(t, r.Reuse())
	require.NoError(t, r.Format(h, ioreq.Write, m, ioreq.Span{}))
	require.NoError(t, r.Send())
	h.finish(t, ioreq.Result{})
	require.Equal(t, 1, calls)
	require.NoError(t, r.Delete())
	r.OnComplete(routine) // nothing to set it on
	r.OnSent(nil)
}

// A routine may do everything: begin the next round, or delete.
func TestRoutineGoesOn(t *testing.T) {
	lb, m, r := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true}), wrapped(t, 8), fresh(t)
	rounds := 0
	var routine func(*ioreq.Request, ioreq.Result)
	send := func() {
		require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
		r.OnComplete(routine)
		require.NoError(t, r.Send())
	}
	routine = func(*ioreq.Request, ioreq.Result) {
		if rounds++; rounds < 10_000 { // the loopback does not recurse
			require.NoError(t, r.Reuse())
			require.Equal(t, 1, m.Refs())
			send()
			require.Equal(t, ioreq.Sent, r.State(), "the loopback does one after the other")
			return
		}
		require.NoError(t, r.Delete())
		require.Equal(t, 1, m.Refs(), "Delete in the routine lets go at once")
		require.NotEqual(t, object.Object{}, r.Object(), "the request stays until the routine has returned")
	}
	send()
	require.Equal(t, 10_000, rounds)
	require.Equal(t, object.Object{}, r.Object())
}

// Deleting a request that is with its target only marks it.
func TestDeleteInFlight(t *testing.T) {
	parent, err := object.New(object.Config{})
	require.NoError(t, err)
	for name, del := range map[string]func(*ioreq.Request) error{
		"delete": (*ioreq.Request).Delete,
		"parent": func(*ioreq.Request) error { return parent.Delete() },
		"object": func(r *ioreq.Request) error { return r.Object().Delete() },
	} {
		h, m := &hand{}, wrapped(t, 8)
		cleaned, destroyed, calls := 0, 0, 0
		cfg := object.Config{Cleanup: func(object.Object) { cleaned++ }, Destroy: func(object.Object) { destroyed++ }}
		if name == "parent" {
			cfg.Parent = parent
		}
		r, err := ioreq.New(cfg)
		require.NoError(t, err)
		require.NoError(t, r.Format(h, ioreq.Read, m, ioreq.Span{}))
		require.NoError(t, m.Delete())
		r.OnComplete(func(got *ioreq.Request, res ioreq.Result) {
			calls++
			require.Same(t, r, got)
			require.True(t, m.Valid())
			require.ErrorIs(t, r.Reuse(), ioreq.ErrDeleted)
			require.ErrorIs(t, r.Send(), ioreq.ErrDeleted)
		})
		require.NoError(t, r.Send())
		require.NoError(t, del(r), name)
		require.Equal(t, []int{1, 0, 0}, []int{cleaned, destroyed, calls})
		require.True(t, m.Valid())
		h.finish(t, ioreq.Result{N: 3})
		require.Equal(t, []int{1, 1, 1}, []int{cleaned, destroyed, calls})
		require.False(t, m.Valid(), name)
		require.Equal(t, object.Object{}, r.Object())
	}
}

// A send that the target refuses after the request was deleted.
func TestDeletedWhileSubmitting(t *testing.T) {
	h, m, r := &hand{}, wrapped(t, 8), fresh(t)
	h.submit = func(r *ioreq.Request) error {
		require.NoError(t, r.Delete())
		return ioreq.ErrClosed
	}
	require.NoError(t, r.Format(h, ioreq.Write, m, ioreq.Span{}))
	require.ErrorIs(t, r.Send(), ioreq.ErrClosed)
	require.Equal(t, 1, m.Refs())
	require.Equal(t, object.Object{}, r.Object())
}

// A target that completes a request and then returns an error has completed
// it: Send says so, and the routine ran once.
func TestCompletedAndRefused(t *testing.T) {
	h, m, r := &hand{}, wrapped(t, 8), fresh(t)
	calls := 0
	h.submit = func(r *ioreq.Request) error {
		require.NoError(t, r.Complete(ioreq.Result{N: 1}))
		return errors.New("both")
	}
	require.NoError(t, r.Format(h, ioreq.Write, m, ioreq.Span{}))
	r.OnComplete(func(*ioreq.Request, ioreq.Result) { calls++ })
	require.NoError(t, r.Send())
	require.Equal(t, 1, calls)
	require.NoError(t, r.Reuse())

	// The same, and the request is gone when Submit returns.
	require.NoError(t, r.Format(h, ioreq.Write, m, ioreq.Span{}))
	r.OnComplete(func(*ioreq.Request, ioreq.Result) { require.NoError(t, r.Delete()) })
	require.NoError(t, r.Send())
	require.Equal(t, 1, m.Refs())
}

// A target that completes a request, whose routine sends it elsewhere, and then
// returns an error: it has nothing to say about the new flight.
func TestRefusedWhenItIsElsewhere(t *testing.T) {
	for _, refusal := range []error{nil, errors.New("both")} {
		a, b, m, r := &hand{}, &hand{}, wrapped(t, 8), fresh(t)
		a.submit = func(r *ioreq.Request) error {
			require.NoError(t, r.Complete(ioreq.Result{}))
			require.False(t, r.Cancel(), "b does not take it up")
			return refusal
		}
		b.cancel = func(*ioreq.Request) bool { return false }
		require.NoError(t, r.Format(a, ioreq.Write, m, ioreq.Span{}))
		r.OnComplete(func(r *ioreq.Request, _ ioreq.Result) {
			require.NoError(t, r.Reuse())
			require.NoError(t, r.Format(b, ioreq.Write, m, ioreq.Span{}))
			require.NoError(t, r.Send())
		})
		require.NoError(t, r.Send())
		require.Equal(t, ioreq.Sent, r.State())
		require.Equal(t, []int{0, 1}, []int{a.told, b.told})
		b.finish(t, ioreq.Result{N: 8})
		require.Equal(t, ioreq.Result{N: 8}, r.Result())
		require.NoError(t, r.Delete())
		require.Equal(t, 1, m.Refs())
	}
}

// What a target says must make sense.
func TestImplausibleResults(t *testing.T) {
	h, m, r := &hand{}, wrapped(t, 8), fresh(t)
	failure := errors.New("failure")
	require.NoError(t, r.Format(h, ioreq.Write, m, ioreq.Span{Off: 2}))
	require.NoError(t, r.Send())
	for _, res := range []ioreq.Result{{N: -1}, {N: 7}, {N: -1, Err: failure}} {
		require.ErrorIs(t, h.has[0].Complete(res), ioreq.ErrInvalid)
		require.Equal(t, ioreq.Sent, r.State())
	}
	for _, n := range []int{-1, 7} {
		require.ErrorIs(t, h.has[0].Sent(n), ioreq.ErrInvalid)
	}
	r.SetTargetData(h)
	require.Same(t, h, r.TargetData())
	h.finish(t, ioreq.Result{N: 7, Err: failure})
	require.Equal(t, ioreq.Result{N: 7, Err: failure}, r.Result())
	require.Nil(t, r.TargetData())
	require.NoError(t, r.Delete())
}
