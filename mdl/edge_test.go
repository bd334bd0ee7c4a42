package mdl_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// ownConn is a connection of another kind, with a raw connection that is its
// own. Its Write and Read must not be called.
type ownConn struct {
	f      *os.File
	before func() // in the call, before the kernel
}

func (c ownConn) Write([]byte) (int, error)             { return 0, fmt.Errorf("written part by part") }
func (c ownConn) Read([]byte) (int, error)              { return 0, fmt.Errorf("read part by part") }
func (c ownConn) SyscallConn() (syscall.RawConn, error) { return c.raw() }

func (c ownConn) raw() (syscall.RawConn, error) {
	raw, err := c.f.SyscallConn()
	return ownRaw{raw, c.before}, err
}

type ownRaw struct {
	syscall.RawConn
	before func()
}

func (r ownRaw) Write(f func(uintptr) bool) error {
	if r.before != nil {
		r.before()
	}
	return r.RawConn.Write(f)
}

// counted embeds a connection and has a Write that does more.
type counted struct {
	*net.TCPConn
	calls *int
}

func (c counted) Write(p []byte) (int, error) { *c.calls++; return len(p), nil }
func (c counted) Read(p []byte) (int, error)  { *c.calls++; clear(p); return len(p), nil }

// deeper embeds it once more, by a pointer, and shallow an interface.
type deeper struct{ *counted }

type shallow struct {
	net.Conn
	calls *int
}

func (c shallow) Write(p []byte) (int, error)         { *c.calls++; return len(p), nil }
func (c shallow) Read(p []byte) (int, error)          { *c.calls++; clear(p); return len(p), nil }
func (shallow) SyscallConn() (syscall.RawConn, error) { panic("it has its own Write") }

// valued embeds the connection itself.
type valued struct {
	net.TCPConn
	calls *int
}

func (c *valued) Write(p []byte) (int, error) { *c.calls++; return len(p), nil }
func (c *valued) Read(p []byte) (int, error)  { *c.calls++; clear(p); return len(p), nil }

// A type with a Write of its own is written through it, part by part.
func TestTypesThatEmbedConnections(t *testing.T) {
	pair := pairs(t)["tcp"]
	if pair[0] == nil {
		t.Skip("no TCP here")
	}
	c := pair[0].(*net.TCPConn)
	l, all := listOf(t, "abc", "d", "efghi")
	calls := 0
	for i, v := range []io.ReadWriter{
		counted{c, &calls}, &counted{c, &calls}, deeper{&counted{c, &calls}}, &deeper{&counted{c, &calls}}, shallow{c, &calls},
		&valued{*c, &calls},
	} {
		n, err := l.WriteTo(v)
		require.NoError(t, err)
		require.EqualValues(t, 9, n)
		require.Equal(t, 6*i+3, calls)
		n, err = l.ReadFrom(v)
		require.NoError(t, err)
		require.EqualValues(t, 9, n)
		require.Equal(t, 6*i+6, calls)
	}
	l.Release()
	deleteAll(t, all)
}

// pipe makes a pipe whose ends are closed when the test ends.
func pipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	return r, w
}

// Whatever has a raw connection gets a vector, and a transfer that is cut at
// any byte goes on there.
func TestWriteToRawConnections(t *testing.T) {
	onLinux(t)
	const all = "abcdefghij"
	m := wrap(t, all)
	for cuts := range 1 << 4 {
		for most := 1; most <= len(all); most++ {
			r, w := pipe(t)
			for _, c := range []io.Writer{w, ownConn{f: w}} {
				l := cutting(t, m, cuts*0b1001)
				calls := 0
				restore := sys.SetCut(func(op string) int {
					require.Equal(t, "writev", op)
					calls++
					return most
				})
				n, err := l.WriteTo(c)
				restore()
				require.NoError(t, err)
				require.EqualValues(t, len(all), n)
				require.Equal(t, (len(all)+most-1)/most, calls)
				got := make([]byte, len(all))
				_, err = io.ReadFull(r, got)
				require.NoError(t, err)
				require.Equal(t, all, string(got))
				l.Release()
			}
			require.NoError(t, r.Close())
			require.NoError(t, w.Close())
		}
	}
	deleteAll(t, []memory.Object{m})
}

// The kernel refuses in the middle: what was written is told, and Advance
// resumes there.
func TestWriteToRawResumes(t *testing.T) {
	onLinux(t)
	l, all := listOf(t, "abc", "d", "efghi")
	r, w := pipe(t)
	calls := 0
	stopFault := sys.SetFault(func(op string) error {
		if op == "writev" {
			if calls++; calls == 3 {
				return errInjected
			}
		}
		return nil
	})
	stopCut := sys.SetCut(func(string) int { return 2 })
	n, err := l.WriteTo(w)
	require.ErrorIs(t, err, errInjected)
	require.ErrorContains(t, err, "mdl: write to: 4 of 9 bytes written: ")
	require.EqualValues(t, 4, n)
	require.NoError(t, l.Advance(int(n)))
	n, err = l.WriteTo(w)
	stopCut()
	stopFault()
	require.NoError(t, err)
	require.EqualValues(t, 5, n)
	got := make([]byte, 9)
	_, err = io.ReadFull(r, got)
	require.NoError(t, err)
	require.Equal(t, "abcdefghi", string(got))
	require.Equal(t, []int{1, 1, 2}, refs(all))
	l.Release()
	deleteAll(t, all)
}

func TestFiles(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer f.Close()
	m := wrap(t, "abcdefghij")
	l := mdl.New()
	var want bytes.Buffer
	for i := range 3000 { // more than one writev
		n := 1 + i%(10-i%10)
		require.NoError(t, l.Append(m, i%10, n))
		want.Write(m.Bytes()[i%10 : i%10+n])
	}
	n, err := l.WriteTo(f)
	require.NoError(t, err)
	require.EqualValues(t, l.Len(), n)
	got, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.True(t, bytes.Equal(want.Bytes(), got))

	_, err = f.Seek(0, io.SeekStart)
	require.NoError(t, err)
	room := make([]byte, l.Len()+100)
	back := mdl.New()
	for i := 0; i < len(room); i += 7 {
		require.NoError(t, back.AppendBuffer(room[i:min(i+7, len(room))]))
	}
	n, err = back.ReadFrom(f)
	require.NoError(t, err, "the end of the file is no error")
	require.EqualValues(t, l.Len(), n)
	require.True(t, bytes.Equal(want.Bytes(), room[:n]))
	require.NoError(t, f.Close())
	_, err = l.WriteTo(f)
	require.ErrorIs(t, err, os.ErrClosed)
	_, err = l.ReadFrom(f)
	require.ErrorIs(t, err, os.ErrClosed)
	var none *os.File
	_, err = l.WriteTo(none)
	require.ErrorIs(t, err, os.ErrInvalid)
	_, err = l.ReadFrom(none)
	require.ErrorIs(t, err, os.ErrInvalid)
	l.Release()
	back.Release()
	deleteAll(t, []memory.Object{m})
}

// While the kernel has room for no more, others delete every object and end the
// list itself: the bytes stay where they are until all are written.
func TestMemoryStaysWhileTheKernelReads(t *testing.T) {
	onLinux(t)
	blocks := blocksOf(t, 4096, 0)
	const parts = 256 // a megabyte, which no pipe holds
	l := mdl.New()
	var all []memory.Object
	for i := range parts {
		m, err := memory.FromLookaside(blocks)
		require.NoError(t, err)
		for k := range m.Bytes() {
			m.Bytes()[k] = byte(i)
		}
		require.NoError(t, l.Append(m, 0, 4096))
		all = append(all, m)
	}
	r, w := pipe(t)
	inCall, written := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := l.WriteTo(ownConn{f: w, before: func() { close(inCall) }})
		written <- err
	}()
	<-inCall
	for _, m := range all {
		require.NoError(t, m.Delete())
	}
	l.Release()
	var mine []memory.Object // whoever wants memory now does not get these blocks
	for range parts {
		m, err := memory.FromLookaside(blocks)
		require.NoError(t, err)
		for k := range m.Bytes() {
			m.Bytes()[k] = 0xEE
		}
		mine = append(mine, m)
	}
	require.EqualValues(t, 2*parts, blocks.Stats().Live)
	for i := range parts {
		got := make([]byte, 4096)
		_, err := io.ReadFull(r, got)
		require.NoError(t, err)
		require.True(t, bytes.Equal(bytes.Repeat([]byte{byte(i)}, 4096), got), "part %d was overwritten", i)
	}
	require.NoError(t, <-written)
	require.EqualValues(t, parts, blocks.Stats().Live, "and not a moment longer")
	for _, m := range mine {
		require.NoError(t, m.Delete())
	}
}

// A peer that is not there, a deadline that has passed: the connection's own
// errors, with what was written before.
func TestWriteToErrorsOfConnections(t *testing.T) {
	m, err := memory.Wrap(make([]byte, 1<<20))
	require.NoError(t, err)
	l := mdl.New()
	for range 16 {
		require.NoError(t, l.Append(m, 0, 1<<20))
	}
	for network, pair := range pairs(t) {
		require.NoError(t, pair[0].SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		n, err := l.WriteTo(pair[0])
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, network)
		require.ErrorContains(t, err, fmt.Sprintf("mdl: write to: %d of %d bytes written: ", n, 16<<20))
		require.NoError(t, pair[0].Close())
		_, err = l.WriteTo(pair[0])
		require.ErrorIs(t, err, net.ErrClosed)
		require.Equal(t, 17, m.Refs())
	}
	l.Release()
	deleteAll(t, []memory.Object{m})
}

// messages has connected sockets on which a write is a message.
func messages(t *testing.T) map[string][2]net.Conn {
	t.Helper()
	all := map[string][2]net.Conn{}
	if a, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err == nil {
		b, err := net.DialUDP("udp", nil, a.LocalAddr().(*net.UDPAddr))
		require.NoError(t, err)
		all["udp"] = [2]net.Conn{b, a}
	}
	dir := t.TempDir()
	if a, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: filepath.Join(dir, "g")}); err == nil {
		b, err := net.DialUnix("unixgram", nil, a.LocalAddr().(*net.UnixAddr))
		require.NoError(t, err)
		all["unixgram"] = [2]net.Conn{b, a}
	}
	if ln, err := net.Listen("unixpacket", filepath.Join(dir, "p")); err == nil {
		b, err := net.Dial("unixpacket", ln.Addr().String())
		require.NoError(t, err)
		a, err := ln.Accept()
		require.NoError(t, err)
		require.NoError(t, ln.Close())
		all["unixpacket"] = [2]net.Conn{b, a}
	}
	for _, pair := range all {
		t.Cleanup(func() { _ = pair[0].Close(); _ = pair[1].Close() })
	}
	return all
}

// A list is one message, whatever it is cut into, up to what the kernel takes;
// and one message fills a list.
func TestMessages(t *testing.T) {
	for network, pair := range messages(t) {
		t.Run(network, func(t *testing.T) {
			m := wrap(t, "abcdefghij")
			l := mdl.New()
			for i := range 1024 {
				require.NoError(t, l.Append(m, i%10, 1))
			}
			back, room := mdl.New(), make([]byte, 1500)
			for i := 0; i < len(room); i += 50 {
				require.NoError(t, back.AppendBuffer(room[i:i+50]))
			}
			for range 2 {
				n, err := l.WriteTo(pair[0])
				require.NoError(t, err)
				require.EqualValues(t, 1024, n)
			}
			n, err := back.ReadFrom(pair[1])
			require.NoError(t, err)
			if hasReadv {
				require.EqualValues(t, 1024, n, "one message, not two")
			}
			require.Equal(t, text(l)[:n], text(back)[:n])
			require.NoError(t, l.Append(m, 0, 1))
			n, err = l.WriteTo(pair[0])
			require.ErrorIs(t, err, mdl.ErrInvalid)
			require.ErrorContains(t, err, "1025 parts: a message has at most 1024")
			require.Zero(t, n, "not two messages")

			if hasReadv {
				require.NoError(t, back.Advance(1400))
				n, err = back.ReadFrom(pair[1])
				require.ErrorIs(t, err, io.ErrShortBuffer)
				require.EqualValues(t, 100, n)
				require.Equal(t, text(l)[:100], text(back))
			}
			l.Release()
			back.Release()
			deleteAll(t, []memory.Object{m})
		})
	}
}

// A connection of another kind that keeps messages is found out by asking the
// kernel.
func TestMessagesOfOtherConnections(t *testing.T) {
	onLinux(t)
	for network, pair := range messages(t) {
		f, err := pair[0].(interface{ File() (*os.File, error) }).File()
		require.NoError(t, err)
		m := wrap(t, "abcdefghij")
		l := mdl.New()
		for range 1024 {
			require.NoError(t, l.Append(m, 0, 1))
		}
		n, err := l.WriteTo(ownConn{f: f})
		require.NoError(t, err, network)
		require.EqualValues(t, 1024, n)
		require.NoError(t, l.Append(m, 0, 1))
		n, err = l.WriteTo(ownConn{f: f})
		require.ErrorIs(t, err, mdl.ErrInvalid)
		require.Zero(t, n)
		require.NoError(t, f.Close())
		l.Release()
		deleteAll(t, []memory.Object{m})
	}
}
