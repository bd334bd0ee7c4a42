package object_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/object"
)

// The short ways do what the long ones do, in every state.
func TestShareAs(t *testing.T) {
	by := objtab.Holder{Kind: "list"}
	require.ErrorIs(t, object.ShareAs(object.Object{}, &by), object.ErrInvalid)
	misuse(t, func() { object.DropAs(object.Object{}, &by) })

	o := create(t, object.Config{})
	misuse(t, func() { object.DropAs(o, &by) })
	require.NoError(t, object.ShareAs(o, &by))
	require.NoError(t, object.ShareAs(o, &by))
	require.Equal(t, 3, o.Refs())
	object.DropAs(o, &by)
	require.Equal(t, 2, o.Refs())

	object.Watch(o)
	require.NoError(t, object.ShareAs(o, &by))
	require.Contains(t, object.Holders(o), objtab.Held{Holder: by, Count: 1})
	object.DropAs(o, &by)
	require.NotContains(t, object.Holders(o), objtab.Held{Holder: by, Count: 1})

	require.NoError(t, o.Delete())
	require.NoError(t, object.ShareAs(o, &by), "after Delete too")
	object.DropAs(o, &by)
	require.True(t, o.Valid())
	object.DropAs(o, &by)
	require.False(t, o.Valid())
	require.ErrorIs(t, object.ShareAs(o, &by), object.ErrDeleted)
	misuse(t, func() { object.DropAs(o, &by) })
}

// An object without room for another reference says so, and is as before.
func TestShareAsHasALimit(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("takes 67 million references")
	}
	by := objtab.Holder{Kind: "list"}
	o := create(t, object.Config{})
	n := 0
	for object.ShareAs(o, &by) == nil {
		n++
	}
	require.Equal(t, 1<<26-2, n)
	require.ErrorIs(t, object.ShareAs(o, &by), object.ErrInvalid)
	require.Equal(t, 1<<26-1, o.Refs())
	for range n {
		object.DropAs(o, &by)
	}
	require.NoError(t, o.Delete())
}
