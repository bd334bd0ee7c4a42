package mdl_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// unixPair is two ends of a Unix stream.
func unixPair(t testing.TB) (a, b *net.UnixConn) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	require.NoError(t, err)
	defer ln.Close()
	a, err = net.DialUnix("unix", nil, ln.Addr().(*net.UnixAddr))
	require.NoError(t, err)
	b, err = ln.AcceptUnix()
	require.NoError(t, err)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// peers is a sender of a new arena and its receiver, both in this process.
func peers(t testing.TB) (*arena.Arena, *mdl.Sender, *mdl.Receiver) {
	t.Helper()
	a := sharedArena(t)
	x, y := unixPair(t)
	s, err := mdl.NewSender(x, a)
	require.NoError(t, err)
	r, err := mdl.NewReceiver(y)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, r.Close())
		require.NoError(t, s.Close())
	})
	return a, s, r
}

// canSend says that lists can be sent on this platform.
const canSend = true

// peersOf is peers for tests of all platforms.
var peersOf = peers

// openFiles is how many file descriptors this process has.
func openFiles(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(all)
}

func TestSendAndReceive(t *testing.T) {
	a, s, r := peers(t)
	l := scattered(t, a, 5)
	views := mdl.Mappings().Views
	files := openFiles(t)
	for _, p := range []mdl.Prot{mdl.ReadOnly, mdl.ReadWrite, mdl.ReadOnly} {
		refs := refsOf(l)
		got := sendAndReceive(t, s, r, l, p)
		require.Equal(t, l.Len(), got.Len())
		require.False(t, got.Borrowed())
		require.Equal(t, 1, got.Segments(), "pages that meet are adjacent here")
		require.True(t, bytes.Equal(flat(t, l), flat(t, got)))
		require.Equal(t, refs[0]+5, refsOf(l)[0], "the sender keeps the memory, once for each segment")
		require.Equal(t, 1, s.Outstanding())
		require.Equal(t, 1, r.Outstanding())
		reaped(t, s, 1)

		// Writes are seen both ways, where writing is allowed.
		require.NoError(t, l.CopyIn(page-3, []byte("from here")))
		require.Equal(t, "from here", string(flat(t, got)[page-3:][:9]))
		v, err := got.View(got.Len(), nil)
		require.NoError(t, err)
		if p == mdl.ReadOnly {
			require.ErrorIs(t, got.CopyIn(0, []byte{1}), memory.ErrReadOnly)
			require.True(t, faults(writes(&v[0])))
		} else {
			require.NoError(t, got.CopyIn(2*page-3, []byte("from there")))
			require.Equal(t, "from there", string(flat(t, l)[2*page-3:][:10]))
		}

		// A part keeps it, here and there.
		part, err := got.Partial(10, 20)
		require.NoError(t, err)
		got.Release()
		require.Equal(t, 1, r.Outstanding())
		reaped(t, s, 1)
		require.Equal(t, string(flat(t, l)[10:30]), string(flat(t, part)))
		part.Release()
		require.Zero(t, r.Outstanding())
		reaped(t, s, 0)
		require.Equal(t, refs, refsOf(l))
		require.True(t, faults(reads(&v[0])))
	}
	require.Equal(t, views, mdl.Mappings().Views)
	require.Equal(t, files+2, openFiles(t), "the receiver has two files, one for each access, whatever it has received")
	l.Release()
}

// Lists of parts of pages arrive as they are.
func TestSendAnyParts(t *testing.T) {
	a, s, r := peers(t)
	const pages = 10
	all := scattered(t, a, pages)
	objects := objectsOf(all)
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		l := mdl.New()
		for range 1 + rnd.IntN(40) {
			off := rnd.IntN(pages * page)
			n := 1 + rnd.IntN(min(2*page, pages*page-off))
			require.NoError(t, l.Append(objects[0], off, n))
		}
		if rnd.IntN(2) == 0 {
			require.NoError(t, l.Advance(rnd.IntN(l.Len())))
		}
		got := sendAndReceive(t, s, r, l, mdl.ReadWrite)
		require.True(t, bytes.Equal(flat(t, l), flat(t, got)), "seed %d", seed)
		at, mark := rnd.IntN(l.Len()), []byte{byte(rnd.Uint32())}
		require.NoError(t, got.CopyIn(at, mark))
		require.True(t, bytes.Equal(flat(t, l), flat(t, got)), "seed %d", seed)
		l.Release()
		got.Release()
	}
	reaped(t, s, 0)
	all.Release()
}

// The file goes over once for each access.
func TestTheFileIsSentOnce(t *testing.T) {
	a, s, r := peers(t)
	l := scattered(t, a, 1)
	reopened := 0
	stop := sys.SetFault(func(op string) error {
		if op == "reopen" {
			reopened++
		}
		return nil
	})
	defer stop()
	for _, p := range []mdl.Prot{mdl.ReadWrite, mdl.ReadWrite, mdl.ReadOnly, mdl.ReadOnly, mdl.ReadWrite} {
		sendAndReceive(t, s, r, l, p).Release()
	}
	require.Equal(t, 2, reopened)
	l.Release()
}

func TestSendErrors(t *testing.T) {
	a, s, r := peers(t)
	other := openArena(t, arena.Config{Shared: true})
	l := scattered(t, a, 3)
	foreign := scattered(t, other, 1)
	require.NoError(t, l.Append(objectsOf(foreign)[0], 5, 7))
	err := s.Send(l, mdl.ReadOnly)
	var e *mdl.MapError
	require.ErrorAs(t, err, &e)
	require.Equal(t, mdl.MapError{Op: "send", Reason: mdl.NotShared, Segment: 3, Segments: 4, Off: 5, Len: 7}, *e)
	require.EqualError(t, err, "mdl: send: segment 3 of 4, 7 bytes at offset 5 of a page: its bytes lie in no Shared arena")
	require.Equal(t, []int{1, 1}, []int{objectsOf(l)[0].Refs() - 2, objectsOf(foreign)[0].Refs() - 1}, "none taken")
	l.Release()

	borrowed, err := mdl.Describe(objectsOf(foreign)[0].Bytes())
	require.NoError(t, err)
	require.ErrorAs(t, s.Send(borrowed, mdl.ReadOnly), &e)
	require.Equal(t, mdl.Borrowed, e.Reason)
	borrowed.Release()
	foreign.Release()

	one := scattered(t, a, 1)
	for _, p := range []mdl.Prot{mdl.NoAccess, 3, 200} {
		require.ErrorIs(t, s.Send(one, p), mdl.ErrInvalid)
	}
	many := mdl.New()
	for range 4096 {
		require.NoError(t, many.Append(objectsOf(one)[0], 1, 2))
	}
	sendAndReceive(t, s, r, many, mdl.ReadOnly).Release()
	require.NoError(t, many.Append(objectsOf(one)[0], 1, 2))
	require.EqualError(t, s.Send(many, mdl.ReadOnly), "mdl: send: 4097 segments exceed 4096: invalid argument")
	many.Release()
	empty := mdl.New()
	require.ErrorIs(t, s.Send(empty, mdl.ReadOnly), mdl.ErrInvalid)
	empty.Release()
	require.ErrorIs(t, s.Send(empty, mdl.ReadOnly), object.ErrDeleted)
	ro, err := memory.Wrap(objectsOf(one)[0].Bytes(), memory.ReadOnly())
	require.NoError(t, err)
	x, err := mdl.Of(ro)
	require.NoError(t, err)
	require.ErrorIs(t, s.Send(x, mdl.ReadWrite), memory.ErrReadOnly)
	sendAndReceive(t, s, r, x, mdl.ReadOnly).Release()
	x.Release()
	require.NoError(t, ro.Delete())
	reaped(t, s, 0)
	one.Release()
}

func TestNewSenderAndReceiverErrors(t *testing.T) {
	private := openArena(t, arena.Config{})
	x, y := unixPair(t)
	_, err := mdl.NewSender(x, nil)
	require.ErrorIs(t, err, mdl.ErrInvalid)
	_, err = mdl.NewSender(x, private)
	require.ErrorIs(t, err, mdl.ErrInvalid)
	_, err = mdl.NewReceiver(nil)
	require.ErrorIs(t, err, mdl.ErrInvalid)
	packets, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "d"), Net: "unixgram"})
	require.NoError(t, err)
	defer packets.Close()
	_, err = mdl.NewReceiver(packets)
	require.ErrorIs(t, err, mdl.ErrInvalid)
	r, err := mdl.NewReceiver(y)
	require.NoError(t, err)
	require.ErrorIs(t, r.SetLimits(mdl.Limits{References: -1}), mdl.ErrInvalid)
	require.ErrorIs(t, r.SetLimits(mdl.Limits{Bytes: -1}), mdl.ErrInvalid)
	require.NoError(t, r.SetLimits(mdl.Limits{}))
	require.NoError(t, r.Close())
	_, err = r.Receive()
	require.ErrorIs(t, err, mdl.ErrPeerGone)
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, r.Close())
	require.NoError(t, r.Flush())
}

// forger is a sender that sends what it likes.
type forger struct {
	t    testing.TB
	conn *net.UnixConn
	r    *mdl.Receiver
}

func newForger(t testing.TB) *forger {
	t.Helper()
	x, y := unixPair(t)
	r, err := mdl.NewReceiver(y)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return &forger{t, x, r}
}

// header is the beginning of a message.
func header(kind, access byte, id, size uint64, refs uint32) []byte {
	b := append([]byte("lmdl"), 1, kind, access, 0)
	b = binary.LittleEndian.AppendUint64(b, id)
	b = binary.LittleEndian.AppendUint64(b, size)
	b = binary.LittleEndian.AppendUint32(b, refs)
	return binary.LittleEndian.AppendUint32(b, 0)
}

// listMessage is a list of pairs of an offset and a length.
func listMessage(access byte, id uint64, refs ...uint64) []byte {
	var size uint64
	for i := 1; i < len(refs); i += 2 {
		size += refs[i]
	}
	b := header(2, access, id, size, uint32(len(refs)/2))
	for _, v := range refs {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func (f *forger) send(b []byte, files ...int) {
	f.t.Helper()
	var oob []byte
	for _, fd := range files {
		oob = append(oob, sys.Rights(fd)...)
	}
	_, _, err := f.conn.WriteMsgUnix(b, oob, nil)
	require.NoError(f.t, err)
}

// memfd makes a memory file of so many pages.
func memfd(t testing.TB, pages int, seals sys.Seals) int {
	t.Helper()
	fd, err := sys.Memfd("forged")
	require.NoError(t, err)
	t.Cleanup(func() { _ = sys.Close(fd) })
	require.NoError(t, sys.Truncate(fd, int64(pages*page)))
	if seals != 0 {
		require.NoError(t, sys.Seal(fd, seals))
	}
	return fd
}

// Everything that no Sender sends is an error and final, leaves no file open and
// nothing mapped, and closes the connection.
func TestForgedMessages(t *testing.T) {
	size := uint64(4 * page)
	sealed := memfd(t, 4, sys.SealShrink)
	open := memfd(t, 4, 0)
	ro, err := sys.Reopen(sealed, false)
	require.NoError(t, err)
	defer sys.Close(ro)
	plain, err := os.Create(filepath.Join(t.TempDir(), "plain"))
	require.NoError(t, err)
	require.NoError(t, plain.Truncate(int64(size)))
	defer plain.Close()
	p := uint64(page)
	file := func(access byte) []byte { return header(1, access, 0, size, 0) }
	for name, forge := range map[string]func(f *forger){
		"nonsense":                func(f *forger) { f.send(bytes.Repeat([]byte("x"), 100)) },
		"wrong version":           func(f *forger) { b := file(1); b[4] = 9; f.send(b, sealed) },
		"done":                    func(f *forger) { f.send(header(3, 0, 1, 0, 0)) },
		"a list before the file":  func(f *forger) { f.send(listMessage(1, 1, 0, p)) },
		"a file message, no file": func(f *forger) { f.send(file(1)) },
		"a file that could shrink": func(f *forger) {
			f.send(file(1), open)
		},
		"a file in a directory": func(f *forger) { f.send(file(1), int(plain.Fd())) },
		"a socket":              func(f *forger) { fd, _ := f.conn.File(); f.send(file(1), int(fd.Fd())); fd.Close() },
		"a wrong size":          func(f *forger) { f.send(header(1, 1, 0, size+1, 0), sealed) },
		"a smaller size":        func(f *forger) { f.send(header(1, 1, 0, size-1, 0), sealed) },
		"for reading only":      func(f *forger) { f.send(file(2), ro) },
		"the file twice":        func(f *forger) { f.send(file(1), sealed); f.send(file(1), sealed) },
		"files and files":       func(f *forger) { f.send(file(1), sealed, sealed, sealed, sealed, sealed) },
		"writing, with a file for reading": func(f *forger) {
			f.send(file(1), ro)
			f.send(listMessage(2, 1, 0, p))
		},
		"beyond the file":         func(f *forger) { f.send(file(1), sealed); f.send(listMessage(1, 1, 0, p, 3*p, p+1)) },
		"far beyond the file":     func(f *forger) { f.send(file(1), sealed); f.send(listMessage(1, 1, size+1, 1)) },
		"around the end of 2^64":  func(f *forger) { f.send(file(1), sealed); f.send(listMessage(1, 1, math.MaxUint64-p, p)) },
		"an empty reference":      func(f *forger) { f.send(file(1), sealed); f.send(listMessage(1, 1, 0, p, p, 0)) },
		"too many references":     func(f *forger) { f.send(file(1), sealed); f.send(header(2, 1, 1, 1, 4097)) },
		"cut short in the header": func(f *forger) { f.send(file(1)[:31]); f.conn.Close() },
		"cut short in the list": func(f *forger) {
			f.send(file(1), sealed)
			b := listMessage(1, 1, 0, p)
			f.send(b[:len(b)-1])
			f.conn.Close()
		},
	} {
		views, files := mdl.Mappings().Views, openFiles(t)
		f := newForger(t)
		go func() {
			forge(f)
			_ = f.conn.CloseWrite() // so that who waits for more is told
		}()
		_, err := f.r.Receive()
		require.ErrorIs(t, err, mdl.ErrProtocol, name)
		if bytes.HasPrefix([]byte(name), []byte("cut short")) {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.ErrorIs(t, err, mdl.ErrPeerGone)
		}
		_, again := f.r.Receive()
		require.Equal(t, err, again, "%s: final", name)
		require.NoError(t, f.r.Close())
		f.conn.Close()
		require.Equal(t, views, mdl.Mappings().Views, name)
		require.Eventually(t, func() bool { return openFiles(t) == files }, 5*time.Second, time.Millisecond, "%s: files left open", name)
		if testing.Verbose() {
			t.Logf("%-32s %v", name, err)
		}
	}
}

// Files that no message asks for are not collected for long.
func TestFilesThatNobodyAskedFor(t *testing.T) {
	fd := memfd(t, 1, sys.SealShrink)
	x, y := unixPair(t)
	r, err := mdl.NewReceiver(y)
	require.NoError(t, err)
	f := &forger{t, x, r}
	message := listMessage(1, 1, 0, 1)
	for i := range 3 { // one byte each, and a file
		f.send(message[i:i+1], fd)
	}
	require.NoError(t, y.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = r.Receive()
	var e *mdl.WireError
	require.ErrorAs(t, err, &e)
	require.Equal(t, mdl.WireError{What: "files", Got: 3, Want: 2}, *e)
	require.NoError(t, r.Close())
}

// A file that its owner tries to shrink, or to make holes in, while we have it
// mapped never faults.
func TestAFileThatChangesItsMind(t *testing.T) {
	fd := memfd(t, 4, sys.SealShrink)
	f := newForger(t)
	f.send(header(1, 2, 0, uint64(4*page), 0), fd)
	f.send(listMessage(2, 1, 0, uint64(4*page)))
	l, err := f.r.Receive()
	require.NoError(t, err)
	require.NoError(t, l.CopyIn(0, bytes.Repeat([]byte{7}, 4*page)))
	require.Error(t, sys.Truncate(fd, 0))
	require.NoError(t, sys.PunchHole(fd, 0, int64(2*page)))
	got := flat(t, l)
	require.True(t, isZero(got[:2*page]))
	require.Equal(t, byte(7), got[2*page])
	require.NoError(t, sys.Truncate(fd, int64(9*page)), "it may grow: nobody looks there")
	f.send(listMessage(2, 2, uint64(4*page), 1))
	_, err = f.r.Receive()
	require.ErrorIs(t, err, mdl.ErrProtocol, "what counts is the size that it had")
	require.Equal(t, byte(7), flat(t, l)[3*page], "the list does not mind")
	l.Release()
}

// A deadline loses nothing, wherever it strikes.
func TestReceiveResumesAfterADeadline(t *testing.T) {
	fd := memfd(t, 2, sys.SealShrink)
	x, y := unixPair(t)
	r, err := mdl.NewReceiver(y)
	require.NoError(t, err)
	defer r.Close()
	f := &forger{t, x, r}
	message := append(header(1, 1, 0, uint64(2*page), 0), listMessage(1, 1, 0, 10, 20, 30)...)
	require.NoError(t, y.SetReadDeadline(time.Now().Add(-time.Second)))
	for i := range message {
		_, err := r.Receive()
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		if i == 0 {
			f.send(message[:1], fd)
		} else {
			f.send(message[i : i+1])
		}
		require.NoError(t, y.SetReadDeadline(time.Now().Add(time.Millisecond/4)))
	}
	require.NoError(t, y.SetReadDeadline(time.Time{}))
	l, err := r.Receive()
	require.NoError(t, err)
	require.Equal(t, 40, l.Len())
	l.Release()
}

// What exceeds the limits is refused, and the sender has it back; the next may
// fit.
func TestReceiverLimits(t *testing.T) {
	a, s, r := peers(t)
	small, large, wide := scattered(t, a, 1), scattered(t, a, 8), mdl.New()
	for range 6 {
		require.NoError(t, wide.Append(objectsOf(small)[0], 1, 1))
	}
	require.NoError(t, r.SetLimits(mdl.Limits{References: 6, Bytes: int64(6 * page)}))
	held := sendAndReceive(t, s, r, small, mdl.ReadWrite)
	for _, c := range []struct {
		l    *mdl.List
		text string
	}{
		{large, fmt.Sprintf("mdl: receive: list 2: list refused: %d references besides %d exceed %d", 8, 1, 6)},
		{wide, fmt.Sprintf("mdl: receive: list 3: list refused: %d references besides %d exceed %d", 6, 1, 6)},
	} {
		require.NoError(t, s.Send(c.l, mdl.ReadWrite))
		require.Equal(t, 2, s.Outstanding())
		_, err := r.Receive()
		require.ErrorIs(t, err, mdl.ErrRefused)
		require.EqualError(t, err, c.text)
		reaped(t, s, 1)
	}
	held.Release()
	sendAndReceive(t, s, r, wide, mdl.ReadWrite).Release()
	require.NoError(t, r.SetLimits(mdl.Limits{Bytes: int64(7 * page)}))
	require.NoError(t, s.Send(large, mdl.ReadOnly))
	_, err := r.Receive()
	require.ErrorIs(t, err, mdl.ErrRefused)
	require.Zero(t, r.Outstanding())
	require.NoError(t, r.SetLimits(mdl.Limits{}))
	sendAndReceive(t, s, r, large, mdl.ReadOnly).Release()
	reaped(t, s, 0)
	for _, l := range []*mdl.List{small, large, wide} {
		l.Release()
	}
}

// A kernel that will not map refuses one list and nothing else.
func TestReceiveRefusedByTheKernel(t *testing.T) {
	a, s, r := peers(t)
	l := scattered(t, a, 5)
	views := mdl.Mappings().Views
	for at := range 5 {
		require.NoError(t, s.Send(l, mdl.ReadOnly))
		stop := refuse(t, "mapat", at)
		_, err := r.Receive()
		stop()
		require.ErrorIs(t, err, mdl.ErrRefused)
		require.ErrorIs(t, err, errInjected)
		require.Zero(t, r.Outstanding())
		reaped(t, s, 0)
		require.Equal(t, views, mdl.Mappings().Views)
	}
	sendAndReceive(t, s, r, l, mdl.ReadOnly).Release()
	reaped(t, s, 0)
	l.Release()
}

// A sender that cannot send takes nothing, or takes everything back and has
// ended.
func TestSendRefusedByTheKernel(t *testing.T) {
	for _, op := range []string{"reopen", "sendmsg"} {
		a, s, _ := peers(t)
		l := scattered(t, a, 2)
		refs := refsOf(l)
		files := openFiles(t)
		stop := refuse(t, op, 0)
		err := s.Send(l, mdl.ReadOnly)
		stop()
		require.ErrorIs(t, err, errInjected, op)
		require.Zero(t, s.Outstanding())
		require.Equal(t, refs, refsOf(l))
		if op == "reopen" {
			require.NotErrorIs(t, err, mdl.ErrPeerGone)
			require.NoError(t, s.Send(l, mdl.ReadOnly), "nothing has happened")
			require.NoError(t, s.Close())
			require.Equal(t, refs, refsOf(l))
		} else {
			require.ErrorIs(t, err, mdl.ErrPeerGone)
			require.ErrorIs(t, s.Send(l, mdl.ReadOnly), errInjected, "ended")
			require.LessOrEqual(t, openFiles(t), files)
		}
		l.Release()
	}
}

// A sender whose peer does not read waits, until its deadline; a message cut
// short ends it.
func TestSendAgainstADeadline(t *testing.T) {
	a := sharedArena(t)
	x, _ := unixPair(t)
	s, err := mdl.NewSender(x, a)
	require.NoError(t, err)
	one := scattered(t, a, 1)
	l := mdl.New()
	for range 4000 {
		require.NoError(t, l.Append(objectsOf(one)[0], 0, 1))
	}
	require.NoError(t, x.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
	sent := 0
	for err == nil {
		if err = s.Send(l, mdl.ReadOnly); err == nil {
			sent++
		}
	}
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NotErrorIs(t, err, mdl.ErrPeerGone, "it is there, and slow")
	require.Positive(t, sent)
	if out := s.Outstanding(); out != sent {
		require.Zero(t, out, "a message was cut short: everything is taken back")
		require.Equal(t, 1+4000, refsOf(one)[0])
	}
	require.NoError(t, s.Close())
	require.Equal(t, 1+4000, refsOf(one)[0])
	l.Release()
	one.Release()
}

// A peer that says nonsense has everything taken away.
func TestForgedReleases(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		what string
	}{
		"garbage":        {bytes.Repeat([]byte{1}, 50), "magic"},
		"a list":         {listMessage(1, 1, 0, 1), "kind"},
		"a file":         {header(1, 1, 0, 10, 0), "kind"},
		"never sent":     {header(3, 0, 99, 0, 0), "number of the list"},
		"released twice": {append(header(3, 0, 1, 0, 0), header(3, 0, 1, 0, 0)...), "number of the list"},
	} {
		a := sharedArena(t)
		x, y := unixPair(t)
		s, err := mdl.NewSender(x, a)
		require.NoError(t, err)
		l := scattered(t, a, 2)
		refs := refsOf(l)
		require.NoError(t, s.Send(l, mdl.ReadOnly))
		require.NoError(t, s.Send(l, mdl.ReadOnly))
		_, err = y.Write(c.b)
		require.NoError(t, err)
		out, err := s.Reap()
		var e *mdl.WireError
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, c.what, e.What, name)
		require.Zero(t, out)
		require.Equal(t, refs, refsOf(l), name)
		require.ErrorIs(t, s.Send(l, mdl.ReadOnly), mdl.ErrProtocol, "final")
		_, err = s.Reap()
		require.ErrorIs(t, err, mdl.ErrProtocol)
		require.NoError(t, s.Close())
		l.Release()
	}
}

// Releases may arrive in any pieces.
func TestReleasesInPieces(t *testing.T) {
	a := sharedArena(t)
	x, y := unixPair(t)
	s, err := mdl.NewSender(x, a)
	require.NoError(t, err)
	defer s.Close()
	l := scattered(t, a, 1)
	var all []byte
	const lists = 5
	for i := range uint64(lists) {
		require.NoError(t, s.Send(l, mdl.ReadOnly))
		all = append(all, header(3, 0, i+1, 0, 0)...)
	}
	for i := range all {
		_, err := y.Write(all[i : i+1])
		require.NoError(t, err)
		reaped(t, s, lists-(i+1)/32)
	}
	l.Release()
}

// The receiver closes: the sender has everything back.
func TestReceiverCloses(t *testing.T) {
	a, s, r := peers(t)
	l := scattered(t, a, 2)
	refs := refsOf(l)
	got := sendAndReceive(t, s, r, l, mdl.ReadOnly)
	require.NoError(t, s.Send(l, mdl.ReadOnly), "on its way")
	require.NoError(t, r.Close())
	require.True(t, bytes.Equal(flat(t, l), flat(t, got)), "the list can still be read")
	out, err := s.Reap()
	require.ErrorIs(t, err, mdl.ErrPeerGone)
	require.Zero(t, out)
	require.Equal(t, refs, refsOf(l))
	require.ErrorIs(t, s.Send(l, mdl.ReadOnly), mdl.ErrPeerGone)
	require.ErrorIs(t, s.Serve(), mdl.ErrPeerGone)
	got.Release()
	require.Zero(t, r.Outstanding())
	l.Release()
}

// The sender closes: what was received stays as it is.
func TestSenderCloses(t *testing.T) {
	a, s, r := peers(t)
	l := scattered(t, a, 2)
	got := sendAndReceive(t, s, r, l, mdl.ReadWrite)
	require.NoError(t, s.Close())
	require.Equal(t, 0, s.Outstanding())
	_, err := r.Receive()
	require.ErrorIs(t, err, mdl.ErrPeerGone)
	require.True(t, errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) || err != nil)
	require.True(t, bytes.Equal(flat(t, l), flat(t, got)))
	require.NoError(t, got.CopyIn(0, []byte{1, 2, 3}))
	l.Release()
	require.Len(t, flat(t, got), 2*page)
	got.Release()
	require.ErrorIs(t, s.Send(got, mdl.ReadOnly), object.ErrDeleted)
	_, err = s.Reap()
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, s.Serve(), "closed is no failure")
	require.NoError(t, s.Close())
}

// Serve takes back as the peer releases; Close ends it.
func TestServe(t *testing.T) {
	a, s, r := peers(t)
	l := scattered(t, a, 2)
	refs := refsOf(l)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	for range 50 {
		sendAndReceive(t, s, r, l, mdl.ReadOnly).Release()
	}
	require.Eventually(t, func() bool { return s.Outstanding() == 0 }, 10*time.Second, time.Millisecond)
	require.Equal(t, refs, refsOf(l))
	require.ErrorIs(t, s.Serve(), mdl.ErrInvalid, "one is enough")
	require.NoError(t, s.Close())
	require.NoError(t, <-ended)
	l.Release()
}

// Releasing never waits for the sender, not even when the socket is full.
func TestReleaseDoesNotWait(t *testing.T) {
	a, s, r := peers(t)
	l := scattered(t, a, 1)
	lists := make(chan *mdl.List, 1)
	const count = 20000
	go func() {
		defer close(lists)
		for range count {
			got, err := r.Receive()
			if err != nil {
				t.Error(err)
				return
			}
			lists <- got
		}
	}()
	s.MuteForTest()
	go func() {
		for range count {
			if err := s.Send(l, mdl.ReadOnly); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for got := range lists {
		got.Release()
	}
	require.Zero(t, r.Outstanding())
	s.UnmuteForTest()
	flushed := make(chan error, 1)
	go func() { flushed <- r.Flush() }()
	require.Eventually(t, func() bool { out, err := s.Reap(); return out == 0 && err == nil }, 20*time.Second, time.Millisecond)
	require.NoError(t, <-flushed)
	l.Release()
}

// Receivers, and releases of what they received, by many goroutines: this one
// runs under the race detector too, because it needs no arena.
func TestReceiveConcurrently(t *testing.T) {
	fd := memfd(t, 8, sys.SealShrink)
	f := newForger(t)
	const lists = 400
	f.send(header(1, 2, 0, uint64(8*page), 0), fd)
	go func() {
		for i := range uint64(lists) {
			f.send(listMessage(2, i+1, uint64(page)*(i%8), uint64(page), 100, 100))
		}
	}()
	answers := make(chan int, 1)
	go func() {
		b, err := io.ReadAll(io.LimitReader(f.conn, lists*32))
		if err != nil {
			t.Error(err)
		}
		answers <- len(b)
	}()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range lists / 4 {
				l, err := f.r.Receive()
				if err != nil {
					t.Error(err)
					return
				}
				group.Go(func() {
					if l.Len() != page+100 {
						t.Error("wrong length")
					}
					l.Release()
				})
			}
		})
	}
	group.Wait()
	require.NoError(t, f.r.Flush())
	require.Equal(t, lists*32, <-answers, "every release was told, once")
	require.Zero(t, f.r.Outstanding())
}

// Streams with some bytes changed: an error, or lists whose bytes can be read.
func TestMutatedStreams(t *testing.T) {
	fd := memfd(t, 4, sys.SealShrink)
	p := uint64(page)
	good := append(header(1, 2, 0, 4*p, 0), listMessage(2, 1, 0, p, 2*p, p)...)
	good = append(good, listMessage(1, 2, 100, 200, 3*p+7, 90)...)
	rounds := 400
	if testing.Short() {
		rounds = 80
	}
	views := mdl.Mappings().Views
	accepted := 0
	for seed := range uint64(rounds) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		b := bytes.Clone(good)
		for range rnd.IntN(4) {
			b[rnd.IntN(len(b))] = byte(rnd.Uint32())
		}
		f := newForger(t)
		f.send(b[:rnd.IntN(len(b)+1)], fd)
		f.conn.Close()
		for {
			l, err := f.r.Receive()
			if errors.Is(err, mdl.ErrRefused) {
				continue
			}
			if err != nil {
				require.True(t, errors.Is(err, mdl.ErrProtocol) || errors.Is(err, mdl.ErrPeerGone), "seed %d: %v", seed, err)
				break
			}
			accepted++
			require.LessOrEqual(t, l.Len(), 8*page)
			require.Len(t, flat(t, l), l.Len())
			l.Release()
		}
		require.NoError(t, f.r.Close())
	}
	require.Positive(t, accepted)
	require.Equal(t, views, mdl.Mappings().Views)
}
