package memory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// keeper is an owner that counts.
type keeper struct{ back [][]byte }

func (k *keeper) TakeBack(b []byte) { k.back = append(k.back, b) }

func TestOwned(t *testing.T) {
	k := &keeper{}
	b := make([]byte, 10, 20)
	m, err := memory.Owned(b, k, memory.ReadOnly())
	require.NoError(t, err)
	require.Equal(t, 10, m.Len())
	require.True(t, m.IsReadOnly())
	require.False(t, m.IsWrapped())
	require.ErrorIs(t, m.Assign(make([]byte, 1)), memory.ErrNotWrapped)
	require.ErrorIs(t, m.CopyIn(0, []byte{1}), memory.ErrReadOnly)
	require.NoError(t, m.Ref())
	require.NoError(t, m.Delete())
	require.Empty(t, k.back)
	m.Unref()
	require.Len(t, k.back, 1)
	require.Same(t, &b[0], &k.back[0][0])
	require.Equal(t, 10, cap(k.back[0]))
}

func TestOwnedErrors(t *testing.T) {
	k := &keeper{}
	_, err := memory.Owned(nil, k)
	require.ErrorIs(t, err, memory.ErrInvalid)
	_, err = memory.Owned(make([]byte, 1), nil)
	require.ErrorIs(t, err, memory.ErrInvalid)
	_, err = memory.Owned(make([]byte, 1), k, memory.Option{})
	require.ErrorIs(t, err, memory.ErrInvalid)
	p, err := object.New(object.Config{})
	require.NoError(t, err)
	require.NoError(t, p.Delete())
	_, err = memory.Owned(make([]byte, 1), k, memory.WithParent(p))
	require.ErrorIs(t, err, object.ErrDeleted)
	require.Empty(t, k.back, "the bytes are still the caller's")
}
