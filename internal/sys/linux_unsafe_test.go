//go:build linux

package sys

// What the compiler cannot check here: that the bytes looked at lie in the mapping just made.
// Why it holds: every slice is as long as its mapping, and is not used after Unmap.
// What would break it: a mapping shorter than what was asked for.

import (
	"errors"
	"os"
	"strconv"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var page = uintptr(PageSize())

func view(p unsafe.Pointer, n uintptr) []byte { return unsafe.Slice((*byte)(p), n) }

func addr(p unsafe.Pointer) uintptr { return uintptr(p) }

func TestReserveCommitDrop(t *testing.T) {
	before := Held()
	p, err := Reserve(1 << 20)
	require.NoError(t, err)
	require.Equal(t, before+1<<20, Held())
	require.NoError(t, Commit(p, 4*page))
	b := view(p, 4*page)
	require.Zero(t, b[0])
	b[0], b[page] = 1, 2
	n, err := Resident(p, 1<<20)
	require.NoError(t, err)
	require.Equal(t, 2*int64(page), n)
	require.NoError(t, Advise(p, page, DontNeed))
	require.Zero(t, b[0])
	require.Equal(t, byte(2), b[page])
	require.NoError(t, Forbid(p, 4*page))
	require.NoError(t, Commit(p, 4*page))
	require.Equal(t, byte(2), b[page], "the contents stay")
	Name(p, 1<<20, "a name")
	require.NoError(t, Unmap(p, 1<<20))
	require.Equal(t, before, Held())
}

func TestMemoryFile(t *testing.T) {
	fd, err := Memfd("sys test")
	require.NoError(t, err)
	require.NoError(t, Truncate(fd, 1<<20))
	p, err := MapFile(fd, 0, 1<<20)
	require.NoError(t, err)
	q, err := ReserveFile(fd, int64(page), page)
	require.NoError(t, err)
	require.NoError(t, Commit(q, page))
	view(p, 1<<20)[page] = 7
	require.Equal(t, byte(7), view(q, page)[0], "one file, two mappings")
	require.NoError(t, PunchHole(fd, int64(page), int64(page)))
	require.Zero(t, view(q, page)[0])
	s, err := SealsOf(fd)
	require.NoError(t, err)
	require.Zero(t, s)
	require.NoError(t, Seal(fd, SealShrink|SealGrow))
	require.Error(t, Truncate(fd, 1<<19))
	require.NoError(t, Seal(fd, SealSeals))
	require.Error(t, Seal(fd, SealFutureWrite))
	s, err = SealsOf(fd)
	require.NoError(t, err)
	require.Equal(t, SealShrink|SealGrow|SealSeals, s)
	link, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	require.NoError(t, err)
	require.Contains(t, link, "memfd:sys test")
	require.NoError(t, Unmap(p, 1<<20))
	require.NoError(t, Unmap(q, page))
	require.NoError(t, Close(fd))
	_, err = SealsOf(fd)
	require.ErrorIs(t, err, unix.EBADF)
}

func TestNodesThatDoNotExist(t *testing.T) {
	p, err := Map(page)
	require.NoError(t, err)
	for _, n := range []int{-1, 1024, 1 << 20} {
		require.ErrorIs(t, Bind(p, page, n), unix.EINVAL)
	}
	require.Error(t, Bind(p, page, 1023))
	require.NoError(t, Unmap(p, page))
}

// TestRefusals: each operation has its name, asks the hook before the kernel, and tells its reason.
func TestRefusals(t *testing.T) {
	refused := errors.New("refused")
	p, err := Map(page)
	require.NoError(t, err)
	defer func() { require.NoError(t, Unmap(p, page)) }()
	for _, c := range []struct {
		op   string
		call func() error
	}{
		{"reserve", func() error { _, err := Reserve(page); return err }},
		{"map", func() error { _, err := Map(page); return err }},
		{"mapfile", func() error { _, err := MapFile(0, 0, page); return err }},
		{"mapfile", func() error { _, err := ReserveFile(0, 0, page); return err }},
		{"commit", func() error { return Commit(p, page) }},
		{"forbid", func() error { return Forbid(p, page) }},
		{"advise hugepage", func() error { return Advise(p, page, Huge) }},
		{"advise guard install", func() error { return Advise(p, page, GuardInstall) }},
		{"memfd", func() error { _, err := Memfd("x"); return err }},
		{"truncate", func() error { return Truncate(0, 1) }},
		{"seal", func() error { return Seal(0, SealGrow) }},
		{"punch", func() error { return PunchHole(0, 0, 1) }},
		{"mincore", func() error { _, err := Resident(p, page); return err }},
		{"bind", func() error { return Bind(p, page, 0) }},
	} {
		asked := ""
		stop := SetFault(func(op string) error { asked = op; return refused })
		require.ErrorIs(t, c.call(), refused)
		stop()
		require.Equal(t, c.op, asked)
	}
	require.ErrorIs(t, Advise(p, page, lastAdvice), ErrUnsupported)
}

// TestKernelRefusals: the kernel's own reasons come through.
func TestKernelRefusals(t *testing.T) {
	p, err := Map(page)
	require.NoError(t, err)
	require.NoError(t, Unmap(p, page))
	_, err = Map(0)
	require.ErrorIs(t, err, unix.EINVAL)
	_, err = MapFile(-1, 0, page)
	require.ErrorIs(t, err, unix.EBADF)
	_, err = Resident(unsafe.Add(p, 1), page)
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorIs(t, PunchHole(-1, 0, 1), unix.EBADF)
	require.ErrorIs(t, Truncate(-1, 1), unix.EBADF)
	require.ErrorIs(t, Seal(-1, SealGrow), unix.EBADF)
	require.Error(t, Unmap(unsafe.Add(unsafe.Pointer(&page), 1), page), "a misaligned address")
}
