package mdl_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// writer takes limit bytes and then answers as told.
type writer struct {
	bytes.Buffer
	limit int
	err   error
	lie   int // added to what it reports
	calls int
}

func (w *writer) Write(p []byte) (int, error) {
	w.calls++
	n := min(len(p), w.limit-w.Len())
	w.Buffer.Write(p[:n])
	if n < len(p) {
		return n + w.lie, w.err
	}
	return n + w.lie, nil
}

func TestWriteTo(t *testing.T) {
	l, all := listOf(t, "abc", "d", "efghi")
	var b bytes.Buffer
	for range 2 { // the list is unchanged
		b.Reset()
		n, err := l.WriteTo(&b)
		require.NoError(t, err)
		require.EqualValues(t, 9, n)
		require.Equal(t, "abcdefghi", b.String())
	}
	require.Equal(t, 9, l.Len())
	l.Release()
	deleteAll(t, all)

	empty := mdl.New()
	w := &writer{}
	n, err := empty.WriteTo(w)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Zero(t, w.calls)
	empty.Release()
}

// A short write at every position, resumed.
func TestWriteToResumesByAdvance(t *testing.T) {
	cause := errors.New("wire cut")
	for limit := range 9 {
		for _, failure := range []error{nil, cause} {
			l, all := listOf(t, "abc", "d", "efghi")
			w := &writer{limit: limit, err: failure}
			n, err := l.WriteTo(w)
			require.EqualValues(t, limit, n)
			if failure == nil {
				require.ErrorIs(t, err, io.ErrShortWrite)
			} else {
				require.ErrorIs(t, err, cause)
			}
			require.Equal(t, 9, l.Len(), "a failed write changes nothing")
			require.NoError(t, l.Advance(int(n)))
			w.limit = 100
			n, err = l.WriteTo(w)
			require.NoError(t, err)
			require.EqualValues(t, 9-limit, n)
			require.Equal(t, "abcdefghi", w.String())
			l.Release()
			deleteAll(t, all)
		}
	}
}

func TestWriteToAWriterThatLies(t *testing.T) {
	l, all := listOf(t, "abc", "d")
	for _, lie := range []int{1, 100, -4} {
		n, err := l.WriteTo(&writer{limit: 3, lie: lie})
		require.ErrorIs(t, err, mdl.ErrInvalid)
		require.Zero(t, n)
	}
	l.Release()
	deleteAll(t, all)
}

// releaser is a writer that ends the list, and deletes its objects, in the
// middle of the call.
type releaser struct {
	bytes.Buffer
	l    *mdl.List
	all  []memory.Object
	refs [][]int
}

func (r *releaser) Write(p []byte) (int, error) {
	if r.l != nil {
		r.l.Release()
		r.l = nil
		for _, m := range r.all {
			_ = m.Delete()
		}
	}
	r.refs = append(r.refs, refs(r.all))
	return r.Buffer.Write(p)
}

// The call has references of its own: whatever happens meanwhile, the bytes are
// those that were to be written, and afterwards nothing is held.
func TestWriteToAWriterThatReleases(t *testing.T) {
	l, all := listOf(t, "abc", "d")
	w := &releaser{l: l, all: all}
	n, err := l.WriteTo(w)
	require.NoError(t, err)
	require.EqualValues(t, 4, n)
	require.Equal(t, "abcd", w.String())
	require.Equal(t, [][]int{{1, 1}, {1, 1}}, w.refs)
	require.Equal(t, []int{0, 0}, refs(all))
	require.False(t, all[0].Valid() || all[1].Valid())
}

// pairs has connected connections of the kinds that take a vector.
func pairs(t *testing.T) map[string][2]net.Conn {
	all := map[string][2]net.Conn{}
	for network, addr := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		ln, err := net.Listen(network, addr)
		if err != nil {
			t.Logf("no %s here: %v", network, err)
			continue
		}
		defer ln.Close()
		a, err := net.Dial(network, ln.Addr().String())
		require.NoError(t, err)
		b, err := ln.Accept()
		require.NoError(t, err)
		all[network] = [2]net.Conn{a, b}
		t.Cleanup(func() { a.Close(); b.Close() })
	}
	return all
}

func TestWriteToConnections(t *testing.T) {
	for network, pair := range pairs(t) {
		t.Run(network, func(t *testing.T) {
			m := wrap(t, "abcdefghij")
			l := mdl.New()
			var want bytes.Buffer
			for i := range 3000 { // more than one writev
				require.NoError(t, l.Append(m, i%10, 1+i%(10-i%10)))
				want.WriteString("abcdefghij"[i%10 : i%10+1+i%(10-i%10)])
			}
			got := make(chan []byte)
			go func() {
				b, _ := io.ReadAll(pair[1])
				got <- b
			}()
			for range 2 {
				n, err := l.WriteTo(pair[0])
				require.NoError(t, err)
				require.EqualValues(t, want.Len(), n)
			}
			require.NoError(t, pair[0].Close())
			require.Equal(t, want.String()+want.String(), string(<-got))

			n, err := l.WriteTo(pair[0])
			require.ErrorIs(t, err, net.ErrClosed)
			require.Zero(t, n)
			require.Equal(t, want.Len(), l.Len())
			l.Release()
			require.NoError(t, m.Delete())
		})
	}
}

// A peer that reads slowly: the deadline passes in the middle, the count says
// how far the kernel got, and Advance resumes there.
func TestWriteToPastADeadline(t *testing.T) {
	for network, pair := range pairs(t) {
		t.Run(network, func(t *testing.T) {
			m := wrap(t, string(bytes.Repeat([]byte("0123456789abcdef"), 64<<10)))
			l := mdl.New()
			const copies = 16
			for range copies {
				require.NoError(t, l.Append(m, 0, m.Len()))
			}
			require.NoError(t, pair[0].SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
			n, err := l.WriteTo(pair[0])
			var timeout net.Error
			require.ErrorAs(t, err, &timeout)
			require.True(t, timeout.Timeout())
			require.Less(t, n, int64(l.Len()))
			require.NoError(t, l.Advance(int(n)))

			sum := make(chan int64)
			go func() {
				n, _ := io.Copy(io.Discard, pair[1])
				sum <- n
			}()
			require.NoError(t, pair[0].SetWriteDeadline(time.Time{}))
			_, err = l.WriteTo(pair[0])
			require.NoError(t, err)
			require.NoError(t, pair[0].Close())
			require.EqualValues(t, copies*m.Len(), <-sum)
			l.Release()
			require.NoError(t, m.Delete())
		})
	}
}

func TestIovecs(t *testing.T) {
	l, all := listOf(t, "abc", "d", "efghi")
	require.NoError(t, l.Advance(1))
	room := make([]mdl.Iovec, 1, 8)
	v := l.Iovecs(room)
	require.Len(t, v, 4)
	require.Same(t, &room[0], &v[0], "appended in place")
	require.Zero(t, room[0])
	i := 1
	for p := range l.All() {
		require.Same(t, &p[0], v[i].Base)
		require.EqualValues(t, len(p), v[i].Len)
		i++
	}
	l.Release()
	deleteAll(t, all)

	m := wrap(t, "x")
	l = mdl.New()
	for n := range 1100 {
		require.Len(t, l.Iovecs(nil), min(n, 1024))
		require.NoError(t, l.Append(m, 0, 1))
	}
	require.NoError(t, l.Advance(1024))
	require.Len(t, l.Iovecs(nil), 76, "the rest")
	l.Release()
	require.NoError(t, m.Delete())
}

func TestBuffersIsTheCallers(t *testing.T) {
	l, all := listOf(t, "abc", "d")
	v := l.Buffers()
	n, err := v.WriteTo(io.Discard) // uses v up
	require.NoError(t, err)
	require.EqualValues(t, 4, n)
	require.Equal(t, []string{"abc", "d"}, parts(l))
	l.Release()
	deleteAll(t, all)
}
