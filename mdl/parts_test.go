package mdl_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

func TestParts(t *testing.T) {
	a, err := memory.Wrap([]byte("abcdef"))
	require.NoError(t, err)
	b, err := memory.Wrap([]byte("xyz"))
	require.NoError(t, err)
	l := mdl.New()
	require.NoError(t, l.Append(a, 1, 4))
	require.NoError(t, l.Append(b, 0, 3))
	require.NoError(t, l.Advance(1))
	var of []memory.Object
	text := ""
	for m, p := range l.Parts() {
		of = append(of, m)
		text += string(p) + "."
	}
	require.Equal(t, "cde.xyz.", text)
	require.Equal(t, []memory.Object{a, b}, of)
	for range l.Parts() {
		break
	}
	require.False(t, l.Released())
	l.Release()
	require.True(t, l.Released())
	require.True(t, (*mdl.List)(nil).Released())
	require.Panics(t, func() {
		for range l.Parts() {
			t.Error("a part of a released list")
		}
	})
	borrowed, err := mdl.Describe([]byte("mine"))
	require.NoError(t, err)
	for m := range borrowed.Parts() {
		require.Zero(t, m)
	}
	borrowed.Release()
}
