package ioreq_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
)

// Sent and completed are two things.
func TestTwoPhases(t *testing.T) {
	h, m, r := &hand{}, wrapped(t, 8), fresh(t)
	var seen []string
	round := func() {
		seen = nil
		require.NoError(t, r.Format(h, ioreq.Write, m, ioreq.Span{}))
		r.OnSent(func(got *ioreq.Request, n int) {
			require.Same(t, r, got)
			require.Equal(t, ioreq.Sent, r.State())
			require.Zero(t, r.Result(), "there is none before it has completed")
			require.Equal(t, 5, n)
			seen = append(seen, "sent")
		})
		r.OnComplete(func(*ioreq.Request, ioreq.Result) { seen = append(seen, "completed") })
		require.NoError(t, r.Send())
	}
	// Told apart.
	round()
	require.NoError(t, h.has[0].Sent(5))
	require.Equal(t, []string{"sent"}, seen)
	require.Equal(t, 2, m.Refs(), "sent is not completed: the memory is held")
	require.ErrorIs(t, h.has[0].Sent(5), ioreq.ErrInvalid)
	h.finish(t, ioreq.Result{N: 5})
	require.Equal(t, []string{"sent", "completed"}, seen)
	require.ErrorIs(t, r.Sent(5), ioreq.ErrNotSent)

	// One thing for this target: Complete is both.
	require.NoError(t, r.Reuse())
	round()
	h.finish(t, ioreq.Result{N: 5})
	require.Equal(t, []string{"sent", "completed"}, seen)

	// Not sent when it failed, unless the target had said so.
	require.NoError(t, r.Reuse())
	round()
	h.finish(t, ioreq.Result{N: 5, Err: ioreq.ErrClosed})
	require.Equal(t, []string{"completed"}, seen)
	require.NoError(t, r.Reuse())
	round()
	require.NoError(t, h.has[0].Sent(5))
	h.finish(t, ioreq.Result{N: 5, Err: ioreq.ErrClosed})
	require.Equal(t, []string{"sent", "completed"}, seen)

	// Completed from within the first phase, and again in the next round.
	require.NoError(t, r.Reuse())
	round()
	r.OnSent(func(*ioreq.Request, int) {
		seen = append(seen, "sent")
		h.finish(t, ioreq.Result{N: 5})
		require.Equal(t, []string{"sent"}, seen, "the functions of a round do not overlap")
	})
	require.NoError(t, h.has[0].Sent(5))
	require.Equal(t, []string{"sent", "completed"}, seen)
	require.NoError(t, r.Reuse())
	require.NoError(t, r.Format(h, ioreq.Write, m, ioreq.Span{}))
	require.NoError(t, r.Send())
	require.NoError(t, h.has[0].Sent(0), "nobody listens")
	h.finish(t, ioreq.Result{N: 0})
	require.NoError(t, r.Delete())
}

// Completed within Submit, while OnSent's function runs elsewhere, and refused:
// it is completed, and the routine is called when that function has returned.
func TestCompletedWhileSent(t *testing.T) {
	h, m, r := &hand{}, wrapped(t, 8), fresh(t)
	entered, release, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var order []string
	h.submit = func(r *ioreq.Request) error {
		go func() {
			if r.Sent(3) != nil {
				t.Error("sent")
			}
		}()
		<-entered
		require.NoError(t, r.Complete(ioreq.Result{N: 3}))
		return errors.New("both")
	}
	require.NoError(t, r.Format(h, ioreq.Write, m, ioreq.Span{}))
	r.OnSent(func(*ioreq.Request, int) {
		close(entered)
		<-release
		order = append(order, "sent")
	})
	r.OnComplete(func(*ioreq.Request, ioreq.Result) {
		order = append(order, "completed")
		close(over)
	})
	require.NoError(t, r.Send())
	require.Equal(t, ioreq.Sent, r.State())
	close(release)
	<-over
	require.Equal(t, []string{"sent", "completed"}, order)
	require.NoError(t, r.Reuse())
	require.NoError(t, r.Delete())
}

// What a target did with a request that it then refused is forgotten.
func TestRefusedAfterAll(t *testing.T) {
	h, m, r := &hand{}, wrapped(t, 8), fresh(t)
	h.submit = func(r *ioreq.Request) error {
		require.NoError(t, r.Sent(1))
		r.SetTargetData(h)
		return ioreq.ErrClosed
	}
	require.NoError(t, r.Format(h, ioreq.Write, m, ioreq.Span{}))
	require.ErrorIs(t, r.Send(), ioreq.ErrClosed)
	require.Nil(t, r.TargetData())
	h.submit = nil
	require.NoError(t, r.Send())
	require.NoError(t, h.has[0].Sent(2))
	h.finish(t, ioreq.Result{N: 2})
	require.NoError(t, r.Delete())
}
