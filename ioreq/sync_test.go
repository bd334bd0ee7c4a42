package ioreq_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// All three forms of descriptor, there and back.
func TestSendSync(t *testing.T) {
	ctx := context.Background()
	for _, cfg := range []ioreq.LoopbackConfig{{}, {Inline: true}} {
		lb := ioreq.NewLoopback(cfg)
		m := wrapped(t, 8)
		list, err := mdl.Describe(make([]byte, 5))
		require.NoError(t, err)
		n, err := ioreq.SendSync(ctx, lb, ioreq.Write, ioreq.Buffer([]byte("one.")))
		require.NoError(t, err)
		require.Equal(t, 4, n)
		n, err = ioreq.SendSync(ctx, lb, ioreq.Read, ioreq.Memory(m, ioreq.Span{Off: 2}))
		require.NoError(t, err)
		require.Equal(t, 4, n)
		require.Equal(t, "\x00\x00one.\x00\x00", string(m.Bytes()))
		n, err = ioreq.SendSync(ctx, lb, ioreq.Write, ioreq.Memory(m, ioreq.Span{Off: 2, Len: 3}))
		require.NoError(t, err)
		require.Equal(t, 3, n)
		n, err = ioreq.SendSync(ctx, lb, ioreq.Read, ioreq.Scatter(list))
		require.NoError(t, err)
		require.Equal(t, 3, n)
		got := make([]byte, 5)
		require.NoError(t, list.CopyOut(0, got))
		require.Equal(t, "one\x00\x00", string(got))
		n, err = ioreq.SendSync(ctx, lb, ioreq.Write, ioreq.Buffer([]byte{}))
		require.NoError(t, err)
		require.Zero(t, n)
		require.Equal(t, 1, m.Refs())
		lb.Wait()
	}
}

func TestSendSyncRefuses(t *testing.T) {
	ctx := context.Background()
	h, m, gone := &hand{}, wrapped(t, 8), wrapped(t, 8)
	require.NoError(t, gone.Delete())
	readOnly := wrapped(t, 8, memory.ReadOnly())
	released := mdl.New()
	released.Release()
	refusal := errors.New("refused")
	for name, c := range map[string]struct {
		err error
		t   ioreq.Target
		op  ioreq.Op
		d   ioreq.Descriptor
	}{
		"no descriptor": {ioreq.ErrInvalid, h, ioreq.Read, ioreq.Descriptor{}},
		"no buffer":     {ioreq.ErrInvalid, h, ioreq.Read, ioreq.Buffer(nil)},
		"no memory":     {ioreq.ErrInvalid, h, ioreq.Read, ioreq.Memory(memory.Object{}, ioreq.Span{})},
		"no list":       {ioreq.ErrInvalid, h, ioreq.Read, ioreq.Scatter(nil)},
		"stale memory":  {object.ErrDeleted, h, ioreq.Read, ioreq.Memory(gone, ioreq.Span{})},
		"stale list":    {object.ErrDeleted, h, ioreq.Read, ioreq.Scatter(released)},
		"span":          {ioreq.ErrSpan, h, ioreq.Read, ioreq.Memory(m, ioreq.Span{Off: 9})},
		"read-only":     {memory.ErrReadOnly, h, ioreq.Read, ioreq.Memory(readOnly, ioreq.Span{})},
		"no target":     {ioreq.ErrInvalid, nil, ioreq.Read, ioreq.Memory(m, ioreq.Span{})},
		"operation":     {ioreq.ErrInvalid, h, 0, ioreq.Memory(m, ioreq.Span{})},
		"format":        {refusal, &hand{prepare: func(*ioreq.Request) error { return refusal }}, ioreq.Read, ioreq.Memory(m, ioreq.Span{})},
		"submit":        {refusal, &hand{submit: func(*ioreq.Request) error { return refusal }}, ioreq.Read, ioreq.Memory(m, ioreq.Span{})},
	} {
		n, err := ioreq.SendSync(ctx, c.t, c.op, c.d)
		require.ErrorIs(t, err, c.err, name)
		require.Zero(t, n, name)
		require.Empty(t, h.has, name)
		require.Equal(t, 1, m.Refs(), name)
		require.Equal(t, 1, readOnly.Refs(), name)
	}
	n, err := ioreq.SendSync(ctx, sink{}, ioreq.Read, ioreq.Memory(m, ioreq.Span{}))
	require.NoError(t, err)
	require.Equal(t, 8, n)
}

// What the target says is what the caller gets, count and error.
func TestSendSyncFails(t *testing.T) {
	failure := errors.New("failure")
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Fault: func(ioreq.Op, int) (int, error) { return 3, failure }})
	n, err := ioreq.SendSync(context.Background(), lb, ioreq.Write, ioreq.Buffer(make([]byte, 8)))
	require.ErrorIs(t, err, failure)
	require.Equal(t, 3, n)
}

// A context that ends: the request is cancelled, and SendSync waits until the
// target has let go.
func TestSendSyncAndContext(t *testing.T) {
	m := wrapped(t, 8)
	d := ioreq.Memory(m, ioreq.Span{})
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	h := &hand{}
	_, err := ioreq.SendSync(ended, h, ioreq.Read, d)
	require.ErrorIs(t, err, ioreq.ErrCanceled)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, h.has)

	synctest.Test(t, func(t *testing.T) {
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
		start := time.Now()
		_, err := ioreq.SendSync(late, lb, ioreq.Read, d)
		require.ErrorIs(t, err, ioreq.ErrTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		require.Zero(t, lb.InFlight())
		_, err = ioreq.SendSync(late, lb, ioreq.Read, d)
		require.ErrorIs(t, err, ioreq.ErrTimeout, "it has passed before")

		byHand, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, stop)
		_, err = ioreq.SendSync(byHand, lb, ioreq.Read, d)
		require.ErrorIs(t, err, ioreq.ErrCanceled)
		require.NotErrorIs(t, err, ioreq.ErrTimeout)

		// The target does not give it up: the caller waits, and gets what there is.
		stubborn := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true, Stubborn: true})
		byHand, stop = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		time.AfterFunc(time.Minute, func() { stubborn.Step() })
		start = time.Now()
		n, err := ioreq.SendSync(byHand, stubborn, ioreq.Write, d)
		require.NoError(t, err)
		require.Equal(t, 8, n)
		require.Equal(t, time.Minute, time.Since(start))

		// The target sees the deadline.
		until, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		peek := &hand{submit: func(r *ioreq.Request) error {
			at, ok := r.Deadline()
			require.True(t, ok)
			require.Equal(t, time.Now().Add(time.Hour), at)
			return r.Complete(ioreq.Result{N: 8})
		}}
		n, err = ioreq.SendSync(until, peek, ioreq.Write, d)
		require.NoError(t, err)
		require.Equal(t, 8, n)
	})
	require.Equal(t, 1, m.Refs())
}

// limited is a context that cannot be waited for, and has a deadline.
type limited struct {
	context.Context
	until time.Time
}

func (l limited) Deadline() (time.Time, bool) { return l.until, true }

func TestSendSyncWithADeadlineAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
		ctx := limited{context.Background(), time.Now().Add(time.Second)}
		_, err := ioreq.SendSync(ctx, lb, ioreq.Read, ioreq.Buffer(make([]byte, 8)))
		require.ErrorIs(t, err, ioreq.ErrTimeout)
	})
}

// What a synchronous send may, the next request may not.
func TestSendSyncLeavesNothing(t *testing.T) {
	_, err := ioreq.SendSync(context.Background(), sink{}, ioreq.Write, ioreq.Buffer(make([]byte, 8)))
	require.NoError(t, err)
	for range 100 { // one of these is where that one was
		r := fresh(t)
		list, err := mdl.Describe(make([]byte, 8))
		require.NoError(t, err)
		require.NoError(t, r.FormatList(sink{}, ioreq.Write, list))
		require.ErrorIs(t, r.Send(), ioreq.ErrBorrowed)
		list.Release()
		require.NoError(t, r.Delete())
	}
}

// A target that completes with an error of a context of its own: it is told as
// it is.
func TestSendSyncWhenTheTargetCancels(t *testing.T) {
	h := &hand{submit: func(r *ioreq.Request) error {
		return r.Complete(ioreq.Result{N: 1, Err: context.Canceled})
	}}
	n, err := ioreq.SendSync(t.Context(), h, ioreq.Write, ioreq.Buffer(make([]byte, 8)))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ioreq.ErrTimeout)
	require.Equal(t, 1, n)
}
