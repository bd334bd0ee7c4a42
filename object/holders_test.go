package object_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/object"
)

var (
	reader    = objtab.Holder{Kind: "request", ID: 17, Name: "read"}
	writer    = objtab.Holder{Kind: "request", ID: 18, Name: "write"}
	reference = objtab.Holder{Kind: "reference"}
)

// counts returns what Holders says without the stacks.
func counts(o object.Object) map[objtab.Holder]int {
	m := map[objtab.Holder]int{}
	for _, h := range object.Holders(o) {
		m[h.Holder] += h.Count
	}
	return m
}

// traced switches tracing on until the test ends.
func traced(t testing.TB) {
	object.Trace(true)
	t.Cleanup(func() { object.Trace(false) })
}

// frames returns the names of functions, innermost first.
func frames(pcs []uintptr) (names []string) {
	for it := runtime.CallersFrames(pcs); ; {
		f, more := it.Next()
		names = append(names, f.Function)
		if !more {
			return names
		}
	}
}

func TestHoldersOfAWatchedObject(t *testing.T) {
	for _, cfg := range []object.Config{{}, {Kind: "adorned"}} {
		o := create(t, cfg)
		require.Empty(t, object.Holders(o), "the reference of birth is nobody's")
		require.NoError(t, o.Ref())
		object.Watch(o)
		object.Watch(o)
		require.Equal(t, map[objtab.Holder]int{reference: 1}, counts(o), "taken before anybody watched")
		require.Empty(t, object.Holders(o)[0].PCs)
		require.NoError(t, object.RefAs(o, reader))
		require.NoError(t, object.RefAs(o, writer))
		require.NoError(t, object.RefAs(o, reader))
		require.True(t, o.TryRef())
		require.Equal(t, map[objtab.Holder]int{reference: 2, reader: 2, writer: 1}, counts(o))
		held := object.Holders(o)
		require.Equal(t, objtab.Held{Holder: reader, Count: 2}, held[0])
		require.Equal(t, objtab.Held{Holder: writer, Count: 1}, held[1])
		require.Equal(t, []string{"offheap.example/lookaside/object_test.TestHoldersOfAWatchedObject"}, frames(held[2].PCs))

		object.UnrefAs(o, reader)
		require.Equal(t, map[objtab.Holder]int{reference: 2, reader: 1, writer: 1}, counts(o))
		require.NoError(t, o.Delete())
		require.Equal(t, map[objtab.Holder]int{reference: 2, reader: 1, writer: 1}, counts(o), "after Delete too")
		o.Unref()
		o.Unref()
		object.UnrefAs(o, writer)
		require.Equal(t, map[objtab.Holder]int{reader: 1}, counts(o))
		object.UnrefAs(o, reader)
		require.False(t, o.Valid())
		require.Nil(t, object.Holders(o))
		require.ErrorIs(t, object.RefAs(o, reader), object.ErrDeleted)
		object.Watch(o)
		misuse(t, func() { object.UnrefAs(o, reader) })

		// The slot's next object is not watched.
		for range 600 {
			next := create(t, object.Config{Kind: "next"})
			require.NoError(t, object.RefAs(next, reader))
			require.Equal(t, map[objtab.Holder]int{reference: 1}, counts(next))
			object.UnrefAs(next, reader)
			defer func() { require.NoError(t, next.Delete()) }()
		}
	}
	object.Watch(object.Object{})
	require.Nil(t, object.Holders(object.Object{}))
	require.ErrorIs(t, object.RefAs(object.Object{}, reader), object.ErrInvalid)
	misuse(t, func() { object.UnrefAs(object.Object{}, reader) })
}

// A reference too few is found before anything is struck out.
func TestUnrefAsTooOftenChangesNothing(t *testing.T) {
	o := create(t, object.Config{})
	object.Watch(o)
	misuse(t, func() { object.UnrefAs(o, reader) })
	require.NoError(t, object.RefAs(o, reader))
	object.UnrefAs(o, reader)
	misuse(t, func() { object.UnrefAs(o, reader) })
	require.Equal(t, 1, o.Refs())
	require.NoError(t, o.Delete())
}

func takeFor(t testing.TB, o object.Object) { require.NoError(t, object.RefAs(o, reader)) }

func TestTracingRemembersStacks(t *testing.T) {
	before := create(t, object.Config{})
	traced(t)
	after := create(t, object.Config{Kind: "after"})
	for _, o := range []object.Object{before, after} {
		takeFor(t, o)
		require.NoError(t, o.Ref())
		held := object.Holders(o)
		require.Len(t, held, 2)
		require.Equal(t, reader, held[0].Holder)
		names := frames(held[0].PCs)
		require.True(t, strings.HasSuffix(names[0], ".takeFor"), names)
		require.True(t, strings.HasSuffix(names[1], ".TestTracingRemembersStacks"), names)
		require.Equal(t, names[1:], frames(held[1].PCs))
		object.UnrefAs(o, reader)
		o.Unref()
		require.Empty(t, object.Holders(o))
		require.NoError(t, o.Delete())
	}
}

func TestNoAllocationsForHolders(t *testing.T) {
	if race.Enabled {
		t.Skip("race builds allocate")
	}
	plain, watched := create(t, object.Config{}), create(t, object.Config{})
	object.Watch(watched)
	for name, o := range map[string]object.Object{"plain": plain, "watched": watched} {
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			if object.RefAs(o, reader) != nil || object.RefAs(o, writer) != nil || o.Ref() != nil {
				t.Fatal("no reference")
			}
			object.UnrefAs(o, reader)
			o.Unref()
			object.UnrefAs(o, writer)
		}), name)
		require.NoError(t, o.Delete())
	}
}
