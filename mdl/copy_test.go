package mdl_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// Every offset and length over every way to cut six bytes into parts.
func TestCopyInAndOut(t *testing.T) {
	const all = "abcdef"
	for cuts := range 1 << (len(all) - 1) {
		var cut []string
		begin := 0
		for i := 1; i <= len(all); i++ {
			if i == len(all) || cuts>>(i-1)&1 == 1 {
				cut = append(cut, all[begin:i])
				begin = i
			}
		}
		l, objects := listOf(t, cut...)
		flat := []byte(all)
		for off := -1; off <= len(all)+1; off++ {
			for n := 0; n <= len(all)+1; n++ {
				fits := off >= 0 && off+n <= len(all)
				dst := bytes.Repeat([]byte{'#'}, n)
				src := bytes.Repeat([]byte{byte('A' + off + n)}, n)
				errOut, errIn := l.CopyOut(off, dst), l.CopyIn(off, src)
				switch {
				case n == 0:
					require.ErrorIs(t, errOut, mdl.ErrInvalid)
					require.ErrorIs(t, errIn, mdl.ErrInvalid)
				case fits:
					require.NoError(t, errOut)
					require.NoError(t, errIn)
					require.Equal(t, string(flat[off:off+n]), string(dst))
					copy(flat[off:], src)
				default:
					var e *memory.BoundsError
					require.ErrorAs(t, errOut, &e)
					require.Equal(t, memory.BoundsError{Op: "mdl: copy out", Off: off, Len: n, Cap: 6, Err: memory.ErrBufferTooSmall}, *e)
					require.ErrorAs(t, errIn, &e)
					require.Equal(t, memory.BoundsError{Op: "mdl: copy in", Off: off, Len: n, Cap: 6, Err: memory.ErrInvalidBufferSize}, *e)
					require.Equal(t, bytes.Repeat([]byte{'#'}, n), dst)
				}
				require.Equal(t, string(flat), string(bytes.Join(l.Buffers(), nil)))
			}
		}
		for _, off := range []int{math.MinInt, math.MinInt + 3, math.MaxInt - 1, math.MaxInt} {
			require.ErrorIs(t, l.CopyIn(off, []byte("xy")), memory.ErrInvalidBufferSize)
			require.ErrorIs(t, l.CopyOut(off, make([]byte, 2)), memory.ErrBufferTooSmall)
		}
		l.Release()
		deleteAll(t, objects)
	}
}

// A read-only part refuses what would touch it, before bounds, and nothing
// else.
func TestCopyInReadOnly(t *testing.T) {
	l := mdl.New()
	a, ro, b := wrap(t, "aa"), wrap(t, "rr", memory.ReadOnly()), wrap(t, "bb")
	for _, m := range []memory.Object{a, ro, b} {
		require.NoError(t, l.Append(m, 0, 2))
	}
	for _, c := range []struct {
		off, n int
		want   error
	}{
		{0, 1, nil}, {0, 2, nil}, {4, 2, nil}, {5, 1, nil},
		{0, 3, memory.ErrReadOnly}, {1, 2, memory.ErrReadOnly}, {2, 1, memory.ErrReadOnly}, {3, 1, memory.ErrReadOnly},
		{3, 3, memory.ErrReadOnly}, {0, 6, memory.ErrReadOnly},
		{0, 99, memory.ErrReadOnly}, {3, 99, memory.ErrReadOnly}, {-1, 4, memory.ErrReadOnly}, {-1, 99, memory.ErrReadOnly},
		{-1, 3, memory.ErrInvalidBufferSize}, {4, 99, memory.ErrInvalidBufferSize}, {math.MaxInt, 4, memory.ErrInvalidBufferSize},
		{math.MinInt, 4, memory.ErrInvalidBufferSize},
		{2, 0, mdl.ErrInvalid},
	} {
		before := string(bytes.Join(l.Buffers(), nil))
		err := l.CopyIn(c.off, bytes.Repeat([]byte{'x'}, c.n))
		require.ErrorIs(t, err, c.want, "%+v", c)
		if c.want != nil {
			require.Equal(t, before, string(bytes.Join(l.Buffers(), nil)), "%+v", c)
		}
	}
	require.NoError(t, l.CopyOut(1, make([]byte, 4)), "reading is allowed")
	require.Equal(t, "rr", string(ro.Bytes()))
	l.Release()
	deleteAll(t, []memory.Object{a, ro, b})
}
