package mdl_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/mdl"
)

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
