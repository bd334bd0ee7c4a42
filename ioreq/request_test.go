package ioreq_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
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

func TestNew(t *testing.T) {
	type mine struct{ n int }
	r, err := ioreq.New(object.Config{Kind: "rx", Context: &mine{7}})
	require.NoError(t, err)
	require.Equal(t, "rx", r.Object().Kind())
	again, ok := ioreq.From(r.Object())
	require.True(t, ok)
	require.Same(t, r, again)
	c, ok := object.Context[mine](r.Object())
	require.True(t, ok)
	require.Equal(t, 7, c.n)
	require.NotZero(t, r.ID())
	other := fresh(t)
	require.Greater(t, other.ID(), r.ID())
	require.Equal(t, "request", other.Object().Kind())
	o := r.Object()
	require.NoError(t, r.Delete())
	_, ok = ioreq.From(o)
	require.False(t, ok)
	_, ok = ioreq.From(wrapped(t, 1).Object)
	require.False(t, ok, "a memory object is no request")
	require.Zero(t, r.ID())

	_, err = ioreq.New(object.Config{Context: 5})
	require.ErrorIs(t, err, ioreq.ErrInvalid)
	parent, err := object.New(object.Config{})
	require.NoError(t, err)
	require.NoError(t, parent.Delete())
	_, err = ioreq.New(object.Config{Parent: parent})
	require.ErrorIs(t, err, ioreq.ErrDeleted)

	// A child is deleted with it.
	child, err := object.New(object.Config{Parent: other.Object()})
	require.NoError(t, err)
	require.NoError(t, other.Delete())
	require.False(t, child.Valid())
}

// Nothing works on a request that is gone or never was, and nothing panics but
// Unref.
func TestStale(t *testing.T) {
	gone := fresh(t)
	require.NoError(t, gone.Delete())
	m, h := wrapped(t, 8), &hand{}
	list, err := mdl.Of(m)
	require.NoError(t, err)
	for want, r := range map[error]*ioreq.Request{ioreq.ErrDeleted: gone, ioreq.ErrInvalid: nil} {
		for name, try := range map[string]func() error{
			"Format":      func() error { return r.Format(h, ioreq.Read, m, ioreq.Span{}) },
			"FormatList":  func() error { return r.FormatList(h, ioreq.Read, list) },
			"Send":        r.Send,
			"Complete":    func() error { return r.Complete(ioreq.Result{}) },
			"Sent":        func() error { return r.Sent(0) },
			"Reuse":       r.Reuse,
			"Delete":      r.Delete,
			"Ref":         r.Ref,
			"SetTimeout":  func() error { return r.SetTimeout(1) },
			"SetDeadline": func() error { return r.SetDeadline(someDay) },
			"Notify":      func() error { return r.Notify(nil) },
			"InputMemory": func() error { _, err := r.InputMemory(); return err },
			"OutputBuffer": func() error {
				_, err := r.OutputBuffer(0)
				return err
			},
		} {
			require.ErrorIs(t, try(), want, name)
		}
		require.Equal(t, ioreq.Deleted, r.State())
		require.Equal(t, object.Object{}, r.Object())
		require.False(t, r.Cancel())
		require.False(t, r.CancelRequested())
		require.Zero(t, r.Op())
		require.Zero(t, r.Len())
		require.Zero(t, r.Parts())
		require.Zero(t, r.ID())
		require.Zero(t, r.Result())
		require.Nil(t, r.TargetData())
		_, ok := r.Bytes()
		require.False(t, ok)
		_, ok = r.Deadline()
		require.False(t, ok)
		require.Empty(t, r.AppendSegments(nil, 0))
		require.Empty(t, r.AppendIovecs(nil, 0))
		for range r.Segments() {
			t.Fatal("a part of nothing")
		}
		r.OnComplete(nil)
		r.OnSent(nil)
		r.SetTargetData(1)
		require.Panics(t, r.Unref)
	}
	require.Equal(t, 2, m.Refs())
}

// A *Request is found out for as long as fewer than 4096 others have gone.
func TestStaleForLong(t *testing.T) {
	gone := fresh(t)
	require.NoError(t, gone.Delete())
	for range 4000 {
		r := fresh(t)
		require.NotSame(t, gone, r)
		require.ErrorIs(t, gone.Delete(), ioreq.ErrDeleted)
		require.NoError(t, r.Delete())
	}
}
