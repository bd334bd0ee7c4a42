package mdl

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/sys"
)

// LocalNode on machines with more nodes than this one may have.
func TestLocalNode(t *testing.T) {
	any, err := arena.Open(arena.Config{Reserve: 1 << 20})
	require.NoError(t, err)
	defer any.Close()
	number := sys.Nodes()[0]
	bound, err := arena.Open(arena.Config{Reserve: 1 << 20, Node: arena.OnNode(number)})
	if err != nil {
		t.Skipf("memory cannot be bound to a node here: %v", err)
	}
	defer bound.Close()
	refused := errors.New("refused")
	on := func(n int, err error) func() (int, error) { return func() (int, error) { return n, err } }
	require.NoError(t, isLocal(any, 1, on(0, refused)), "one node: all memory is local, whoever asks")
	require.ErrorIs(t, isLocal(any, 2, on(number, nil)), ErrInvalid)
	require.EqualError(t, isLocal(any, 2, on(number, nil)), `arena "arena" is not bound to a node: invalid argument`)
	require.NoError(t, isLocal(bound, 2, on(number, nil)))
	require.ErrorIs(t, isLocal(bound, 2, on(number+1, nil)), ErrInvalid)
	require.ErrorIs(t, isLocal(bound, 2, on(0, refused)), refused)
}
