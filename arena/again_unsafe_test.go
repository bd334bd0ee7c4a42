package arena

// What the compiler cannot check here: that the bytes looked at lie in the range reserved.
// Why it holds: slices are as long as what was mapped again, and not used after Unmap.
// What would break it: mapping fewer pages than looked at.

import (
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/sys"
)

func TestMapAgain(t *testing.T) {
	needMapping(t)
	a := open(t, Config{Name: "again", Shared: true, Reserve: 1 << 20})
	r := acquire(t, a, 3)
	fill(r, 1)
	size := uintptr(a.PageSize())
	p, err := sys.Reserve(4 * size)
	require.NoError(t, err)
	defer func() { require.NoError(t, sys.Unmap(p, 4*size)) }()

	// Bytes inside a page bring the whole page; a range over two pages brings both.
	view := unsafe.Slice((*byte)(p), 2*size)
	require.NoError(t, a.MapAgain(p, r.Bytes()[size+100:size+200], sys.ReadWrite))
	view[150] = 7
	require.Equal(t, byte(7), r.Bytes()[size+150])
	require.NoError(t, a.MapAgain(p, r.Bytes()[size-1:size+1], sys.ReadWrite))
	r.Bytes()[5], r.Bytes()[size+5] = 8, 9
	require.Equal(t, []byte{8, 9}, []byte{view[5], view[size+5]})
	require.NoError(t, sys.Vacate(p, 4*size))

	free := acquire(t, a, 1)
	gone := free.Bytes()
	a.Release(free)
	for name, b := range map[string][]byte{
		"nothing": nil, "foreign": make([]byte, 10), "released": gone, "beyond the run": unsafe.Slice(&r.Bytes()[0], 4*size),
	} {
		require.ErrorIs(t, a.MapAgain(p, b, sys.ReadWrite), ErrInvalid, name)
	}
	private := open(t, Config{Reserve: 1 << 20})
	require.ErrorIs(t, private.MapAgain(p, acquire(t, private, 1).Bytes(), sys.ReadOnly), ErrInvalid)
	_, stop := refuse(t, func(op string, _ int) bool { return op == "mapat" })
	require.ErrorIs(t, a.MapAgain(p, r.Bytes(), sys.ReadWrite), errInjected)
	stop()
	b := r.Bytes()
	require.NoError(t, a.Close(), "nothing in flight is left")
	require.ErrorIs(t, a.MapAgain(p, b, sys.ReadWrite), ErrClosed)
}

func TestSharedBy(t *testing.T) {
	needMapping(t)
	private := open(t, Config{Reserve: 1 << 20})
	one := open(t, Config{Shared: true, Reserve: 1 << 20})
	two := open(t, Config{Shared: true, Reserve: 1 << 20})
	for _, a := range []*Arena{one, two} {
		got, ok := SharedBy(acquire(t, a, 2).Bytes()[5:])
		require.True(t, ok)
		require.Same(t, a, got)
	}
	for _, b := range [][]byte{nil, make([]byte, 1), acquire(t, private, 1).Bytes()} {
		_, ok := SharedBy(b)
		require.False(t, ok)
	}
	b := acquire(t, one, 1).Bytes()
	require.NoError(t, one.Close())
	_, ok := SharedBy(b)
	require.False(t, ok)
	require.Equal(t, int64(1<<20), two.FileSize())
	require.Zero(t, one.FileSize())
	require.Zero(t, private.FileSize())
}

func TestReopen(t *testing.T) {
	needMapping(t)
	a := open(t, Config{Shared: true, Reserve: 1 << 20})
	r := acquire(t, a, 1)
	r.Bytes()[0] = 42
	for _, write := range []bool{true, false} {
		fd, err := a.Reopen(write)
		require.NoError(t, err)
		f, err := sys.FileOf(fd)
		require.NoError(t, err)
		require.Equal(t, sys.File{
			Size: 1 << 20, Memory: true, Writes: write, Seals: sys.SealShrink | sys.SealGrow | sys.SealSeals,
		}, f)
		p, err := sys.Reserve(uintptr(a.PageSize()))
		require.NoError(t, err)
		off, ok := a.Offset(r.Bytes())
		require.True(t, ok)
		err = sys.MapAt(p, uintptr(a.PageSize()), fd, off, sys.ReadWrite)
		require.Equal(t, write, err == nil, "%v", err)
		require.NoError(t, sys.MapAt(p, uintptr(a.PageSize()), fd, off, sys.ReadOnly))
		require.Equal(t, byte(42), *(*byte)(p))
		require.NoError(t, sys.Unmap(p, uintptr(a.PageSize())))
		require.NoError(t, os.NewFile(uintptr(fd), "").Close())
	}
	_, stop := refuse(t, func(op string, _ int) bool { return op == "reopen" })
	_, err := a.Reopen(true)
	require.ErrorIs(t, err, errInjected)
	stop()
	require.NoError(t, a.Close())
	_, err = a.Reopen(true)
	require.ErrorIs(t, err, ErrClosed)
	_, err = open(t, Config{Reserve: 1 << 20}).Reopen(false)
	require.ErrorIs(t, err, ErrInvalid)
}
