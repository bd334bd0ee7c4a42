package mdl_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

func TestAppendBuffer(t *testing.T) {
	room := []byte("abcdef")
	l := mdl.New()
	require.NoError(t, l.AppendBuffer(nil))
	require.NoError(t, l.AppendBuffer(room[:0]))
	require.Zero(t, l.Segments())
	require.False(t, l.Borrowed())
	require.NoError(t, l.AppendBuffer(room[:3]))
	require.True(t, l.Borrowed())
	for p := range l.All() {
		require.Equal(t, 3, cap(p), "not a byte beyond what was given")
	}
	l.Release()
}

func TestAppendOwned(t *testing.T) {
	m := wrap(t, "abc")
	l := mdl.New()
	require.NoError(t, l.AppendOwned(m))
	require.Equal(t, object.Closed, m.State())
	require.Equal(t, 1, m.Refs())
	require.ErrorIs(t, l.AppendOwned(m), object.ErrDeleted, "it is the list's")
	require.Equal(t, 1, m.Refs())
	require.ErrorIs(t, l.AppendOwned(memory.Object{}), mdl.ErrInvalid)
	o, err := object.New(object.Config{})
	require.NoError(t, err)
	require.ErrorIs(t, l.AppendOwned(memory.Object{Object: o}), mdl.ErrInvalid)
	require.Equal(t, 1, o.Refs())
	require.NoError(t, o.Delete())
	require.Equal(t, "abc", text(l))
	l.Release()
	require.False(t, m.Valid())
	require.ErrorIs(t, l.AppendOwned(m), object.ErrDeleted)
}

func TestAppendRun(t *testing.T) {
	a := openArena(t, arena.Config{})
	other := openArena(t, arena.Config{})
	r, err := a.Acquire(3)
	require.NoError(t, err)
	l := mdl.New()
	require.ErrorIs(t, l.AppendRun(nil, r), mdl.ErrInvalid)
	require.ErrorIs(t, l.AppendRun(other, r), mdl.ErrInvalid)
	require.ErrorIs(t, l.AppendRun(a, arena.Run{}), mdl.ErrInvalid)
	require.Zero(t, l.Segments())

	require.NoError(t, l.AppendRun(a, r))
	require.Equal(t, 3, l.PageCount())
	require.Zero(t, l.ByteOffset())
	require.False(t, l.Borrowed())
	c, err := l.Partial(page, page)
	require.NoError(t, err)
	l.Release()
	require.EqualValues(t, 3*page, a.Stats().InUse, "the partial list has a page of the run")
	c.Release()
	require.Zero(t, a.Stats().InUse)
	require.ErrorIs(t, mdl.New().AppendRun(a, r), mdl.ErrInvalid, "the run is given back")
	require.ErrorIs(t, l.AppendRun(a, r), object.ErrDeleted)
}

// greeting is a header that is made in place.
type greeting struct {
	Length uint32
	Kind   [4]byte
}

func TestAppendTyped(t *testing.T) {
	a := openArena(t, arena.Config{})
	headers, err := slab.NewTyped[greeting](a, slab.Config{})
	require.NoError(t, err)
	g, err := headers.New()
	require.NoError(t, err)
	l := mdl.New()
	require.ErrorIs(t, mdl.AppendTyped(l, headers, nil), mdl.ErrInvalid)
	require.ErrorIs(t, mdl.AppendTyped[greeting](l, nil, g), mdl.ErrInvalid)
	require.NoError(t, mdl.AppendTyped(l, headers, g))
	g.Kind = [4]byte{'h', 'e', 'l', 'o'}
	require.Equal(t, "helo", text(l)[4:])
	require.EqualValues(t, 1, headers.Lookaside().Stats().Live)
	l.Release()
	require.Zero(t, headers.Lookaside().Stats().Live)

	g, err = headers.New()
	require.NoError(t, err)
	require.ErrorIs(t, mdl.AppendTyped(l, headers, g), object.ErrDeleted)
	headers.Free(g) // it is still ours
	require.NoError(t, headers.Close())
}

// What makes no sense leaves list and object as they are.
func TestAppendRefusesAndLeavesAlone(t *testing.T) {
	m := wrap(t, "abcdef")
	l := made(mdl.Of(m))
	for _, bad := range [][2]int{
		{-1, 1}, {0, -1}, {0, 7}, {7, 0}, {6, 1}, {math.MaxInt, 1}, {1, math.MaxInt}, {math.MinInt, math.MinInt},
	} {
		var e *memory.BoundsError
		require.ErrorAs(t, l.Append(m, bad[0], bad[1]), &e)
		require.Equal(t, memory.BoundsError{Op: "mdl: append", Off: bad[0], Len: bad[1], Cap: 6, Err: memory.ErrBufferTooSmall}, *e)
	}
	require.NoError(t, l.Append(m, 6, 0))
	require.Equal(t, 2, m.Refs())
	require.NoError(t, m.Delete())
	require.NoError(t, l.Append(m, 0, 1), "the list keeps it alive")
	l.Release()
	l = mdl.New()
	require.ErrorIs(t, l.Append(m, 0, 1), object.ErrDeleted)
	require.Zero(t, l.Segments())
	l.Release()
}
