//go:build linux

package sys

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestProtHasNames(t *testing.T) {
	require.Equal(t, "no access", NoAccess.String())
	require.Equal(t, "read and write", ReadWrite.String())
	require.Equal(t, "Prot(3)", lastProt.String())
}

func TestMapAtAndVacate(t *testing.T) {
	before := Held()
	fd, err := Memfd("again")
	require.NoError(t, err)
	defer Close(fd)
	require.NoError(t, Truncate(fd, int64(4*page)))
	p, err := Reserve(2 * page)
	require.NoError(t, err)
	whole, err := MapFile(fd, 0, 4*page)
	require.NoError(t, err)
	require.NoError(t, MapAt(p, page, fd, int64(3*page), ReadWrite))
	view(p, page)[1] = 9
	require.Equal(t, byte(9), view(whole, 4*page)[3*page+1])
	require.NoError(t, Protect(p, page, ReadOnly))
	require.Equal(t, byte(9), view(p, page)[1])
	require.NoError(t, Lock(addr(p), page))
	require.NoError(t, Unlock(addr(p), page))
	require.NoError(t, Vacate(p, 2*page))
	require.NoError(t, MapAt(p, 2*page, fd, 0, ReadOnly), "what was vacated can be used again")
	require.Zero(t, view(p, page)[1])
	require.NoError(t, Unmap(p, 2*page))
	require.NoError(t, Unmap(whole, 4*page))
	require.Equal(t, before, Held())
}

func TestAgainRefusals(t *testing.T) {
	refused := errors.New("refused")
	p, err := Map(page)
	require.NoError(t, err)
	defer func() { require.NoError(t, Unmap(p, page)) }()
	for op, call := range map[string]func() error{
		"mapat":   func() error { return MapAt(p, page, 0, 0, ReadOnly) },
		"vacate":  func() error { return Vacate(p, page) },
		"protect": func() error { return Protect(p, page, ReadOnly) },
		"mlock":   func() error { return Lock(addr(p), page) },
		"munlock": func() error { return Unlock(addr(p), page) },
		"pagemap": func() error { return Frames(addr(p), make([]uint64, 1)) },
		"getcpu":  func() error { _, err := LocalNode(); return err },
		"reopen":  func() error { _, err := Reopen(0, true); return err },
		"fstat":   func() error { _, err := FileOf(0); return err },
		"sendmsg": func() error { _, err := SendNow(0, nil); return err },
		"recvmsg": func() error { _, err := ReceiveNow(0, nil); return err },
	} {
		asked := ""
		stop := SetFault(func(op string) error { asked = op; return refused })
		require.ErrorIs(t, call(), refused)
		stop()
		require.Equal(t, op, asked)
	}
	require.ErrorIs(t, MapAt(p, page, 0, 0, lastProt), ErrUnsupported)
	require.ErrorIs(t, Protect(p, page, lastProt), ErrUnsupported)
	require.Error(t, MapAt(p, page, -1, 0, ReadOnly))
	gone, err := Map(page)
	require.NoError(t, err)
	require.NoError(t, Unmap(gone, page))
	require.True(t, LockLimited(Lock(addr(gone), page)), "the kernel says the same for pages that are not mapped")
	require.Error(t, Unlock(addr(gone), page))
	_, err = Reopen(-1, true)
	require.Error(t, err)
	_, err = Reopen(-1, false)
	require.Error(t, err)
	_, err = FileOf(-1)
	require.Error(t, err)
	_, err = SendNow(-1, []byte{1})
	require.Error(t, err)
	_, err = ReceiveNow(-1, []byte{1})
	require.Error(t, err)
}

func TestFrames(t *testing.T) {
	p, err := Map(3 * page)
	require.NoError(t, err)
	defer func() { require.NoError(t, Unmap(p, 3*page)) }()
	view(p, 3*page)[0], view(p, 3*page)[2*page] = 1, 1
	got := []uint64{9, 9, 9}
	if err := Frames(addr(p), got); err != nil {
		require.ErrorIs(t, err, ErrNotPermitted)
		return
	}
	require.NotZero(t, got[0])
	require.Zero(t, got[1], "never touched")
	require.NotZero(t, got[2])
	require.NotEqual(t, got[0], got[2])
}

func TestParseFrames(t *testing.T) {
	entries := binary.NativeEndian.AppendUint64(nil, 1<<63|1<<61|77)
	entries = binary.NativeEndian.AppendUint64(entries, 1<<62|5) // swapped
	dst := []uint64{1, 1}
	require.NoError(t, parseFrames(entries, dst))
	require.Equal(t, []uint64{77, 0}, dst)
	entries = binary.NativeEndian.AppendUint64(entries, 1<<63) // present and hidden
	require.ErrorIs(t, parseFrames(entries, make([]uint64, 3)), ErrNotPermitted)
}

func TestParseLocked(t *testing.T) {
	for text, want := range map[string]int64{
		"Name:\tx\nVmLck:\t      12 kB\nVmPin: 3 kB\n": 12 << 10,
		"Name:\tx\n":             0,
		"Name:\tx\nVmLck:":       0,
		"Name:\tx\nVmLck: 1 MB":  0,
		"Name:\tx\nVmLck: x kB":  0,
		"VmLck:\t 12 kB\n":       0, // the first line is the name
		"\nVmLck:\t12 kB\nVmX: ": 12 << 10,
	} {
		require.Equal(t, want, parseLocked(text), "%q", text)
	}
}

func TestLocalNodeIsOneOfTheNodes(t *testing.T) {
	n, err := LocalNode()
	require.NoError(t, err)
	require.Contains(t, Nodes(), n)
}

func TestFileOfStrangers(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer f.Close()
	got, err := FileOf(int(f.Fd()))
	require.NoError(t, err)
	require.Zero(t, got.Seals&SealShrink, "a file in a directory bears no such seal")
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	got, err = FileOf(int(r.Fd()))
	require.NoError(t, err)
	require.False(t, got.Memory)
	fd, err := Memfd("stranger")
	require.NoError(t, err)
	defer Close(fd)
	require.NoError(t, Truncate(fd, 12345))
	got, err = FileOf(fd)
	require.NoError(t, err)
	require.Equal(t, File{Size: 12345, Memory: true, Writes: true, Seals: got.Seals}, got)
}

// Pages of huge size may be missing when they are touched: such files are not trusted.
func TestFileOfHugePages(t *testing.T) {
	fd, err := unix.MemfdCreate("huge", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_HUGETLB)
	if err != nil {
		t.Skipf("no such files here: %v", err)
	}
	defer Close(fd)
	require.NoError(t, Seal(fd, SealShrink))
	got, err := FileOf(fd)
	require.NoError(t, err)
	require.False(t, got.Memory)
	require.Equal(t, SealShrink, got.Seals)
}

func TestSendAndReceiveNow(t *testing.T) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer Close(pair[1])
	buf := make([]byte, 10)
	_, err = ReceiveNow(pair[1], buf)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	n, err := SendNow(pair[0], []byte("abc"))
	require.NoError(t, err)
	require.Equal(t, 3, n)
	n, err = ReceiveNow(pair[1], buf)
	require.NoError(t, err)
	require.Equal(t, "abc", string(buf[:n]))
	for err == nil {
		_, err = SendNow(pair[0], make([]byte, 1<<16))
	}
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, Close(pair[0]))
	for n, err = ReceiveNow(pair[1], make([]byte, 1<<20)); n > 0; n, err = ReceiveNow(pair[1], make([]byte, 1<<20)) {
		require.NoError(t, err)
	}
	require.NoError(t, err)
	_, err = SendNow(pair[1], []byte("x"))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestRights(t *testing.T) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer Close(pair[0])
	defer Close(pair[1])
	fd, err := Memfd("rights")
	require.NoError(t, err)
	require.NoError(t, Truncate(fd, 4321))
	require.NoError(t, syscall.Sendmsg(pair[0], []byte{1}, Rights(fd), nil, 0))
	require.NoError(t, Close(fd))
	oob := make([]byte, RightsSpace(1))
	_, n, _, _, err := syscall.Recvmsg(pair[1], make([]byte, 1), oob, 0)
	require.NoError(t, err)
	files, err := ParseRights(oob[:n])
	require.NoError(t, err)
	require.Len(t, files, 1)
	f, err := FileOf(files[0])
	require.NoError(t, err)
	require.Equal(t, int64(4321), f.Size)
	require.NoError(t, Close(files[0]))
	files, err = ParseRights(nil)
	require.NoError(t, err)
	require.Empty(t, files)
}
