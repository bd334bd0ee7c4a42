package ioreq

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// quiet is a target that keeps what it gets and counts cancellations.
type quiet struct{ told int }

func (q *quiet) Submit(*Request) error { return nil }
func (q *quiet) Cancel(*Request) bool  { q.told++; return true }

// A clock that rings too early, because somebody has set it back, or too late,
// for a flight that is over, cancels nothing.
func TestTheClockRingsAtTheWrongTime(t *testing.T) {
	m, err := memory.Wrap(make([]byte, 8))
	require.NoError(t, err)
	r, err := New(object.Config{})
	require.NoError(t, err)
	q := &quiet{}
	b := r.b.Load()
	b.expire() // nothing is sent
	require.NoError(t, r.SetTimeout(time.Hour))
	require.NoError(t, r.Format(q, Read, m, Span{}))
	b.expire()
	require.NoError(t, r.Send())
	b.expire() // too early
	require.False(t, r.CancelRequested())

	// In time, but the target has completed: its word counts.
	r.OnSent(func(*Request, int) {
		require.NoError(t, r.Complete(Result{Err: context.Canceled}))
		b.mu.Lock()
		b.deadline = time.Now().Add(-time.Second)
		b.mu.Unlock()
		b.expire()
	})
	require.NoError(t, r.Sent(8))
	require.Equal(t, Result{Err: context.Canceled}, r.Result())
	require.False(t, r.CancelRequested())
	b.expire() // too late
	require.Zero(t, q.told)

	// In time.
	require.NoError(t, r.Reuse())
	require.NoError(t, r.Format(q, Read, m, Span{}))
	require.NoError(t, r.SetTimeout(time.Hour))
	require.NoError(t, r.Send())
	b.mu.Lock()
	b.deadline = time.Now().Add(-time.Second)
	b.mu.Unlock()
	b.expire()
	require.Equal(t, 1, q.told)
	require.NoError(t, r.Complete(Result{Err: ErrCanceled}))
	require.ErrorIs(t, r.Result().Err, ErrTimeout)
	require.NoError(t, r.Delete())
	require.Equal(t, 1, m.Refs())
}
