package mdl_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// hasReadv tells whether lists are filled by vectors here.
const hasReadv = runtime.GOOS == "linux"

// Every kind of reader, of every length up to a little more than the list.
func TestReadFrom(t *testing.T) {
	const size = 9
	cause := errors.New("wire cut")
	for n := range size + 3 {
		src := "ABCDEFGHIJKL"[:n]
		for name, r := range map[string]io.Reader{
			"at once":   strings.NewReader(src),
			"by bytes":  iotest.OneByteReader(strings.NewReader(src)),
			"by halves": iotest.HalfReader(strings.NewReader(src)),
			"with end":  iotest.DataErrReader(strings.NewReader(src)),
			"fails":     io.MultiReader(strings.NewReader(src), iotest.ErrReader(cause)),
			"fails at":  iotest.DataErrReader(io.MultiReader(strings.NewReader(src), iotest.ErrReader(cause))),
		} {
			l, all := listOf(t, "abc", "d", "efghi")
			got, err := l.ReadFrom(r)
			require.EqualValues(t, min(n, size), got, name)
			if strings.HasPrefix(name, "fails") && n < size {
				require.ErrorIs(t, err, cause)
				require.ErrorContains(t, err, "of 9 bytes read")
			} else {
				require.NoError(t, err, name)
			}
			require.Equal(t, src[:got]+"abcdefghi"[got:], text(l), name)
			require.Equal(t, []int{2, 2, 2}, refs(all))
			l.Release()
			deleteAll(t, all)
		}
	}
}

// readerFunc is a reader made of a function.
type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestReadFromStrangeReaders(t *testing.T) {
	l, all := listOf(t, "abc", "d")
	for _, lie := range []int{-1, 4, 100} {
		n, err := l.ReadFrom(readerFunc(func([]byte) (int, error) { return lie, nil }))
		require.ErrorIs(t, err, mdl.ErrInvalid)
		require.Zero(t, n)
	}
	calls := 0
	n, err := l.ReadFrom(readerFunc(func(p []byte) (int, error) {
		calls++
		if calls == 50 {
			return 1, nil
		}
		return 0, nil
	}))
	require.ErrorIs(t, err, io.ErrNoProgress)
	require.EqualValues(t, 1, n)
	require.Equal(t, 150, calls)

	// It may end the list: the call has references of its own.
	n, err = l.ReadFrom(readerFunc(func(p []byte) (int, error) {
		if !l.Released() {
			l.Release()
			for _, m := range all {
				require.NoError(t, m.Delete())
			}
		}
		require.Equal(t, []int{1, 1}, refs(all))
		return len(p), nil
	}))
	require.NoError(t, err)
	require.EqualValues(t, 4, n)
	require.Equal(t, []int{0, 0}, refs(all))
}

// Nothing is read for a list that cannot take it.
func TestReadFromChecksFirst(t *testing.T) {
	ro, m := wrap(t, "constant", memory.ReadOnly()), wrap(t, "abc")
	l := made(mdl.Of(m))
	require.NoError(t, l.Append(ro, 0, 2))
	r := strings.NewReader("0123456789")
	_, err := l.ReadFrom(r)
	require.ErrorIs(t, err, memory.ErrReadOnly)
	require.Equal(t, 10, r.Len())
	require.Equal(t, "abcco", text(l))
	l.Release()
	l = mdl.New()
	n, err := l.ReadFrom(r)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, 10, r.Len(), "an empty list is full")
	l.Release()
	deleteAll(t, []memory.Object{ro, m})
}

// Streams that come in pieces, from connections and pipes, cut at any byte.
func TestReadFromRawConnections(t *testing.T) {
	onLinux(t)
	const all = "abcdefghij"
	r, w := pipe(t)
	ends := map[string][2]any{"pipe": {r, w}, "own": {ownConn{f: r}, w}}
	for network, pair := range pairs(t) {
		ends[network] = [2]any{pair[0], pair[1]}
	}
	m := wrap(t, "##########")
	for name, end := range ends {
		for most := 1; most <= len(all); most++ {
			l := cutting(t, m, 0b10110)
			calls := 0
			restore := sys.SetCut(func(op string) int {
				if op == "readv" {
					calls++
				}
				return most
			})
			go func() {
				_, _ = end[1].(io.Writer).Write([]byte(all[:4]))
				time.Sleep(time.Millisecond)
				_, _ = end[1].(io.Writer).Write([]byte(all[4:]))
			}()
			n, err := l.ReadFrom(end[0].(io.Reader))
			restore()
			require.NoError(t, err, name)
			require.EqualValues(t, len(all), n)
			require.Equal(t, all, string(m.Bytes()))
			require.GreaterOrEqual(t, calls, (len(all)+most-1)/most, "readv, not Read")
			require.NoError(t, l.Fill(0, 10, '#'))
			l.Release()
		}
	}
	deleteAll(t, []memory.Object{m})
}

// The peer ends in the middle, or says nothing in time.
func TestReadFromConnectionsThatEnd(t *testing.T) {
	for network, pair := range pairs(t) {
		m := wrap(t, "##########")
		l := cutting(t, m, 0b10010)
		_, err := pair[1].Write([]byte("abc"))
		require.NoError(t, err)
		for l.Len() > 7 { // a machine that is busy may let the deadline pass before anything is read
			require.NoError(t, pair[0].SetReadDeadline(time.Now().Add(10*time.Millisecond)))
			n, err := l.ReadFrom(pair[0])
			require.ErrorIs(t, err, os.ErrDeadlineExceeded, network)
			require.NoError(t, l.Advance(int(n)))
		}
		require.NoError(t, pair[0].SetReadDeadline(time.Time{}))
		_, err = pair[1].Write([]byte("defg"))
		require.NoError(t, err)
		require.NoError(t, pair[1].Close())
		n, err := l.ReadFrom(pair[0])
		require.NoError(t, err, "the end is no error")
		require.EqualValues(t, 4, n)
		require.Equal(t, "abcdefg###", string(m.Bytes()))
		n, err = l.ReadFrom(pair[0])
		require.NoError(t, err)
		require.Zero(t, n)
		l.Release()
		deleteAll(t, []memory.Object{m})
	}
}

// More parts than one readv takes.
func TestReadFromManyParts(t *testing.T) {
	for network, pair := range pairs(t) {
		room := make([]byte, 5000)
		l := mdl.New()
		for i := range room {
			require.NoError(t, l.AppendBuffer(room[i:i+1]))
		}
		want := bytes.Repeat([]byte("0123456789"), 500)
		go func() { _, _ = pair[1].Write(want) }()
		n, err := l.ReadFrom(pair[0])
		require.NoError(t, err, network)
		require.EqualValues(t, 5000, n)
		require.True(t, bytes.Equal(want, room))
		l.Release()
	}
}
