package memory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

func TestLendAndRevoke(t *testing.T) {
	_, err := memory.Lend(nil)
	require.ErrorIs(t, err, memory.ErrInvalid)
	_, err = memory.Lend([]byte{1}, memory.WithTag(slab.Tag{'x'}))
	require.ErrorIs(t, err, memory.ErrInvalid)
	parent, err := object.New(object.Config{})
	require.NoError(t, err)
	m, err := memory.Lend([]byte("lent"), memory.WithParent(parent), memory.ReadOnly())
	require.NoError(t, err)
	require.True(t, m.IsReadOnly())
	require.False(t, m.IsWrapped())
	require.ErrorIs(t, m.Assign([]byte("other")), memory.ErrNotWrapped)
	require.NoError(t, m.Ref())
	require.ErrorIs(t, m.Revoke(), memory.ErrInUse)
	require.Equal(t, "lent", string(m.Bytes()))
	m.Unref()
	require.NoError(t, m.Revoke())
	require.Empty(t, m.Bytes())
	require.ErrorIs(t, m.CopyOut(0, make([]byte, 1)), memory.ErrBufferTooSmall)
	require.NoError(t, m.Revoke())
	require.NoError(t, parent.Delete())
	require.ErrorIs(t, m.Revoke(), object.ErrDeleted)
	require.ErrorIs(t, memory.Object{}.Revoke(), memory.ErrInvalid)
	_, err = memory.Lend([]byte{1}, memory.WithParent(parent))
	require.ErrorIs(t, err, object.ErrDeleted)

	w, err := memory.Wrap([]byte("wrapped"))
	require.NoError(t, err)
	require.NoError(t, w.Revoke())
	require.NoError(t, w.Delete())
}

// What belongs to an allocator is not taken away: it would never come back.
func TestRevokeOfOwnedMemory(t *testing.T) {
	src, err := arena.Open(arena.Config{})
	require.NoError(t, err)
	a, err := slab.NewAllocator(src, slab.AllocatorConfig{})
	require.NoError(t, err)
	m, err := memory.New(a, 8)
	require.NoError(t, err)
	require.ErrorIs(t, m.Revoke(), memory.ErrNotWrapped)
	require.Equal(t, 8, m.Len())
	require.NoError(t, m.Delete())
	require.NoError(t, a.Close())
	require.NoError(t, src.Close())
}
