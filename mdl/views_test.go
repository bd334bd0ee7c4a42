package mdl_test

import (
	"bytes"
	"io"
	"math"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// The standard library's own test of readers, on lists cut in every way.
func TestReaderIsAReader(t *testing.T) {
	m := wrap(t, "abcdefgh")
	for cuts := range 1 << 7 {
		l := cutting(t, m, cuts)
		require.NoError(t, iotest.TestReader(l.Reader(), []byte("abcdefgh")))
		l.Release()
	}
	require.NoError(t, iotest.TestReader(mdl.New().Reader(), nil))
	deleteAll(t, []memory.Object{m})
}

func TestReaderAt(t *testing.T) {
	l, all := listOf(t, "01234", "5", "6789")
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
		n, err := l.ReaderAt().ReadAt(p, c.off)
		require.ErrorIs(t, err, c.err)
		require.Equal(t, c.want, string(p[:n]), "%+v", c)
	}
	got, err := io.ReadAll(io.NewSectionReader(l.ReaderAt(), 2, 100))
	require.NoError(t, err)
	require.Equal(t, "23456789", string(got))
	l.Release()
	deleteAll(t, all)
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
		{4, "xyz", 3, "0123xyz789", nil},
		{8, "xyz", 2, "01234567xy", io.ErrShortWrite},
		{10, "x", 0, "0123456789", io.ErrShortWrite},
		{10, "", 0, "0123456789", nil},
		{0, "", 0, "0123456789", nil},
		{math.MaxInt64, "x", 0, "0123456789", io.ErrShortWrite},
		{-1, "x", 0, "0123456789", memory.ErrInvalidBufferSize},
	} {
		l, all := listOf(t, "01234", "5", "6789")
		n, err := l.WriterAt().WriteAt([]byte(c.src), c.off)
		require.ErrorIs(t, err, c.err)
		require.Equal(t, c.n, n, "%+v", c)
		require.Equal(t, c.want, text(l))
		l.Release()
		deleteAll(t, all)
	}
	ro := wrap(t, "constant", memory.ReadOnly())
	l := made(mdl.Of(ro))
	n, err := l.WriterAt().WriteAt([]byte("x"), 3)
	require.ErrorIs(t, err, memory.ErrReadOnly)
	require.Zero(t, n)
	l.Release()
	deleteAll(t, []memory.Object{ro})
}

func TestReaderMoves(t *testing.T) {
	l, all := listOf(t, "01234", "5", "6789")
	r := l.Reader()
	b, err := r.ReadByte()
	require.NoError(t, err)
	require.Equal(t, byte('0'), b)
	for _, c := range []struct {
		offset int64
		whence int
		want   int64
		left   int
	}{
		{3, io.SeekCurrent, 4, 6}, {-2, io.SeekEnd, 8, 2}, {5, io.SeekStart, 5, 5}, {-5, io.SeekCurrent, 0, 10},
		{0, io.SeekEnd, 10, 0}, {7, io.SeekEnd, 17, 0}, {math.MaxInt64, io.SeekStart, math.MaxInt64, 0}, {4, io.SeekStart, 4, 6},
	} {
		at, err := r.Seek(c.offset, c.whence)
		require.NoError(t, err)
		require.Equal(t, c.want, at)
		require.Equal(t, c.left, r.Len())
	}
	for _, bad := range [][2]int64{{-5, io.SeekCurrent}, {-11, io.SeekEnd}, {-1, io.SeekStart}, {math.MaxInt64, io.SeekCurrent}, {0, 3}, {0, -1}} {
		_, err := r.Seek(bad[0], int(bad[1]))
		require.ErrorIs(t, err, mdl.ErrInvalid)
	}
	require.Equal(t, 6, r.Len(), "nothing moved")
	var out bytes.Buffer
	n, err := io.Copy(&out, r)
	require.NoError(t, err)
	require.EqualValues(t, 6, n)
	require.Equal(t, "456789", out.String())
	n, err = r.WriteTo(&out)
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = r.ReadByte()
	require.Equal(t, io.EOF, err)
	n2, err := r.Read(nil)
	require.NoError(t, err)
	require.Zero(t, n2)

	other, more := listOf(t, "xyz")
	r.Reset(other)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "xyz", string(got))
	other.Release()
	l.Release()
	deleteAll(t, append(all, more...))
}

// Writing stops where the writer does, and the reader stands there.
func TestReaderWriteToStopsShort(t *testing.T) {
	l, all := listOf(t, "01234", "5", "6789")
	r := l.Reader()
	_, err := r.Seek(2, io.SeekStart)
	require.NoError(t, err)
	n, err := r.WriteTo(&writer{limit: 5})
	require.ErrorIs(t, err, io.ErrShortWrite)
	require.EqualValues(t, 5, n)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "789", string(got))
	require.Equal(t, []int{2, 2, 2}, refs(all))
	l.Release()
	deleteAll(t, all)
}

// A view is no more than its list.
func TestViewsOfAReleasedList(t *testing.T) {
	l, all := listOf(t, "abc")
	r, at, to := l.Reader(), l.ReaderAt(), l.WriterAt()
	l.Release()
	deleteAll(t, all)
	var zero mdl.Reader
	for _, r := range []*mdl.Reader{r, &zero} {
		for name, f := range map[string]func() error{
			"read":      func() error { _, err := r.Read(make([]byte, 1)); return err },
			"read byte": func() error { _, err := r.ReadByte(); return err },
			"read at":   func() error { _, err := r.ReadAt(make([]byte, 1), 0); return err },
			"seek":      func() error { _, err := r.Seek(0, 0); return err },
			"write to":  func() error { _, err := r.WriteTo(io.Discard); return err },
		} {
			require.EqualError(t, f(), "mdl: "+name+": list is released: object is deleted")
		}
		misuse(t, func() { r.Len() })
	}
	_, err := at.ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, object.ErrDeleted)
	_, err = to.WriteAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, object.ErrDeleted)
}
