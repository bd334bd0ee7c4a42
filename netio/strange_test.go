package netio_test

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/netio"
)

// strange is a connection that does what a test says.
type strange struct {
	net.Conn
	read, write func(b []byte) (int, error)
	deadline    func(time.Time) error
}

func (c *strange) Read(b []byte) (int, error)        { return c.read(b) }
func (c *strange) Write(b []byte) (int, error)       { return c.write(b) }
func (c *strange) Close() error                      { return nil }
func (c *strange) LocalAddr() net.Addr               { return nil }
func (c *strange) SetReadDeadline(t time.Time) error { return c.deadline(t) }
func (c *strange) SetWriteDeadline(t time.Time) error {
	return c.deadline(t)
}

// slow says that it is, in its own words.
type slow struct{}

func (slow) Error() string   { return "slow" }
func (slow) Timeout() bool   { return true }
func (slow) Temporary() bool { return true }

func TestStrangeConnections(t *testing.T) {
	broken := errors.New("broken")
	for _, row := range []struct {
		name string
		full bool
		n    int // what Read or Write returns
		err  error
		want int // what the result of a write, and of a read, has
		errs [2]error
	}{
		{name: "short without a word", n: 2, want: 2, errs: [2]error{io.ErrShortWrite, nil}},
		{name: "more than all", n: 6, errs: [2]error{netio.ErrInvalid, netio.ErrInvalid}},
		{name: "less than nothing", n: -1, errs: [2]error{netio.ErrInvalid, netio.ErrInvalid}},
		{name: "nothing", n: 0, errs: [2]error{io.ErrShortWrite, io.ErrNoProgress}},
		{name: "broken", n: 0, err: broken, errs: [2]error{broken, broken}},
		{name: "broken in the middle", n: 3, err: broken, want: 3, errs: [2]error{broken, broken}},
		{name: "slow", n: 1, err: slow{}, want: 1, errs: [2]error{ioreq.ErrTimeout, ioreq.ErrTimeout}},
		{name: "a pipe closed", n: 0, err: io.ErrClosedPipe, errs: [2]error{netio.ErrPeerClosed, netio.ErrPeerClosed}},
		{name: "a file closed", n: 0, err: os.ErrClosed, errs: [2]error{netio.ErrClosed, netio.ErrClosed}},
		{name: "aborted", n: 0, err: &net.OpError{Err: aborted}, errs: [2]error{netio.ErrReset, netio.ErrReset}},
		{name: "the end with the last bytes", n: 3, err: io.EOF, want: 3, errs: [2]error{io.EOF, nil}},
		{name: "the end in the middle", full: true, n: 3, err: io.EOF, want: 3, errs: [2]error{io.EOF, io.ErrUnexpectedEOF}},
		{name: "the end and all", full: true, n: 5, err: io.EOF, want: 5},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := zeros(t, 5)
			said := func([]byte) (int, error) { return row.n, row.err }
			s := stream(t, &strange{read: said, write: said, deadline: func(time.Time) error { return nil }})
			for i, op := range []ioreq.Op{ioreq.Write, ioreq.Read} {
				to := ioreq.Target(s)
				if row.full {
					to = s.Full()
				}
				res := send(t, to, op, m).wait(t)
				require.Equal(t, row.want, res.N)
				if row.errs[i] == nil {
					require.NoError(t, res.Err)
					continue
				}
				if op == ioreq.Write && row.err == io.EOF {
					require.ErrorIs(t, res.Err, io.ErrUnexpectedEOF)
					continue
				}
				why(t, res, row.want, 5, row.errs[i])
			}
			s.Wait()
			gone(t, m)
		})
	}
}

// Without deadlines nobody can be made to stop waiting.
func TestAConnectionWithoutDeadlines(t *testing.T) {
	come := make(chan struct{})
	s := stream(t, &strange{
		read:     func(b []byte) (int, error) { <-come; return len(b), nil },
		deadline: func(time.Time) error { return os.ErrNoDeadline },
	})
	m := zeros(t, 5)
	r, next := send(t, s, ioreq.Read, m), send(t, s, ioreq.Read, m)
	require.False(t, r.Cancel())
	require.True(t, next.Cancel(), "what only waits for its turn needs no deadline")
	require.ErrorIs(t, next.wait(t).Err, ioreq.ErrCanceled)
	require.ErrorIs(t, s.SetReadDeadline(time.Now()), os.ErrNoDeadline)
	close(come)
	require.Equal(t, ioreq.Result{N: 5}, r.wait(t))
	gone(t, m)
}

// A filling read that is to be given up ends between two of its reads, though
// bytes keep coming.
func TestCancelAReadThatNeverWaits(t *testing.T) {
	var canceled atomic.Bool
	var total atomic.Int64
	s := stream(t, &strange{
		read: func([]byte) (int, error) {
			for total.Load() > 10 && !canceled.Load() {
				runtime.Gosched()
			}
			total.Add(1)
			return 1, nil
		},
		deadline: func(time.Time) error { return nil },
	})
	m := zeros(t, large)
	r := send(t, s.Full(), ioreq.Read, m)
	require.True(t, r.Cancel())
	require.True(t, r.Cancel(), "and a second time")
	canceled.Store(true)
	res := r.wait(t)
	why(t, res, int(total.Load()), large, ioreq.ErrCanceled)
	gone(t, m)
}

// counting embeds a connection, so that it has its SyscallConn, and counts what
// is written.
type counting struct {
	*net.TCPConn
	written atomic.Int64
}

func (c *counting) Write(b []byte) (int, error) {
	c.written.Add(int64(len(b)))
	return c.TCPConn.Write(b)
}

// wrapped is one level deeper.
type wrapped struct{ counting }

func TestATypeThatEmbedsAConnectionWritesItself(t *testing.T) {
	for _, deep := range []bool{false, true} {
		h := heap(t)
		ours, peer := overTCP(t)
		c := &wrapped{counting{TCPConn: ours.(*net.TCPConn)}}
		s := stream(t, c)
		if !deep {
			s = stream(t, &c.counting)
		}
		l := list(t, h, alphabetic, 5)
		require.Equal(t, ioreq.Result{N: len(alphabetic)}, sendList(t, s, ioreq.Write, l).wait(t))
		require.Equal(t, int64(len(alphabetic)), c.written.Load())
		got := make([]byte, len(alphabetic))
		_, err := io.ReadFull(peer, got)
		require.NoError(t, err)
		require.Equal(t, alphabetic, string(got))
		l.Release()
	}
}

const alphabetic = "abcdefghijklmnopqrstuvwxyz"

// half is a connection made of the two ends of pipes, with a raw connection of
// its own: what is not from package net has one, too.
type half struct {
	net.Conn // nil: what is not below is not asked for
	r, w     *os.File
	broken   error
}

func (c *half) Read(b []byte) (int, error)         { return c.r.Read(b) }
func (c *half) Write(b []byte) (int, error)        { return c.w.Write(b) }
func (c *half) SetReadDeadline(t time.Time) error  { return c.r.SetReadDeadline(t) }
func (c *half) SetWriteDeadline(t time.Time) error { return c.w.SetWriteDeadline(t) }
func (c *half) LocalAddr() net.Addr                { return nil }
func (c *half) Close() error                       { return errors.Join(c.r.Close(), c.w.Close()) }

// pipes is a half that embeds nothing, and therefore is used by its raw
// connections: reads go to one file, writes to the other.
type pipes struct{ h half }

func (c *pipes) Read(b []byte) (int, error)         { return c.h.Read(b) }
func (c *pipes) Write(b []byte) (int, error)        { return c.h.Write(b) }
func (c *pipes) SetReadDeadline(t time.Time) error  { return c.h.SetReadDeadline(t) }
func (c *pipes) SetWriteDeadline(t time.Time) error { return c.h.SetWriteDeadline(t) }
func (c *pipes) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
func (c *pipes) LocalAddr() net.Addr  { return nil }
func (c *pipes) RemoteAddr() net.Addr { return nil }
func (c *pipes) Close() error         { return c.h.Close() }

// SyscallConn returns both.
func (c *pipes) SyscallConn() (syscall.RawConn, error) {
	if c.h.broken != nil {
		return nil, c.h.broken
	}
	r, err := c.h.r.SyscallConn()
	if err != nil {
		return nil, err
	}
	w, err := c.h.w.SyscallConn()
	return &both{r, w}, err
}

type both struct{ r, w syscall.RawConn }

func (b *both) Read(f func(uintptr) bool) error  { return b.r.Read(f) }
func (b *both) Write(f func(uintptr) bool) error { return b.w.Write(f) }
func (b *both) Control(f func(uintptr)) error    { return b.w.Control(f) }

func overPipes(t testing.TB) (ours, peer net.Conn) {
	t.Helper()
	r1, w1, err := os.Pipe()
	require.NoError(t, err)
	r2, w2, err := os.Pipe()
	require.NoError(t, err)
	a, b := &pipes{half{r: r1, w: w2}}, &pipes{half{r: r2, w: w1}}
	t.Cleanup(func() { _ = a.Close(); _ = b.Close() })
	return a, b
}

func TestPipesOfTheKernel(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("pipes have no deadlines")
	}
	h := heap(t)
	ours, peer := overPipes(t)
	a, b := stream(t, ours), stream(t, peer)
	src, dst := list(t, h, alphabetic, 5), list(t, h, alphabetic, 3)
	for range 3 {
		r, w := sendList(t, b.Full(), ioreq.Read, dst), sendList(t, a, ioreq.Write, src)
		require.Equal(t, ioreq.Result{N: 26}, w.wait(t))
		require.Equal(t, ioreq.Result{N: 26}, r.wait(t))
		require.Equal(t, alphabetic, content(t, dst))
	}
	r := sendList(t, b, ioreq.Read, dst)
	require.True(t, r.Cancel())
	require.ErrorIs(t, r.wait(t).Err, ioreq.ErrCanceled)
	r = sendList(t, b, ioreq.Read, dst)
	require.NoError(t, a.Close())
	require.Equal(t, ioreq.Result{Err: io.EOF}, r.wait(t))
	why(t, sendList(t, b, ioreq.Write, dst).wait(t), 0, 26, netio.ErrPeerClosed)
	src.Release()
	dst.Release()
}

func TestARawConnectionThatIsNotToBeHad(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nobody asks for it")
	}
	broken := errors.New("broken")
	_, err := netio.NewStream(&pipes{half{broken: broken}})
	require.ErrorIs(t, err, broken)
}
