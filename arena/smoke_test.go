package arena

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSmoke(t *testing.T) {
	a, err := Open(Config{})
	require.NoError(t, err)
	r, err := a.Acquire(3)
	require.NoError(t, err)
	require.Len(t, r.Bytes(), 3*a.PageSize())
	r.Bytes()[0] = 1
	a.Release(r)
	q, err := a.Acquire(2)
	require.NoError(t, err)
	require.Zero(t, q.Bytes()[0])
	t.Logf("%+v", a.Stats())
	m, err := a.Metadata(100)
	require.NoError(t, err)
	require.NotNil(t, m)
	require.Equal(t, int64(a.PageSize()), a.Purge(0))
	require.NoError(t, a.Close())
	require.NoError(t, a.Close())
	require.Panics(t, func() { a.Release(q) })
}
