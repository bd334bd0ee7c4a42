package netio_test

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/netio"
	"offheap.example/lookaside/object"
)

// server sends back what comes, by one request that reads and writes in the
// same memory.
type server struct {
	s    *netio.Stream
	over chan error
}

func (v *server) read(r *ioreq.Request, m memory.Object, left *int) {
	err := r.Format(v.s, ioreq.Read, m, ioreq.Span{})
	r.OnComplete(func(r *ioreq.Request, res ioreq.Result) {
		if res.Err != nil {
			v.over <- errors.Join(res.Err, r.Reuse())
			return
		}
		v.write(r, m, res.N, left)
	})
	if err = errors.Join(err, r.Send()); err != nil {
		v.over <- err
	}
}

func (v *server) write(r *ioreq.Request, m memory.Object, n int, left *int) {
	err := errors.Join(r.Reuse(), r.Format(v.s, ioreq.Write, m, ioreq.Span{Len: n}))
	r.OnComplete(func(r *ioreq.Request, res ioreq.Result) {
		if *left -= res.N; res.Err != nil || r.Reuse() != nil {
			v.over <- res.Err
			return
		}
		v.read(r, m, left)
	})
	if err = errors.Join(err, r.Send()); err != nil {
		v.over <- err
	}
}

// Random bytes in random parts come back as they were, through memory that the
// kernel alone has touched on the other side.
func TestEcho(t *testing.T) {
	everyConn(t, func(t *testing.T, c connect) {
		seed := testkit.Seed(t)
		rnd := testkit.Rand(seed, 0)
		size := 2 << 20
		if testing.Short() {
			size = 1 << 18
		}
		text := string(testkit.Bytes(rnd, size))
		h := heap(t)
		ours, peer := c(t)
		client := stream(t, ours)
		v := &server{stream(t, peer), make(chan error, 2)}
		m := block(t, h, string(make([]byte, 10000)))
		r, err := ioreq.New(object.Config{})
		require.NoError(t, err)
		left := size
		v.read(r, m, &left)

		src, dst := randomList(t, text, rnd.IntN), randomList(t, string(make([]byte, size)), rnd.IntN)
		back, there := sendList(t, client.Full(), ioreq.Read, dst), sendList(t, client, ioreq.Write, src)
		require.Equal(t, ioreq.Result{N: size}, there.wait(t))
		require.Equal(t, ioreq.Result{N: size}, back.wait(t))
		require.True(t, text == content(t, dst), "other bytes than were sent")
		require.NoError(t, client.Close())
		require.ErrorIs(t, <-v.over, io.EOF)
		v.s.Wait()
		require.Zero(t, left)
		require.NoError(t, r.Delete())
		gone(t, m)
		src.Release()
		dst.Release()
	})
}

// randomList makes a list of the text in parts of random lengths, on the Go heap.
func randomList(t *testing.T, text string, number func(int) int) *mdl.List {
	t.Helper()
	l := mdl.New()
	for text != "" {
		n := min(len(text), 1+number(1+number(20000)))
		m, err := memory.Wrap([]byte(text[:n]))
		require.NoError(t, err)
		require.NoError(t, l.Append(m, 0, n))
		require.NoError(t, m.Delete())
		text = text[n:]
	}
	return l
}
