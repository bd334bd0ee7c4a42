package netio_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/netio"
	"offheap.example/lookaside/object"
)

func TestWritesArriveAndReadsLand(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		h := heap(t)
		ours, peer := c(t)
		a, b := stream(t, ours), stream(t, peer)
		src, dst := block(t, h, "hello, kernel"), block(t, h, strings.Repeat(".", 20))
		w, r := send(t, a, ioreq.Write, src), send(t, b, ioreq.Read, dst)
		require.Equal(t, ioreq.Result{N: 13}, w.wait(t))
		require.Equal(t, ioreq.Result{N: 13}, r.wait(t))
		require.Equal(t, "hello, kernel.......", string(dst.Bytes()))
		gone(t, src)
		gone(t, dst)
		a.Wait()
		b.Wait()
		require.Zero(t, a.InFlight()+b.InFlight())
	})
}

func TestListsAreWrittenAndReadInOnePiece(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		h := heap(t)
		ours, peer := c(t)
		a, b := stream(t, ours), stream(t, peer)
		text := strings.Repeat("0123456789", 700)
		src, dst := list(t, h, text, 1, 4096, 3), list(t, h, strings.Repeat("x", len(text)), 500, 1, 2)
		w, r := sendList(t, a, ioreq.Write, src), sendList(t, b.Full(), ioreq.Read, dst)
		require.Equal(t, ioreq.Result{N: len(text)}, w.wait(t))
		require.Equal(t, ioreq.Result{N: len(text)}, r.wait(t))
		require.Equal(t, text, content(t, dst))
		src.Release()
		dst.Release()
	})
}

func TestManyPartsAreMoreThanOneCall(t *testing.T) {
	for _, n := range []int{1023, 1024, 1025, 5000} {
		h := heap(t)
		ours, peer := overUnix(t)
		a, b := stream(t, ours), stream(t, peer)
		src, dst := mdl.New(), mdl.New()
		m, back := block(t, h, "ab"), block(t, h, strings.Repeat(".", 2*n))
		for i := range n {
			require.NoError(t, src.Append(m, i%2, 1))
			require.NoError(t, dst.Append(back, 2*(n-1-i), 1)) // backwards, and never adjacent
		}
		w, r := sendList(t, a, ioreq.Write, src), sendList(t, b.Full(), ioreq.Read, dst)
		require.Equal(t, ioreq.Result{N: n}, w.wait(t))
		require.Equal(t, ioreq.Result{N: n}, r.wait(t))
		require.Equal(t, content(t, src), content(t, dst))
		src.Release()
		dst.Release()
		gone(t, m)
		gone(t, back)
	}
}

func TestEmptyRequestsHaveTheirTurn(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		h := heap(t)
		ours, peer := c(t)
		a := stream(t, ours)
		m := block(t, h, "x")
		for _, op := range []ioreq.Op{ioreq.Read, ioreq.Write} {
			r := request(t)
			require.NoError(t, r.Format(a, op, m, ioreq.Span{Off: 1}))
			require.Equal(t, ioreq.Result{}, start(t, r).wait(t))
		}
		require.NoError(t, peer.Close())
		gone(t, m)
	})
}

func TestRequestsArePerformedInOrder(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		h := heap(t)
		ours, peer := c(t)
		a := stream(t, ours)
		var reads, writes []*round
		var blocks owned
		var text strings.Builder
		for i := range 100 {
			b := byte(' ' + i%90)
			text.WriteByte(b)
			reads = append(reads, send(t, a, ioreq.Read, blocks.block(t, h, ".")))
			writes = append(writes, send(t, a, ioreq.Write, blocks.block(t, h, string(b))))
		}
		got := make([]byte, 100)
		_, err := io.ReadFull(peer, got)
		require.NoError(t, err)
		require.Equal(t, text.String(), string(got))
		_, err = peer.Write(got)
		require.NoError(t, err)
		for i, r := range append(reads, writes...) {
			require.Equal(t, ioreq.Result{N: 1}, r.wait(t))
			require.Equal(t, text.String()[i%100:i%100+1], string(blocks[2*(i%100)+i/100].Bytes()))
		}
		blocks.gone(t)
	})
}

func TestTheEndOfTheStream(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		h := heap(t)
		ours, peer := c(t)
		a := stream(t, ours)
		m := block(t, h, "......")
		full := send(t, a.Full(), ioreq.Read, m)
		_, err := peer.Write([]byte("abc"))
		require.NoError(t, err)
		require.NoError(t, peer.Close())
		e := why(t, full.wait(t), 3, 6, io.ErrUnexpectedEOF)
		require.Equal(t, "netio: read: 3 of 6 bytes: unexpected EOF", e.Error())
		require.False(t, e.Timeout() || e.Temporary())
		require.Equal(t, "abc...", string(m.Bytes()))
		for _, to := range []ioreq.Target{a, a.Full(), a} {
			require.Equal(t, ioreq.Result{Err: io.EOF}, send(t, to, ioreq.Read, m).wait(t), "the end stays")
		}
		gone(t, m)
	})
}

func TestAClosedStreamTakesNothing(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		h := heap(t)
		ours, _ := c(t)
		a := stream(t, ours)
		m := block(t, h, "x")
		formatted := request(t)
		require.NoError(t, formatted.Format(a, ioreq.Write, m, ioreq.Span{}))
		require.NoError(t, a.Close())
		require.ErrorIs(t, formatted.Send(), netio.ErrClosed)
		require.Equal(t, ioreq.Formatted, formatted.State())
		require.NoError(t, formatted.Reuse())
		require.ErrorIs(t, formatted.Format(a, ioreq.Write, m, ioreq.Span{}), netio.ErrClosed)
		require.ErrorIs(t, formatted.Format(a.Full(), ioreq.Read, m, ioreq.Span{}), netio.ErrClosed)
		require.ErrorIs(t, a.Close(), netio.ErrClosed)
		gone(t, m)
	})
}

func TestSendSync(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		ours, peer := c(t)
		a, b := stream(t, ours), stream(t, peer)
		go func() {
			_, _ = ioreq.SendSync(context.Background(), a, ioreq.Write, ioreq.Buffer([]byte("borrowed bytes")))
		}()
		got := make([]byte, 14)
		n, err := ioreq.SendSync(context.Background(), b.Full(), ioreq.Read, ioreq.Buffer(got))
		require.NoError(t, err)
		require.Equal(t, 14, n)
		require.Equal(t, "borrowed bytes", string(got))
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		_, err = ioreq.SendSync(ctx, b, ioreq.Read, ioreq.Buffer(got))
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestReceivedRequestsAreForwarded(t *testing.T) {
	ours, peer := overTCP(t)
	a := stream(t, ours)
	r, err := ioreq.Receive(object.Config{}, ioreq.Write, ioreq.Buffer([]byte("passed on")))
	require.NoError(t, err)
	answer := make(chan ioreq.Result, 1)
	require.NoError(t, r.Notify(func(res ioreq.Result) { answer <- res }))
	m, err := r.InputMemory()
	require.NoError(t, err)
	require.NoError(t, r.Format(a, ioreq.Write, m, ioreq.Span{Off: 7}))
	r.OnComplete(func(r *ioreq.Request, res ioreq.Result) { _ = r.Complete(res) })
	require.NoError(t, r.Send())
	got := make([]byte, 2)
	_, err = io.ReadFull(peer, got)
	require.NoError(t, err)
	require.Equal(t, "on", string(got))
	require.Equal(t, ioreq.Result{N: 2}, <-answer)
}

func TestNewStreamRefuses(t *testing.T) {
	_, err := netio.NewStream(nil)
	require.ErrorIs(t, err, netio.ErrInvalid)
	udp, err := net.Dial("udp", "127.0.0.1:9")
	require.NoError(t, err)
	defer udp.Close()
	_, err = netio.NewStream(udp)
	require.ErrorIs(t, err, netio.ErrNotStream)
	require.ErrorIs(t, err, netio.ErrInvalid)
	_, err = udp.Write([]byte("x"))
	require.NoError(t, err, "the connection is still its owner's")
	closed, _ := overTCP(t)
	require.NoError(t, closed.Close())
	if s, err := netio.NewStream(closed); err == nil { // where the file descriptor is not asked
		_, err = ioreq.SendSync(context.Background(), s, ioreq.Write, ioreq.Buffer([]byte("x")))
		require.ErrorIs(t, err, net.ErrClosed)
	} else {
		require.ErrorIs(t, err, net.ErrClosed)
	}
}

func TestAnIdleStreamHasNoGoroutine(t *testing.T) {
	before := settled()
	h := heap(t)
	ours, peer := overTCP(t)
	a, b := stream(t, ours), stream(t, peer)
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
	m, n := block(t, h, "x"), block(t, h, "y")
	for range 100 {
		r := send(t, a, ioreq.Read, m)
		w := send(t, b, ioreq.Write, n)
		w.wait(t)
		r.wait(t)
		goroutines(t, before)
	}
	gone(t, m)
	gone(t, n)
	require.Same(t, ours, a.Conn())
}
