package netio_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/netio"
	"offheap.example/lookaside/object"
)

// bg never ends.
var bg = context.Background()

// large is more than a connection takes while nobody reads.
const large = 8 << 20

func zeros(t testing.TB, n int) memory.Object {
	t.Helper()
	m, err := memory.Wrap(make([]byte, n))
	require.NoError(t, err)
	return m
}

func TestPeerResetsInTheMiddleOfASend(t *testing.T) {
	ours, peer := overTCP(t)
	a := stream(t, ours)
	m, small := zeros(t, large), zeros(t, 10)
	w, next := send(t, a, ioreq.Write, m), send(t, a, ioreq.Write, small)
	_, err := io.ReadFull(peer, make([]byte, 100))
	require.NoError(t, err)
	w.quiet(t)
	require.Equal(t, 2, m.Refs())
	require.NoError(t, peer.(*net.TCPConn).SetLinger(0))
	require.NoError(t, peer.Close())
	res := w.wait(t)
	require.GreaterOrEqual(t, res.N, 100)
	require.Less(t, res.N, large)
	why(t, res, res.N, large, netio.ErrReset)
	require.Error(t, next.wait(t).Err)
	for range 3 { // it is told once; after that a write is one that nobody reads, and a read finds the end
		res = send(t, a, ioreq.Write, small).wait(t)
		require.True(t, errors.Is(res.Err, netio.ErrPeerClosed) || errors.Is(res.Err, netio.ErrReset), "%v", res.Err)
		require.Error(t, send(t, a, ioreq.Read, small).wait(t).Err)
	}
	gone(t, m)
	gone(t, small)
}

func TestPeerResetsWhileWeRead(t *testing.T) {
	ours, peer := overTCP(t)
	a := stream(t, ours)
	m := zeros(t, 10)
	_, err := peer.Write([]byte("abc"))
	require.NoError(t, err)
	require.Equal(t, ioreq.Result{N: 3}, send(t, a, ioreq.Read, m).wait(t))
	r := send(t, a.Full(), ioreq.Read, m)
	require.NoError(t, peer.(*net.TCPConn).SetLinger(0))
	require.NoError(t, peer.Close())
	why(t, r.wait(t), 0, 10, netio.ErrReset)
	gone(t, m)
}

func TestPeerClosesItsEnd(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		ours, peer := c(t)
		a := stream(t, ours)
		require.NoError(t, peer.Close())
		m := zeros(t, 1000)
		eventually(t, func() bool { // TCP takes some bytes before it hears of it
			res := send(t, a, ioreq.Write, m).wait(t)
			if res.Err == nil {
				return false
			}
			require.True(t, errors.Is(res.Err, netio.ErrPeerClosed) || errors.Is(res.Err, netio.ErrReset), "%v", res.Err)
			return true
		}, "a write that nobody reads works for ever")
		gone(t, m)
	})
}

func TestCloseCompletesEverythingOnceAndInOrder(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		ours, peer := c(t)
		before := settled()
		a := stream(t, ours)
		m := zeros(t, large)
		order := make(chan int, 20)
		var rounds []*round
		for i := range 20 {
			r := request(t)
			op := []ioreq.Op{ioreq.Read, ioreq.Write}[i%2]
			require.NoError(t, r.Format(a, op, m, ioreq.Span{}))
			o := &round{Request: r, done: make(chan ioreq.Result, 4)}
			r.OnComplete(func(_ *ioreq.Request, res ioreq.Result) {
				o.calls.Add(1)
				if op == ioreq.Write {
					order <- i
				}
				o.done <- res
			})
			require.NoError(t, r.Send())
			rounds = append(rounds, o)
		}
		require.Equal(t, 20, a.InFlight())
		require.Equal(t, 21, m.Refs())
		one := make([]byte, 1)
		_, err := io.ReadFull(peer, one)
		require.NoError(t, err)
		require.NoError(t, a.Close())
		for i, o := range rounds {
			res := o.wait(t)
			if i == 1 {
				require.Positive(t, res.N)
				require.Less(t, res.N, large)
			} else {
				require.Zero(t, res.N)
			}
			why(t, res, res.N, large, netio.ErrClosed)
			require.ErrorIs(t, res.Err, net.ErrClosed)
		}
		for i := range 10 {
			require.Equal(t, 2*i+1, <-order)
		}
		a.Wait()
		require.Zero(t, a.InFlight())
		gone(t, m)
		goroutines(t, before)
	})
}

func TestCancelARead(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		h := heap(t)
		ours, peer := c(t)
		a := stream(t, ours)
		m := block(t, h, "....")
		first, second, third := send(t, a, ioreq.Read, m), send(t, a, ioreq.Read, m), send(t, a, ioreq.Read, m)
		require.True(t, second.Cancel(), "one that waits for its turn")
		why(t, second.wait(t), 0, 4, context.Canceled)
		first.quiet(t)
		require.True(t, first.Cancel(), "the one under way")
		why(t, first.wait(t), 0, 4, ioreq.ErrCanceled)
		require.False(t, first.Cancel())
		_, err := peer.Write([]byte("abc"))
		require.NoError(t, err)
		require.Equal(t, ioreq.Result{N: 3}, third.wait(t), "the connection is as it was")
		require.Equal(t, "abc.", string(m.Bytes()))
		gone(t, m)
	})
}

func TestCancelAWriteInTheMiddle(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		ours, peer := c(t)
		a := stream(t, ours)
		m := zeros(t, large)
		w, next := send(t, a, ioreq.Write, m), send(t, a, ioreq.Write, m)
		_, err := io.ReadFull(peer, make([]byte, 1000))
		require.NoError(t, err)
		require.True(t, next.Cancel())
		why(t, next.wait(t), 0, large, ioreq.ErrCanceled)
		require.True(t, w.Cancel())
		res := w.wait(t)
		why(t, res, res.N, large, ioreq.ErrCanceled)
		require.GreaterOrEqual(t, res.N, 1000)
		require.Less(t, res.N, large)
		require.NoError(t, a.Close())
		rest, err := io.Copy(io.Discard, peer)
		require.NoError(t, err)
		require.Equal(t, res.N, 1000+int(rest), "the count is what the peer gets")
		gone(t, m)
	})
}

func TestCancelBeforeSend(t *testing.T) {
	ours, _ := overTCP(t)
	a := stream(t, ours)
	m := zeros(t, 4)
	for _, op := range []ioreq.Op{ioreq.Read, ioreq.Write} {
		r := request(t)
		require.NoError(t, r.Format(a, op, m, ioreq.Span{}))
		r.OnComplete(func(*ioreq.Request, ioreq.Result) { t.Error("a routine of a request that was not sent") })
		require.False(t, r.Cancel())
		require.ErrorIs(t, r.Send(), ioreq.ErrCanceled)
		require.Zero(t, a.InFlight())
		require.NoError(t, r.Reuse())
	}
	gone(t, m)
}

func TestTimeouts(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		ours, peer := c(t)
		a := stream(t, ours)
		m := zeros(t, large)
		for _, op := range []ioreq.Op{ioreq.Read, ioreq.Write} {
			r := request(t)
			require.NoError(t, r.Format(a, op, m, ioreq.Span{}))
			require.NoError(t, r.SetTimeout(time.Millisecond))
			o := start(t, r)
			res := o.wait(t)
			require.ErrorIs(t, res.Err, ioreq.ErrTimeout)
			require.ErrorIs(t, res.Err, os.ErrDeadlineExceeded)
			if op == ioreq.Write {
				go func() { _, _ = io.Copy(io.Discard, peer) }()
			}
		}
		small := zeros(t, 5)
		require.Equal(t, ioreq.Result{N: 5}, send(t, a, ioreq.Write, small).wait(t), "the next one has time")
		gone(t, m)
		gone(t, small)
	})
}

func TestDeadlines(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		ours, peer := c(t)
		a := stream(t, ours)
		m := zeros(t, large)
		for _, op := range []ioreq.Op{ioreq.Read, ioreq.Write} {
			o, behind := send(t, a, op, m), send(t, a, op, m)
			o.quiet(t)
			require.NoError(t, a.SetDeadline(time.Now().Add(time.Millisecond)))
			for _, o := range []*round{o, behind} {
				res := o.wait(t)
				e := why(t, res, res.N, large, ioreq.ErrTimeout)
				require.True(t, e.Timeout() && e.Temporary())
				require.ErrorIs(t, res.Err, os.ErrDeadlineExceeded)
			}
			require.NoError(t, a.SetDeadline(time.Time{}))
		}
		r := send(t, a, ioreq.Read, m)
		_, err := peer.Write([]byte("x"))
		require.NoError(t, err)
		require.Equal(t, ioreq.Result{N: 1}, r.wait(t))
		gone(t, m)
	})
}

// A deadline lasts though a cancellation used the connection's own.
func TestADeadlineOutlivesACancellation(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		ours, _ := c(t)
		a := stream(t, ours)
		m := zeros(t, 4)
		require.NoError(t, a.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
		r, next := send(t, a, ioreq.Read, m), send(t, a, ioreq.Read, m)
		require.True(t, r.Cancel())
		require.ErrorIs(t, r.wait(t).Err, ioreq.ErrCanceled)
		why(t, next.wait(t), 0, 4, ioreq.ErrTimeout)
		gone(t, m)
	})
}

func TestDeadlinesOfAClosedStream(t *testing.T) {
	ours, _ := overTCP(t)
	a := stream(t, ours)
	require.NoError(t, a.Close())
	require.ErrorIs(t, a.SetReadDeadline(time.Time{}), net.ErrClosed)
	require.ErrorIs(t, a.SetWriteDeadline(time.Time{}), net.ErrClosed)
	require.ErrorIs(t, a.SetDeadline(time.Time{}), net.ErrClosed)
}

// Memory that its owner deletes stays until the kernel has read all of it.
func TestMemoryLivesAsLongAsTheKernelReadsIt(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		h := heap(t)
		ours, peer := c(t)
		a := stream(t, ours)
		text := strings.Repeat("0123456789abcdef", large/16)
		m := block(t, h, text)
		w := send(t, a, ioreq.Write, m)
		require.NoError(t, m.Delete())
		require.Equal(t, int64(1), h.Stats().Live)
		got := make([]byte, large)
		for at := 0; at < large; {
			n, err := peer.Read(got[at:])
			require.NoError(t, err)
			at += n
			if at < large/2 {
				require.Equal(t, int64(1), h.Stats().Live, "the kernel reads it still")
			}
		}
		require.Equal(t, text, string(got))
		require.Equal(t, ioreq.Result{N: large}, w.wait(t))
		require.Zero(t, h.Stats().Live)
	})
}

// A request that is deleted while it is away completes all the same.
func TestDeleteInFlight(t *testing.T) {
	ours, peer := overTCP(t)
	a := stream(t, ours)
	m := zeros(t, 4)
	r := send(t, a, ioreq.Read, m)
	require.NoError(t, r.Delete())
	require.Equal(t, 2, m.Refs())
	_, err := peer.Write([]byte("abcd"))
	require.NoError(t, err)
	require.Equal(t, ioreq.Result{N: 4}, <-r.done)
	a.Wait()
	gone(t, m)
}

func TestTheConnectionClosedByAnotherHand(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		ours, _ := c(t)
		a := stream(t, ours)
		m := zeros(t, 4)
		r := send(t, a, ioreq.Read, m)
		require.NoError(t, ours.Close())
		res := r.wait(t)
		if errors.Is(res.Err, netio.ErrPeerClosed) { // net.Pipe does not say whose end
			return
		}
		why(t, res, 0, 4, netio.ErrClosed)
		gone(t, m)
	})
}

func TestSubmitByHand(t *testing.T) {
	ours, _ := overTCP(t)
	a := stream(t, ours)
	r, err := ioreq.New(object.Config{})
	require.NoError(t, err)
	require.ErrorIs(t, a.Submit(r), netio.ErrInvalid)
	require.False(t, a.Cancel(r))
	require.NoError(t, r.Delete())
	require.ErrorIs(t, a.Submit(r), netio.ErrInvalid)
}

// Routines that send the next request do not pile up.
func TestRoutinesThatSend(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		const rounds = 3000
		ours, peer := c(t)
		a := stream(t, ours)
		m := zeros(t, 1)
		r := request(t)
		got := make(chan error, 1)
		go func() {
			_, err := io.CopyN(io.Discard, peer, rounds)
			got <- err
		}()
		left, most := rounds, 0
		pcs := make([]uintptr, 4096)
		over := make(chan error, 1)
		var routine func(*ioreq.Request, ioreq.Result)
		routine = func(r *ioreq.Request, res ioreq.Result) {
			most = max(most, runtime.Callers(0, pcs))
			if left--; left == 0 || res.Err != nil {
				over <- res.Err
				return
			}
			err := errors.Join(r.Reuse(), r.Format(a, ioreq.Write, m, ioreq.Span{}))
			r.OnComplete(routine)
			if err = errors.Join(err, r.Send()); err != nil {
				over <- err
			}
		}
		require.NoError(t, r.Format(a, ioreq.Write, m, ioreq.Span{}))
		r.OnComplete(routine)
		require.NoError(t, r.Send())
		require.NoError(t, <-over)
		require.NoError(t, <-got)
		a.Wait()
		require.Less(t, most, 1000, "frames on the stack")
	})
}
