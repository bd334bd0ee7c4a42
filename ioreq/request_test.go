package ioreq_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// wrapped returns a memory object of n bytes.
func wrapped(t testing.TB, n int, opts ...memory.Option) memory.Object {
	t.Helper()
	m, err := memory.Wrap(make([]byte, n), opts...)
	require.NoError(t, err)
	return m
}

// fresh returns a request of our own.
func fresh(t testing.TB) *ioreq.Request {
	t.Helper()
	r, err := ioreq.New(object.Config{})
	require.NoError(t, err)
	return r
}

func newRequest() (*ioreq.Request, error) { return ioreq.New(object.Config{}) }

func TestRoundTrip(t *testing.T) {
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true})
	src, dst := wrapped(t, 8), wrapped(t, 8)
	require.NoError(t, src.CopyIn(0, []byte("12345678")))
	r := fresh(t)
	var got []ioreq.Result
	note := func(_ *ioreq.Request, res ioreq.Result) {
		got = append(got, res)
		require.Equal(t, 2, src.Refs(), "the memory is held while the routine runs")
	}
	require.NoError(t, r.Format(lb, ioreq.Write, src, ioreq.Span{Off: 2}))
	require.Equal(t, 2, src.Refs())
	r.OnComplete(note)
	require.NoError(t, r.Send())
	require.Equal(t, []ioreq.Result{{N: 6}}, got)
	require.Equal(t, 2, src.Refs(), "and until Reuse")
	require.ErrorIs(t, r.Send(), ioreq.ErrNotReused)
	require.NoError(t, r.Reuse())
	require.Equal(t, 1, src.Refs())
	require.NoError(t, r.Format(lb, ioreq.Read, dst, ioreq.Span{}))
	require.NoError(t, r.Send())
	require.Equal(t, ioreq.Result{N: 6}, r.Result())
	require.Equal(t, "345678\x00\x00", string(dst.Bytes()))
	require.NoError(t, r.Delete())
	require.Equal(t, 1, dst.Refs())
	require.ErrorIs(t, r.Delete(), ioreq.ErrDeleted)
	require.Equal(t, ioreq.Deleted, r.State())
}
