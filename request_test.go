package lookaside

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/object"
)

func TestNewRequest(t *testing.T) {
	d, err := Open(Config{Name: "requests"})
	require.NoError(t, err)
	m, err := d.NewMemory(64)
	require.NoError(t, err)
	r, err := d.NewRequest()
	require.NoError(t, err)
	parent, ok := r.Object().Parent()
	require.True(t, ok)
	require.Equal(t, d.Root(), parent)

	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true})
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	require.Equal(t, 2, m.Refs())
	done := 0
	r.OnComplete(func(_ *ioreq.Request, res ioreq.Result) {
		done++
		require.Equal(t, ioreq.Result{N: 64}, res)
	})
	require.NoError(t, r.Send())
	require.Equal(t, 1, done)

	// The request dies with its domain and lets the memory go, which dies too.
	require.NoError(t, d.Close())
	require.Equal(t, ioreq.Deleted, r.State())
	require.False(t, m.Valid())
	require.ErrorIs(t, r.Reuse(), object.ErrDeleted)
	_, err = d.NewRequest()
	require.ErrorIs(t, err, object.ErrDeleted)
}

// A request that is with its target when the domain closes keeps its memory,
// and Close says so.
func TestCloseWithRequestInFlight(t *testing.T) {
	d, err := Open(Config{Name: "in flight"})
	require.NoError(t, err)
	m, err := d.NewMemory(64)
	require.NoError(t, err)
	r, err := d.NewRequest()
	require.NoError(t, err)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	require.NoError(t, r.Format(lb, ioreq.Read, m, ioreq.Span{}))
	done := 0
	r.OnComplete(func(_ *ioreq.Request, res ioreq.Result) {
		done++
		require.ErrorIs(t, res.Err, ioreq.ErrClosed)
		require.True(t, m.Valid())
	})
	require.NoError(t, r.Send())
	var leak *LeakError
	require.ErrorAs(t, d.Close(), &leak)
	require.Zero(t, done)
	require.True(t, m.Valid())
	require.NoError(t, lb.Close())
	require.Equal(t, 1, done)
	require.False(t, m.Valid())
	require.NoError(t, d.Arena().Close())
}
