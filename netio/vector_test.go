package netio

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
)

const letters = "abcdefghijklmnop"

// over makes a vector of the letters, cut into parts of the given lengths,
// taken in turns.
func over(lengths ...int) *vector {
	v := &vector{stop: new(atomic.Bool)}
	for rest := []byte(letters); len(rest) > 0; {
		n := min(len(rest), lengths[len(v.segs)%len(lengths)])
		v.segs = append(v.segs, rest[:n])
		v.left += n
		rest = rest[n:]
	}
	return v
}

// rest is what is left of a vector.
func (v *vector) rest() string {
	var b []byte
	for _, s := range v.segs[v.head:] {
		b = append(b, s...)
	}
	return string(b)
}

func TestAdvanceByAnyNumberOfBytes(t *testing.T) {
	for _, lengths := range [][]int{{16}, {1}, {3}, {1, 4}, {5, 1, 1}} {
		for first := range len(letters) + 1 {
			for second := range len(letters) - first + 1 {
				v := over(lengths...)
				v.advance(first)
				require.Equal(t, letters[first:], v.rest())
				v.advance(second)
				require.Equal(t, letters[first+second:], v.rest())
				require.Equal(t, first+second, v.done)
				require.Equal(t, len(letters)-v.done, v.left)
			}
		}
	}
}

// What platforms without vectors do with connections of package net.
func TestWriteByPackageNet(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	peer, err := l.Accept()
	require.NoError(t, err)
	defer peer.Close()
	v := over(3, 1)
	v.advance(2)
	require.NoError(t, v.write(c))
	require.Equal(t, len(letters), v.done)
	require.Zero(t, v.left)
	got := make([]byte, len(letters)-2)
	_, err = io.ReadFull(peer, got)
	require.NoError(t, err)
	require.Equal(t, letters[2:], string(got))

	// As much as goes, and how much that was.
	big := &vector{stop: new(atomic.Bool), segs: [][]byte{make([]byte, 1), make([]byte, 16<<20)}, left: 1 + 16<<20}
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
	require.ErrorIs(t, big.write(c), os.ErrDeadlineExceeded)
	require.Equal(t, 1+16<<20, big.done+big.left)
	require.NoError(t, c.Close())
	n, err := io.Copy(io.Discard, peer)
	require.NoError(t, err)
	require.Equal(t, int64(big.done), n)
}

func TestStopBetweenParts(t *testing.T) {
	ours, peer := net.Pipe()
	defer ours.Close()
	defer peer.Close()
	v := over(4)
	go func() {
		_, _ = peer.Read(make([]byte, 4))
		v.stop.Store(true) // before the rest of the part can be written
		_, _ = peer.Read(make([]byte, 4))
	}()
	err := v.write(ours)
	require.Equal(t, errStopped, err)
	require.Contains(t, []int{4, 8}, v.done)
}

func TestTheQueueKeepsItsOrderAndItsRoom(t *testing.T) {
	var q fifo
	var rs [100]ioreq.Request
	_, ok := q.pop()
	require.False(t, ok)
	next := 0
	for i := range rs {
		q.push(entry{r: &rs[i]})
		if i%3 == 0 {
			e, ok := q.pop()
			require.True(t, ok)
			require.Same(t, &rs[next], e.r)
			next++
		}
	}
	require.False(t, q.remove(&rs[0]), "gone already")
	require.True(t, q.remove(&rs[70]))
	require.False(t, q.remove(&rs[70]))
	for next < len(rs) {
		if next == 70 {
			next++
		}
		e, ok := q.pop()
		require.True(t, ok)
		require.Same(t, &rs[next], e.r)
		next++
	}
	_, ok = q.pop()
	require.False(t, ok)
	room := cap(q.list)
	for range 1000 {
		q.push(entry{r: &rs[1]})
		q.push(entry{r: &rs[2]})
		_, _ = q.pop()
		_, _ = q.pop()
	}
	require.Equal(t, room, cap(q.list))
	for _, e := range q.list[:cap(q.list)] {
		require.Nil(t, e.r, "a request that is gone is not kept")
	}
}

func TestReasons(t *testing.T) {
	strange := errors.New("strange")
	for _, row := range [][2]error{
		{&net.OpError{Err: net.ErrClosed}, ErrClosed},
		{os.ErrClosed, ErrClosed},
		{&net.OpError{Err: os.ErrDeadlineExceeded}, ioreq.ErrTimeout},
		{io.ErrClosedPipe, ErrPeerClosed},
		{strange, strange},
	} {
		require.Equal(t, row[1], reason(row[0]))
	}
	e := &Error{Op: ioreq.Write, N: 1, Len: 2, Err: strange, Cause: strange}
	require.Equal(t, "netio: write: 1 of 2 bytes: strange", e.Error())
	require.Equal(t, []error{strange}, e.Unwrap())
}
