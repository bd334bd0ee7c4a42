package ioreq_test

import (
	"context"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
)

var someDay = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// Cancel has two answers: the bit, and whether the target took it up.
func TestCancel(t *testing.T) {
	h, m, r := &hand{}, wrapped(t, 8), fresh(t)
	h.cancel = func(got *ioreq.Request) bool {
		require.Same(t, h.has[0], got)
		require.True(t, got.CancelRequested(), "the bit is set when the target hears of it")
		h.finish(t, ioreq.Result{N: 2, Err: ioreq.ErrCanceled})
		return true
	}
	calls := 0
	ready := func() {
		require.NoError(t, r.Format(h, ioreq.Read, m, ioreq.Span{}))
		r.OnComplete(func(_ *ioreq.Request, res ioreq.Result) {
			calls++
			require.ErrorIs(t, res.Err, context.Canceled)
		})
	}

	// Before: the bit, and no flight.
	ready()
	require.False(t, r.Cancel())
	require.True(t, r.CancelRequested())
	require.ErrorIs(t, r.Send(), ioreq.ErrCanceled)
	require.NoError(t, r.Reuse())
	require.False(t, r.CancelRequested())

	// During: the bit, and the routine runs.
	ready()
	require.NoError(t, r.Send())
	require.True(t, r.Cancel())
	require.True(t, r.CancelRequested())
	require.Equal(t, 1, calls)
	require.Equal(t, 2, r.Result().N)

	// After: neither.
	require.NoError(t, r.Reuse())
	h.cancel = nil
	require.NoError(t, r.Format(h, ioreq.Read, m, ioreq.Span{}))
	require.NoError(t, r.Send())
	h.finish(t, ioreq.Result{})
	require.False(t, r.Cancel())
	require.False(t, r.CancelRequested())

	// During, and the target will not: it ends as it would have.
	require.NoError(t, r.Reuse())
	h.cancel = func(*ioreq.Request) bool { return false }
	require.NoError(t, r.Format(h, ioreq.Read, m, ioreq.Span{}))
	require.NoError(t, r.Send())
	require.False(t, r.Cancel())
	require.True(t, r.CancelRequested())
	h.finish(t, ioreq.Result{N: 8})
	require.Equal(t, ioreq.Result{N: 8}, r.Result())
	require.NoError(t, r.Delete())
}

// Who cancels while the target is taking the request is heard when it has.
func TestCancelDuringSubmit(t *testing.T) {
	h, m, r := &hand{}, wrapped(t, 8), fresh(t)
	h.submit = func(r *ioreq.Request) error {
		require.False(t, r.Cancel())
		require.True(t, r.CancelRequested())
		require.Zero(t, h.told)
		return nil
	}
	h.cancel = func(*ioreq.Request) bool {
		h.finish(t, ioreq.Result{Err: ioreq.ErrCanceled})
		return true
	}
	require.NoError(t, r.Format(h, ioreq.Read, m, ioreq.Span{}))
	require.NoError(t, r.Send())
	require.Equal(t, 1, h.told)
	require.ErrorIs(t, r.Result().Err, ioreq.ErrCanceled)

	// Completed or refused all the same: the target is not told.
	require.NoError(t, r.Reuse())
	h.submit = func(r *ioreq.Request) error {
		require.False(t, r.Cancel())
		require.NoError(t, r.Complete(ioreq.Result{N: 1}))
		return nil
	}
	require.NoError(t, r.Format(h, ioreq.Read, m, ioreq.Span{}))
	require.NoError(t, r.Send())
	require.Equal(t, 1, h.told)
	require.NoError(t, r.Reuse())
	h.submit = func(r *ioreq.Request) error { r.Cancel(); return ioreq.ErrClosed }
	require.NoError(t, r.Format(h, ioreq.Read, m, ioreq.Span{}))
	require.ErrorIs(t, r.Send(), ioreq.ErrClosed)
	require.Equal(t, 1, h.told)
	require.ErrorIs(t, r.Send(), ioreq.ErrCanceled, "it was cancelled before this send")
	require.NoError(t, r.Delete())
}

// A timeout cancels, and what is cancelled for lack of time says so.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb, m, r := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true}), wrapped(t, 8), fresh(t)
		calls := 0
		send := func() {
			t.Helper()
			require.NoError(t, r.Format(lb, ioreq.Read, m, ioreq.Span{}))
			r.OnComplete(func(*ioreq.Request, ioreq.Result) { calls++ })
			require.NoError(t, r.Send())
		}
		start := time.Now()
		require.NoError(t, r.SetTimeout(time.Second))
		send()
		at, ok := r.Deadline()
		require.True(t, ok)
		require.Equal(t, start.Add(time.Second), at)
		time.Sleep(time.Second - 1)
		synctest.Wait()
		require.Equal(t, ioreq.Sent, r.State())
		time.Sleep(1)
		synctest.Wait()
		require.Equal(t, 1, calls)
		err := r.Result().Err
		require.ErrorIs(t, err, ioreq.ErrTimeout)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, context.Canceled)
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
		require.True(t, timeout.(interface{ Temporary() bool }).Temporary())
		require.True(t, r.CancelRequested())
		_, ok = r.Deadline()
		require.False(t, ok, "a timeout is for one flight")

		// The next round has no limit.
		require.NoError(t, r.Reuse())
		_, ok = r.Deadline()
		require.False(t, ok)
		send()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, ioreq.Sent, r.State())
		require.True(t, r.Cancel())
		require.ErrorIs(t, r.Result().Err, ioreq.ErrCanceled, "cancelled by hand is not timed out")

		// One with a deadline that has passed is submitted and cancelled.
		require.NoError(t, r.Reuse())
		require.NoError(t, r.SetDeadline(time.Now().Add(-time.Second)))
		send()
		synctest.Wait()
		require.ErrorIs(t, r.Result().Err, ioreq.ErrTimeout)

		// One that completes in time is not touched, nor is the round after it by its clock.
		require.NoError(t, r.Reuse())
		require.NoError(t, r.SetTimeout(time.Second))
		send()
		require.True(t, stepWith(t, lb, m))
		require.NoError(t, r.Result().Err)
		require.NoError(t, r.Reuse())
		require.NoError(t, r.SetTimeout(time.Minute))
		send()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, ioreq.Sent, r.State())
		require.ErrorIs(t, r.SetTimeout(1), ioreq.ErrSent)
		require.ErrorIs(t, r.SetDeadline(someDay), ioreq.ErrSent)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.ErrorIs(t, r.Result().Err, ioreq.ErrTimeout)

		// Taken back.
		require.NoError(t, r.Reuse())
		require.NoError(t, r.SetTimeout(time.Second))
		require.NoError(t, r.SetTimeout(0))
		send()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, ioreq.Sent, r.State())
		require.NoError(t, lb.Close())
		require.ErrorIs(t, r.Result().Err, ioreq.ErrClosed)
		require.Equal(t, 6, calls)
		require.NoError(t, r.Reuse())
		require.ErrorIs(t, r.SetTimeout(-1), ioreq.ErrInvalid)
		require.NoError(t, r.Delete())
		require.Equal(t, 1, m.Refs())
	})
}

// stepWith gives lb's oldest read something to read.
func stepWith(t *testing.T, lb *ioreq.Loopback, m interface{ Len() int }) bool {
	w := fresh(t)
	require.NoError(t, w.Format(lb, ioreq.Write, wrapped(t, m.Len()), ioreq.Span{}))
	require.NoError(t, w.Send())
	for lb.Step() {
	}
	require.Equal(t, ioreq.Completed, w.State())
	return w.Delete() == nil
}

// The target does not honour the cancellation: the timeout changes nothing.
func TestTimeoutOfAStubbornTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true, Stubborn: true})
		m, r := wrapped(t, 8), fresh(t)
		require.NoError(t, r.SetTimeout(time.Second))
		require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
		require.NoError(t, r.Send())
		time.Sleep(time.Minute)
		synctest.Wait()
		require.True(t, r.CancelRequested())
		require.Equal(t, ioreq.Sent, r.State())
		require.True(t, lb.Step())
		require.Equal(t, ioreq.Result{N: 8}, r.Result())
		require.NoError(t, r.Delete())
	})
}

// A timeout counts from the send that works.
func TestTimeoutOfASendThatFails(t *testing.T) {
	h, m, r := &hand{}, wrapped(t, 8), fresh(t)
	h.submit = func(*ioreq.Request) error { return ioreq.ErrClosed }
	require.NoError(t, r.SetTimeout(time.Hour))
	require.NoError(t, r.Format(h, ioreq.Read, m, ioreq.Span{}))
	require.ErrorIs(t, r.Send(), ioreq.ErrClosed)
	_, ok := r.Deadline()
	require.False(t, ok)
	require.NoError(t, r.SetDeadline(someDay))
	require.ErrorIs(t, r.Send(), ioreq.ErrClosed)
	at, ok := r.Deadline()
	require.True(t, ok)
	require.Equal(t, someDay, at)
	require.NoError(t, r.Delete())
}

// Who cancels while OnSent's function tells of the end comes too late.
func TestCancelInTheEnd(t *testing.T) {
	h, m, r := &hand{}, wrapped(t, 8), fresh(t)
	told := 0
	require.NoError(t, r.Format(h, ioreq.Read, m, ioreq.Span{}))
	r.OnSent(func(*ioreq.Request, int) {
		told++
		require.False(t, r.Cancel())
		require.False(t, r.CancelRequested())
		require.ErrorIs(t, h.has[0].Complete(ioreq.Result{}), ioreq.ErrNotSent)
		require.ErrorIs(t, h.has[0].Sent(0), ioreq.ErrNotSent)
	})
	require.NoError(t, r.Send())
	require.NoError(t, h.has[0].Complete(ioreq.Result{N: 1}))
	require.Equal(t, []int{1, 0}, []int{told, h.told})
	require.NoError(t, r.Delete())
}

// Pairs of goroutines, one that completes and one that cancels: every request
// completes once.
func TestCompleteAndCancel(t *testing.T) {
	pairs := 10_000
	if testing.Short() {
		pairs = 1_000
	}
	m := wrapped(t, 8)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	r := fresh(t)
	calls, canceled, took := 0, 0, 0
	for i := range pairs {
		require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
		r.OnComplete(func(_ *ioreq.Request, res ioreq.Result) {
			calls++ // a race, if two were called
			if res.Err != nil {
				canceled++
			}
		})
		require.NoError(t, r.Send())
		var wg sync.WaitGroup
		wg.Add(2)
		go func() {
			defer wg.Done()
			lb.Step()
		}()
		yes := false
		go func() {
			defer wg.Done()
			yes = r.Cancel()
		}()
		wg.Wait()
		require.Equal(t, i+1, calls)
		require.Equal(t, ioreq.Completed, r.State())
		if yes {
			took++
		}
		require.NoError(t, r.Reuse())
	}
	require.Equal(t, took, canceled, "whoever was told yes was cancelled")
	require.Zero(t, lb.InFlight())
	require.NoError(t, r.Delete())
	require.Equal(t, 1, m.Refs())
}

// The same with many requests at once, each with someone who cancels it.
func TestManyCompleteAndCancel(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1_000
	}
	m := wrapped(t, 8)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{})
	var mu sync.Mutex
	seen := make(map[*ioreq.Request]int)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range n / 4 {
				r, err := newRequest()
				if err != nil {
					t.Error(err)
					return
				}
				done := make(chan struct{})
				op := ioreq.Write
				if (i+w)%2 == 0 {
					op = ioreq.Read
				}
				if err := r.Format(lb, op, m, ioreq.Span{}); err != nil {
					t.Error(err)
				}
				r.OnComplete(func(r *ioreq.Request, _ ioreq.Result) {
					mu.Lock()
					seen[r]++
					mu.Unlock()
					done <- struct{}{} // nobody is in Send or Cancel for it
				})
				if err := r.Send(); err != nil {
					t.Error(err)
				}
				var c sync.WaitGroup
				c.Go(func() { r.Cancel() })
				<-done
				c.Wait()
				mu.Lock()
				if seen[r] != 1 {
					t.Errorf("completed %d times", seen[r])
				}
				delete(seen, r)
				mu.Unlock()
				if err := r.Delete(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	lb.Wait()
	require.Equal(t, 1, m.Refs())
	require.NoError(t, lb.Close())
}
