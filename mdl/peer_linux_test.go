package mdl_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"

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
