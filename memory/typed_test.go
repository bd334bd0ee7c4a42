package memory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// header is a value that goes out as bytes.
type header struct {
	Kind, Length uint32
	Sum          [8]byte
}

func TestOfTyped(t *testing.T) {
	b := open(t)
	list, err := slab.NewTyped[header](b.arena, slab.Config{})
	require.NoError(t, err)
	h, err := list.New()
	require.NoError(t, err)
	m, err := memory.OfTyped(list, h)
	require.NoError(t, err)
	require.Equal(t, 16, m.Len())
	h.Sum = [8]byte{1, 2, 3, 4, 5, 6, 7, 8}
	require.Equal(t, []byte{1, 2, 3, 4, 5, 6, 7, 8}, m.Bytes()[8:], "one memory")
	require.NoError(t, m.Ref())
	require.NoError(t, m.Delete())
	require.EqualValues(t, 1, list.Lookaside().Stats().Live)
	m.Unref()
	require.Zero(t, list.Lookaside().Stats().Live)

	h, err = list.New()
	require.NoError(t, err)
	parent, err := object.New(object.Config{})
	require.NoError(t, err)
	require.NoError(t, parent.Delete())
	_, err = memory.OfTyped(list, h, memory.WithParent(parent))
	require.ErrorIs(t, err, object.ErrDeleted)
	_, err = memory.OfTyped(list, h, memory.Option{})
	require.ErrorIs(t, err, memory.ErrInvalid)
	_, err = memory.OfTyped[header](list, nil)
	require.ErrorIs(t, err, memory.ErrInvalid)
	_, err = memory.OfTyped[header](nil, h)
	require.ErrorIs(t, err, memory.ErrInvalid)
	list.Free(h) // it is still ours
	require.NoError(t, list.Close())
}
