package slab

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
)

// arenaConfig is an arena like any other.
var arenaConfig arena.Config

func openArena(t testing.TB, cfg arena.Config) *arena.Arena {
	t.Helper()
	a, err := arena.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a
}

func newAllocator(t testing.TB) *Allocator {
	t.Helper()
	a, err := NewAllocator(openArena(t, arena.Config{}), AllocatorConfig{Name: "test"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func newLookaside(t testing.TB, cfg Config) *Lookaside {
	t.Helper()
	l, err := New(openArena(t, arena.Config{}), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// misuse runs f and returns the *MisuseError that it panics with.
func misuse(t testing.TB, f func()) (e *MisuseError) {
	t.Helper()
	defer func() {
		t.Helper()
		r := recover()
		require.NotNil(t, r, "no panic")
		err, ok := r.(error)
		require.True(t, ok, "panic with %v", r)
		require.True(t, errors.As(err, &e), "panic with %v", r)
	}()
	f()
	return nil
}

func mustAlloc(t testing.TB, a interface{ Alloc(int) ([]byte, error) }, n int) []byte {
	t.Helper()
	b, err := a.Alloc(n)
	require.NoError(t, err)
	require.Len(t, b, n)
	return b
}
