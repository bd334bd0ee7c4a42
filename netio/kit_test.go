package netio_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/netio"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// soon is how long a test waits for what must happen. It measures nothing.
const soon = 30 * time.Second

// connect returns both ends of a connection.
type connect func(t testing.TB) (ours, peer net.Conn)

// overTCP connects by the loopback device.
func overTCP(t testing.TB) (ours, peer net.Conn) {
	t.Helper()
	return dial(t, "tcp", "127.0.0.1:0")
}

// overUnix connects by a stream socket of Unix.
func overUnix(t testing.TB) (ours, peer net.Conn) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no such sockets to be relied on")
	}
	dir, err := os.MkdirTemp("", "s") // t.TempDir may be longer than a socket's name
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dial(t, "unix", filepath.Join(dir, "s"))
}

// overPipe connects in memory: a connection that has no file descriptor.
func overPipe(t testing.TB) (ours, peer net.Conn) {
	t.Helper()
	ours, peer = net.Pipe()
	t.Cleanup(func() { _ = ours.Close(); _ = peer.Close() })
	return ours, peer
}

func dial(t testing.TB, network, address string) (ours, peer net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	defer l.Close()
	type accepted struct {
		c   net.Conn
		err error
	}
	ch := make(chan accepted, 1)
	go func() {
		c, err := l.Accept()
		ch <- accepted{c, err}
	}()
	ours, err = net.Dial(network, l.Addr().String())
	require.NoError(t, err)
	a := <-ch
	require.NoError(t, a.err)
	t.Cleanup(func() { _ = ours.Close(); _ = a.c.Close() })
	return ours, a.c
}

// everyConn runs a test over all kinds of connections.
func everyConn(t *testing.T, test func(t *testing.T, c connect)) {
	t.Helper()
	for name, c := range map[string]connect{"tcp": overTCP, "unix": overUnix, "pipe": overPipe} {
		t.Run(name, func(t *testing.T) { test(t, c) })
	}
}

// stream makes a Stream of one end.
func stream(t testing.TB, c net.Conn) *netio.Stream {
	t.Helper()
	s, err := netio.NewStream(c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close(); s.Wait() })
	return s
}

// heap is off-heap memory for one test, which must have all of it back.
func heap(t testing.TB) *slab.Allocator {
	t.Helper()
	a, err := arena.Open(arena.Config{Name: "netio test"})
	require.NoError(t, err)
	h, err := slab.NewAllocator(a, slab.AllocatorConfig{Name: "netio test"})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, h.Close(), "memory that nobody gave back")
		require.NoError(t, a.Close())
	})
	return h
}

// block makes a memory object with the given bytes.
func block(t testing.TB, h *slab.Allocator, text string) memory.Object {
	t.Helper()
	m, err := memory.New(h, len(text))
	require.NoError(t, err)
	require.NoError(t, m.CopyIn(0, []byte(text)))
	return m
}

// gone deletes a memory object on which nobody else has a reference.
func gone(t testing.TB, m memory.Object) {
	t.Helper()
	require.Equal(t, 1, m.Refs(), "references on memory that is done with")
	require.NoError(t, m.Delete())
}

// request makes a request of our own that ends with the test.
func request(t testing.TB) *ioreq.Request {
	t.Helper()
	r, err := ioreq.New(object.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Delete() })
	return r
}

// round is a request that was sent.
type round struct {
	*ioreq.Request
	done  chan ioreq.Result
	calls atomic.Int32
}

// send formats a request with memory and sends it.
func send(t testing.TB, to ioreq.Target, op ioreq.Op, m memory.Object) *round {
	t.Helper()
	r := request(t)
	require.NoError(t, r.Format(to, op, m, ioreq.Span{}))
	return start(t, r)
}

// sendList formats a request with a list and sends it.
func sendList(t testing.TB, to ioreq.Target, op ioreq.Op, l *mdl.List) *round {
	t.Helper()
	r := request(t)
	require.NoError(t, r.FormatList(to, op, l))
	return start(t, r)
}

func start(t testing.TB, r *ioreq.Request) *round {
	t.Helper()
	o := &round{Request: r, done: make(chan ioreq.Result, 4)}
	r.OnComplete(func(_ *ioreq.Request, res ioreq.Result) {
		o.calls.Add(1)
		o.done <- res
	})
	require.NoError(t, r.Send())
	return o
}

// wait returns how the request ended, and lets go of its memory.
func (o *round) wait(t testing.TB) ioreq.Result {
	t.Helper()
	select {
	case res := <-o.done:
		require.NoError(t, o.Reuse())
		require.Equal(t, int32(1), o.calls.Load(), "calls of the completion routine")
		return res
	case <-time.After(soon):
		require.Fail(t, "the request does not complete")
	}
	return ioreq.Result{}
}

// quiet requires that the request has not completed.
func (o *round) quiet(t testing.TB) {
	t.Helper()
	require.Equal(t, ioreq.Sent, o.State())
	require.Zero(t, o.calls.Load())
}

// why requires that a request ended early, for a reason and with the numbers
// of bytes.
func why(t testing.TB, res ioreq.Result, n, size int, reason error) *netio.Error {
	t.Helper()
	require.ErrorIs(t, res.Err, reason)
	require.Equal(t, n, res.N)
	var e *netio.Error
	require.ErrorAs(t, res.Err, &e)
	require.Equal(t, n, e.N)
	require.Equal(t, size, e.Len)
	require.Contains(t, e.Error(), "netio: "+e.Op.String()+": ")
	return e
}

// stuff makes the connection take no more: it returns how many bytes it took.
func stuff(t testing.TB, c net.Conn) int {
	t.Helper()
	total, b := 0, make([]byte, 1<<20)
	for {
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		n, err := c.Write(b)
		total += n
		if err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			if n == 0 {
				require.NoError(t, c.SetWriteDeadline(time.Time{}))
				return total
			}
		}
	}
}

// goroutines requires that no more goroutines remain than there were.
func goroutines(t testing.TB, before int) {
	t.Helper()
	eventually(t, func() bool { return runtime.NumGoroutine() <= before }, "goroutines that do not end")
}

// settled returns how many goroutines there are when those of earlier tests
// have ended.
func settled() int {
	n := runtime.NumGoroutine()
	for same := 0; same < 20; same++ {
		time.Sleep(time.Millisecond)
		if now := runtime.NumGoroutine(); now != n {
			n, same = now, 0
		}
	}
	return n
}

// eventually waits until something holds, on the test's own goroutine.
func eventually(t testing.TB, holds func() bool, what string) {
	t.Helper()
	for end := time.Now().Add(soon); !holds(); time.Sleep(50 * time.Microsecond) {
		require.True(t, time.Now().Before(end), what)
	}
}
