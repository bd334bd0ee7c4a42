package netio_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/netio"
	"offheap.example/lookaside/object"
)

// Many goroutines send, cancel and time out on both ends of a connection. Each
// request completes once, what was written is what was read, and no memory
// is held afterwards.
func TestStress(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		seed := testkit.Seed(t)
		rounds := 400
		if testing.Short() {
			rounds = 60
		}
		h := heap(t)
		ours, peer := c(t)
		a, b := stream(t, ours), stream(t, peer)
		var blocks owned
		var wrote, read, odd atomic.Int64
		var writers, readers sync.WaitGroup
		for i := range 8 {
			rnd := testkit.Rand(seed, uint64(i))
			m := blocks.block(t, h, string(make([]byte, 1+rnd.IntN(20000))))
			op, to, wg, total := ioreq.Write, ioreq.Target(a), &writers, &wrote
			if i%2 == 1 {
				op, to, wg, total = ioreq.Read, ioreq.Target(b), &readers, &read
				if i%4 == 3 {
					to = b.Full()
				}
			}
			wg.Add(1)
			go func() {
				defer wg.Done()
				r, err := ioreq.New(object.Config{})
				if err != nil {
					odd.Add(1)
					return
				}
				defer func() { _ = r.Delete() }()
				done := make(chan ioreq.Result, 2)
				for n := 0; op == ioreq.Read || n < rounds; n++ {
					res, ok := oneRound(r, to, op, m, rnd.IntN(8), done)
					total.Add(int64(res.N))
					if !ok {
						odd.Add(1)
					}
					if !ok || ended(res.Err) {
						return
					}
				}
			}()
		}
		writers.Wait()
		require.NoError(t, a.Close())
		readers.Wait() // they find the end
		a.Wait()
		b.Wait()
		require.Zero(t, odd.Load(), "results that cannot be")
		require.Equal(t, wrote.Load(), read.Load())
		require.Positive(t, wrote.Load())
		blocks.gone(t)
	})
}

// oneRound sends a request and does something else to it meanwhile. It reports
// whether the outcome is one that can be.
func oneRound(r *ioreq.Request, to ioreq.Target, op ioreq.Op, m memory.Object, what int, done chan ioreq.Result) (ioreq.Result, bool) {
	if err := errors.Join(r.Reuse(), r.Format(to, op, m, ioreq.Span{})); err != nil {
		return ioreq.Result{}, false
	}
	r.OnComplete(func(_ *ioreq.Request, res ioreq.Result) { done <- res })
	if what == 0 {
		if r.SetTimeout(100*time.Microsecond) != nil {
			return ioreq.Result{}, false
		}
	}
	if err := r.Send(); err != nil {
		return ioreq.Result{}, false
	}
	if what == 1 {
		r.Cancel()
	}
	res := <-done
	switch {
	case len(done) != 0:
		return res, false
	case res.Err == nil:
		return res, res.N > 0
	case errors.Is(res.Err, context.Canceled):
		return res, what == 1
	case errors.Is(res.Err, ioreq.ErrTimeout):
		return res, what == 0
	}
	return res, ended(res.Err)
}

// ended reports whether an error says that the stream is at its end.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// Close, cancellation and completion meet in every order.
func TestCloseMeetsEverything(t *testing.T) {
	rounds := 150
	if testing.Short() {
		rounds = 20
	}
	everyConn(t, func(t *testing.T, c connect) {
		for range rounds {
			ours, peer := c(t)
			s, err := netio.NewStream(ours)
			require.NoError(t, err)
			memories := []memory.Object{zeros(t, 100), zeros(t, 100)}
			var called atomic.Int32
			var sent int32
			var requests []*ioreq.Request
			for i := range 6 {
				r := request(t)
				require.NoError(t, r.Format(s, []ioreq.Op{ioreq.Read, ioreq.Write}[i%2], memories[i%2], ioreq.Span{}))
				r.OnComplete(func(*ioreq.Request, ioreq.Result) { called.Add(1) })
				require.NoError(t, r.Send())
				sent++
				requests = append(requests, r)
			}
			var wg sync.WaitGroup
			for _, do := range []func(){
				func() { _ = s.Close() },
				func() { requests[0].Cancel(); requests[3].Cancel() },
				func() { _, _ = peer.Write(make([]byte, 10)); _ = peer.Close() },
				func() { _ = s.SetDeadline(time.Now()) },
			} {
				wg.Add(1)
				go func() { defer wg.Done(); do() }()
			}
			wg.Wait()
			s.Wait()
			require.Equal(t, sent, called.Load())
			for _, r := range requests {
				require.NoError(t, r.Delete())
			}
			gone(t, memories[0])
			gone(t, memories[1])
		}
	})
}
