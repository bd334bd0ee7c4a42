package memory_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// flat is a memory object as it should be.
type flat struct {
	bytes    []byte
	readOnly bool
}

// verdict says what a copy of n bytes at off comes to, written with wide
// arithmetic instead of subtraction.
func (f *flat) verdict(off, n int, in bool) error {
	fits := off >= 0 && uint64(off)+uint64(n) <= uint64(len(f.bytes))
	switch {
	case n == 0:
		return memory.ErrInvalid
	case in && f.readOnly:
		return memory.ErrReadOnly
	case !fits && in:
		return memory.ErrInvalidBufferSize
	case !fits:
		return memory.ErrBufferTooSmall
	}
	return nil
}

// tryCopy copies both ways between the object and the model and compares
// everything.
func tryCopy(t testing.TB, m memory.Object, f *flat, off, n int, v byte) {
	src := bytes.Repeat([]byte{v}, n)
	err, want := m.CopyIn(off, src), f.verdict(off, n, true)
	require.ErrorIs(t, err, want)
	checkBounds(t, err, "memory: copy in", off, n, len(f.bytes), memory.ErrInvalidBufferSize)
	if want == nil {
		copy(f.bytes[off:], src)
	}
	dst := bytes.Repeat([]byte{^v}, n)
	err, want = m.CopyOut(off, dst), f.verdict(off, n, false)
	require.ErrorIs(t, err, want)
	checkBounds(t, err, "memory: copy out", off, n, len(f.bytes), memory.ErrBufferTooSmall)
	if want == nil {
		require.Equal(t, f.bytes[off:off+n], dst)
	} else {
		require.Equal(t, bytes.Repeat([]byte{^v}, n), dst, "nothing is written")
	}
	require.Equal(t, f.bytes, m.Bytes())
	require.Equal(t, 1, m.Refs())
}

// checkBounds looks at the numbers of an error that wraps kind.
func checkBounds(t testing.TB, err error, op string, off, n, size int, kind error) {
	if !errors.Is(err, kind) {
		return
	}
	var e *memory.BoundsError
	require.ErrorAs(t, err, &e)
	require.Equal(t, memory.BoundsError{Op: op, Off: off, Len: n, Cap: size, Err: kind}, *e)
}

// Every offset and length around every small size, and what overflows.
func TestCopyBounds(t *testing.T) {
	b := open(t)
	edges := []int{math.MinInt, math.MinInt + 1, -1, math.MaxInt - 1, math.MaxInt}
	for size := 1; size <= 9; size++ {
		for _, opts := range [][]memory.Option{nil, {memory.ReadOnly()}} {
			m := b.create(t, size, opts...)
			f := &flat{make([]byte, size), m.IsReadOnly()}
			v := byte(1)
			for n := 0; n <= size+2; n++ {
				for off := -2; off <= size+2; off++ {
					v++
					tryCopy(t, m, f, off, n, v)
				}
				for _, off := range edges {
					tryCopy(t, m, f, off, n, v)
				}
			}
			require.NoError(t, m.Delete())
		}
	}
}

func TestBoundsErrorText(t *testing.T) {
	b := open(t)
	m := b.create(t, 4096)
	require.EqualError(t, m.CopyIn(4000, make([]byte, 100)), "memory: copy in: 100 bytes at offset 4000 exceed 4096: invalid buffer size")
	require.EqualError(t, m.CopyOut(4096, make([]byte, 1)), "memory: copy out: 1 bytes at offset 4096 exceed 4096: buffer too small")
	require.NoError(t, m.Delete())
}

func TestCopyWithinOneObject(t *testing.T) {
	m, err := memory.Wrap([]byte("0123456789"))
	require.NoError(t, err)
	require.NoError(t, m.CopyIn(2, m.Bytes()[:6]))
	require.Equal(t, "0101234589", string(m.Bytes()), "overlapping copies are as with copy")
	require.NoError(t, m.Delete())
}

func FuzzCopyBounds(f *testing.F) {
	f.Add(10, 3, 4, byte(7), false)
	f.Add(10, 10, 0, byte(7), true)
	f.Add(1, 1, 1, byte(7), true)
	f.Add(4096, math.MaxInt, 4096, byte(7), false)
	f.Add(4096, -1, 4097, byte(7), false)
	f.Add(100, math.MinInt, 1, byte(7), false)
	f.Fuzz(func(t *testing.T, size, off, n int, v byte, readOnly bool) {
		size = 1 + int(uint(size)%8192)
		n = int(uint(n) % 10_000)
		var opts []memory.Option
		if readOnly {
			opts = append(opts, memory.ReadOnly())
		}
		m, err := memory.Wrap(make([]byte, size), opts...)
		require.NoError(t, err)
		tryCopy(t, m, &flat{make([]byte, size), readOnly}, off, n, v)
		require.NoError(t, m.Delete())
	})
}

func TestReaderAt(t *testing.T) {
	m, err := memory.Wrap([]byte("0123456789"))
	require.NoError(t, err)
	r := m.ReaderAt()
	for _, c := range []struct {
		off  int64
		n    int
		want string
		err  error
	}{
		{0, 10, "0123456789", nil},
		{3, 4, "3456", nil},
		{8, 5, "89", io.EOF},
		{10, 1, "", io.EOF},
		{10, 0, "", nil},
		{math.MaxInt64, 3, "", io.EOF},
		{-1, 3, "", memory.ErrBufferTooSmall},
		{math.MinInt64, 3, "", memory.ErrBufferTooSmall},
	} {
		p := make([]byte, c.n)
		n, err := r.ReadAt(p, c.off)
		require.ErrorIs(t, err, c.err)
		require.Equal(t, c.want, string(p[:n]), "%+v", c)
	}
	got, err := io.ReadAll(io.NewSectionReader(r, 2, 100))
	require.NoError(t, err)
	require.Equal(t, "23456789", string(got))
	require.NoError(t, iotest.TestReader(io.NewSectionReader(r, 0, int64(m.Len())), []byte("0123456789")))
	require.NoError(t, iotest.TestReader(iotest.HalfReader(io.NewSectionReader(r, 3, 4)), []byte("3456")))
	require.Equal(t, 1, m.Refs())
	require.NoError(t, m.Delete())
}

func TestWriterAt(t *testing.T) {
	for _, c := range []struct {
		off  int64
		src  string
		n    int
		want string
		err  error
	}{
		{0, "abc", 3, "abc3456789", nil},
		{8, "xyz", 2, "01234567xy", io.ErrShortWrite},
		{10, "x", 0, "0123456789", io.ErrShortWrite},
		{10, "", 0, "0123456789", nil},
		{math.MaxInt64, "x", 0, "0123456789", io.ErrShortWrite},
		{-1, "x", 0, "0123456789", memory.ErrInvalidBufferSize},
	} {
		m, err := memory.Wrap([]byte("0123456789"))
		require.NoError(t, err)
		n, err := m.WriterAt().WriteAt([]byte(c.src), c.off)
		require.ErrorIs(t, err, c.err)
		require.Equal(t, c.n, n)
		require.Equal(t, c.want, string(m.Bytes()))
		require.NoError(t, m.Delete())
	}
	long, err := memory.Wrap(make([]byte, 10))
	require.NoError(t, err)
	w := io.NewOffsetWriter(long.WriterAt(), 4)
	n, err := io.Copy(w, iotest.OneByteReader(strings.NewReader("abcdef")))
	require.NoError(t, err)
	require.EqualValues(t, 6, n)
	_, err = w.Write([]byte("g"))
	require.ErrorIs(t, err, io.ErrShortWrite)
	require.Equal(t, "\x00\x00\x00\x00abcdef", string(long.Bytes()))
	require.NoError(t, long.Delete())
	_, err = long.WriterAt().WriteAt([]byte("x"), 0)
	require.ErrorIs(t, err, object.ErrDeleted)
	_, err = long.ReaderAt().ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, object.ErrDeleted)

	m, err := memory.Wrap([]byte("constant"), memory.ReadOnly())
	require.NoError(t, err)
	_, err = m.WriterAt().WriteAt([]byte("x"), 99)
	require.ErrorIs(t, err, memory.ErrReadOnly, "before bounds")
	require.Equal(t, "constant", string(m.Bytes()))
	require.NoError(t, m.Delete())
}
