package mdl_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// faults reports whether f touches memory that it may not touch.
func faults(f func()) (faulted bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(interface{ Addr() uintptr }); !ok {
				panic(r)
			}
			faulted = true
		}
	}()
	f()
	return false
}

// sink keeps reads from being left out.
var sink byte

func reads(b *byte) func()  { return func() { sink = *b } }
func writes(b *byte) func() { return func() { *b = 1 } }

// flat is the list's bytes, copied.
func flat(t testing.TB, l *mdl.List) []byte {
	t.Helper()
	b := make([]byte, l.Len())
	if len(b) > 0 {
		require.NoError(t, l.CopyOut(0, b))
	}
	return b
}

func TestMap(t *testing.T) {
	a := sharedArena(t)
	l := scattered(t, a, 8)
	before := mdl.Mappings()
	v, err := l.Map()
	require.NoError(t, err)
	require.True(t, l.IsMapped())
	require.Len(t, v, 8*page)
	require.Equal(t, 8*page, cap(v))
	require.True(t, bytes.Equal(flat(t, l), v))
	for i := range 8 {
		require.Equal(t, byte(7-i), v[i*page])
	}
	// Writes are seen both ways.
	for i := range v {
		v[i] = byte(i % 251)
	}
	require.True(t, bytes.Equal(v, flat(t, l)))
	require.NoError(t, l.CopyIn(3*page-2, []byte("over an edge")))
	require.Equal(t, "over an edge", string(v[3*page-2:][:12]))

	again, err := l.Map()
	require.NoError(t, err)
	require.Same(t, &v[0], &again[0], "mapped already")
	now := mdl.Mappings()
	require.Equal(t, before.Views+1, now.Views)
	require.Equal(t, before.ViewBytes+int64(8*page), now.ViewBytes)
	require.NoError(t, l.Unmap())
	require.False(t, l.IsMapped())
	unbalanced(t, "unmap", l.Unmap())
	require.Equal(t, before.Views, mdl.Mappings().Views)
	require.Equal(t, before.ViewBytes, mdl.Mappings().ViewBytes)
	require.True(t, faults(reads(&v[0])), "the old slice shows nothing")
	l.Release()
	_, err = l.Map()
	require.ErrorIs(t, err, object.ErrDeleted)
	require.ErrorIs(t, l.Unmap(), object.ErrDeleted)
	require.ErrorIs(t, l.Protect(mdl.ReadOnly), object.ErrDeleted)
	require.Panics(t, func() { l.IsMapped() })
}

// The first segment may begin, and the last end, inside a page: the slice
// begins as far into a page as the list does.
func TestMapKeepsTheOffset(t *testing.T) {
	a := sharedArena(t)
	l := scattered(t, a, 4)
	for _, off := range []int{0, 1, 100, page - 1} {
		for _, cut := range []int{0, 1, page - 1} {
			part, err := l.Partial(off, 4*page-off-cut)
			require.NoError(t, err)
			v, err := part.Map()
			require.NoError(t, err)
			require.Len(t, v, part.Len())
			require.True(t, bytes.Equal(flat(t, part), v))
			again, err := mdl.Describe(v)
			require.NoError(t, err)
			require.Equal(t, off, again.ByteOffset())
			require.Equal(t, part.ByteOffset(), again.ByteOffset())
			again.Release()
			part.Release()
		}
	}
	l.Release()
}

// A page may appear several times in one mapping; all are the same page.
func TestMapOnePageManyTimes(t *testing.T) {
	a := sharedArena(t)
	one, err := mdl.AllocatePages(a, 1, 0)
	require.NoError(t, err)
	l := mdl.New()
	for range 20 { // more than a list has without a table of its own
		require.NoError(t, l.Append(objectsOf(one)[0], 0, page))
	}
	v, err := l.Map()
	require.NoError(t, err)
	v[5] = 9
	for i := range 20 {
		require.Equal(t, byte(9), v[i*page+5])
	}
	require.Equal(t, 1+20+20, refsOf(one)[0], "its own, the list's and the mapping's")
	l.Release()
	require.Equal(t, []int{1}, refsOf(one))
	one.Release()
}

// Segments that are adjacent in memory may meet inside a page.
func TestMapAdjacentSegments(t *testing.T) {
	a := sharedArena(t)
	whole, err := mdl.AllocatePages(a, int64(3*page), mdl.RequireContiguous)
	require.NoError(t, err)
	m := objectsOf(whole)[0]
	l := mdl.New()
	for _, p := range []struct{ off, n int }{{10, 90}, {100, 1}, {101, page}, {101 + page, page - 101}} {
		require.NoError(t, l.Append(m, p.off, p.n))
	}
	calls := 0
	stop := sys.SetFault(func(op string) error {
		if op == "mapat" {
			calls++
		}
		return nil
	})
	v, err := l.Map()
	stop()
	require.NoError(t, err)
	require.Equal(t, 1, calls, "one call for all of them")
	require.NoError(t, l.CopyIn(80, bytes.Repeat([]byte("abc"), 1000)))
	require.True(t, bytes.Equal(flat(t, l), v))
	l.Release()
	whole.Release()
}

// What cannot be mapped says which segment, and why; nothing is left of the
// attempt.
func TestMapErrors(t *testing.T) {
	a := sharedArena(t)
	private := openArena(t, arena.Config{})
	pages := func(a *arena.Arena, n int) *mdl.List {
		l, err := mdl.AllocatePages(a, int64(n*page), mdl.FullyRequired|mdl.RequireContiguous)
		require.NoError(t, err)
		t.Cleanup(l.Release)
		return l
	}
	shared, alone := pages(a, 4), pages(private, 1)
	m := objectsOf(shared)[0]
	foreign := wrap(t, "foreign")
	type part struct {
		m      memory.Object
		off, n int
	}
	for name, c := range map[string]struct {
		parts []part
		want  mdl.MapError
		text  string
	}{
		"not shared": {
			[]part{{m, 0, page}, {objectsOf(alone)[0], 0, page}},
			mdl.MapError{Op: "map", Reason: mdl.NotShared, Segment: 1, Segments: 2, Len: page},
			"segment 1 of 2, 4096 bytes at offset 0 of a page: its bytes lie in no Shared arena",
		},
		"ends inside a page": {
			[]part{{m, 0, 100}, {m, page, page}},
			mdl.MapError{Op: "map", Reason: mdl.Unaligned, Segment: 1, Segments: 2, Len: page},
			"segment 1 of 2, 4096 bytes at offset 0 of a page: it begins or ends inside a page",
		},
		"begins inside a page": {
			[]part{{m, 0, page}, {m, 2 * page, page}, {m, 100, 50}},
			mdl.MapError{Op: "map", Reason: mdl.Unaligned, Segment: 2, Segments: 3, Off: 100, Len: 50},
			"segment 2 of 3, 50 bytes at offset 100 of a page: it begins or ends inside a page",
		},
		"one byte missing": {
			[]part{{m, 0, page - 1}, {m, page, page}},
			mdl.MapError{Op: "map", Reason: mdl.Unaligned, Segment: 1, Segments: 2, Len: page},
			"segment 1 of 2, 4096 bytes at offset 0 of a page: it begins or ends inside a page",
		},
	} {
		l := mdl.New()
		for _, p := range c.parts {
			require.NoError(t, l.Append(p.m, p.off, p.n))
		}
		refs, before := refsOf(l), mdl.Mappings().Views
		_, err := l.Map()
		var e *mdl.MapError
		require.ErrorAs(t, err, &e, name)
		require.ErrorIs(t, err, mdl.ErrCannotMap, name)
		require.Equal(t, c.want, *e, name)
		if page == 4096 {
			require.EqualError(t, err, "mdl: map: "+c.text, name)
		}
		require.Equal(t, refs, refsOf(l), name)
		require.False(t, l.IsMapped(), name)
		require.Equal(t, before, mdl.Mappings().Views, name)
		require.ErrorIs(t, l.Protect(mdl.ReadOnly), mdl.ErrNotMapped)
		l.Release()
	}
	// The pages of a Shared arena that nobody holds cannot be mapped either: nothing keeps them.
	r, err := a.Acquire(1)
	require.NoError(t, err)
	l, err := mdl.Describe(r.Bytes())
	require.NoError(t, err)
	_, err = l.Map()
	require.EqualError(t, err, fmt.Sprintf("mdl: map: segment 0 of 1, %d bytes at offset 0 of a page: its bytes are borrowed", page))
	l.Release()
	a.Release(r)
	require.NoError(t, foreign.Delete())
}

// Without a memory file, whatever else the platform has, mapping is refused.
func TestMapWithoutAFile(t *testing.T) {
	a := openArena(t, arena.Config{})
	l, err := mdl.AllocatePages(a, 1, 0)
	require.NoError(t, err)
	_, err = l.Map()
	var e *mdl.MapError
	require.ErrorAs(t, err, &e)
	require.Equal(t, mdl.NotShared, e.Reason)
	l.Release()
	l, err = mdl.Describe(make([]byte, page))
	require.NoError(t, err)
	_, err = l.Map()
	require.ErrorAs(t, err, &e)
	require.Equal(t, mdl.Borrowed, e.Reason)
	l.Release()
	empty := mdl.New()
	_, err = empty.Map()
	require.ErrorIs(t, err, mdl.ErrInvalid)
	empty.Release()
	require.Equal(t, "its bytes are borrowed", mdl.Borrowed.String())
	require.Equal(t, "MapReason(0)", mdl.MapReason(0).String())
	require.Equal(t, "MapReason(99)", mdl.MapReason(99).String())
}

// The mapping moves with the front, and knows a list that it no longer is.
func TestMapOfAListThatMoves(t *testing.T) {
	a := sharedArena(t)
	l := scattered(t, a, 4)
	v, err := l.Map()
	require.NoError(t, err)
	at := func(want int) {
		t.Helper()
		got, err := l.Map()
		require.NoError(t, err)
		require.Same(t, &v[want], &got[0])
		require.Len(t, got, l.Len())
		require.True(t, bytes.Equal(flat(t, l), got))
	}
	require.NoError(t, l.Advance(page+10))
	at(page + 10)
	require.NoError(t, l.Retreat(10))
	at(page)
	require.Equal(t, byte(3), v[0], "what was passed is still there: the mapping holds it")
	rest, err := l.Split(page)
	require.NoError(t, err)
	_, err = l.Map()
	require.ErrorIs(t, err, mdl.ErrMapped, "neither the beginning nor the end of what was mapped")
	require.NoError(t, l.Unmap())
	w, err := l.Map()
	require.NoError(t, err)
	require.Len(t, w, page)
	require.NoError(t, l.Append(objectsOf(rest)[0], 0, 1))
	_, err = l.Map()
	require.ErrorIs(t, err, mdl.ErrMapped)
	require.EqualError(t, err, fmt.Sprintf("mdl: map: %d bytes were mapped, and the list has changed since: unmap it first: mapped otherwise", page))
	require.Equal(t, byte(2), w[0], "the mapping is as it was")
	l.Release()
	rest.Release()

	l = scattered(t, a, 4)
	v, err = l.Map()
	require.NoError(t, err)
	rest, err = l.Split(2*page + 5)
	require.NoError(t, err)
	at(0)
	require.NoError(t, l.Advance(l.Len()))
	_, err = l.Map()
	require.ErrorIs(t, err, mdl.ErrMapped, "empty")
	require.True(t, l.IsMapped())
	require.Equal(t, byte(1), v[2*page])
	l.Release()
	rest.Release()
}

// The mapping keeps the memory that was in the list, and Release takes it away.
func TestReleaseUnmaps(t *testing.T) {
	a := sharedArena(t)
	l := scattered(t, a, 3)
	before := mdl.Mappings()
	v, err := l.Map()
	require.NoError(t, err)
	require.NoError(t, l.Advance(l.Len()))
	require.EqualValues(t, 3*page, a.Stats().InUse)
	v[0] = 200
	l.Release()
	require.Zero(t, a.Stats().InUse)
	require.Equal(t, before.Views, mdl.Mappings().Views)
	require.True(t, faults(reads(&v[0])))
}

func TestProtect(t *testing.T) {
	a := sharedArena(t)
	l := scattered(t, a, 4)
	v, err := l.Map()
	require.NoError(t, err)
	original := objectsOf(l)[3].Bytes()
	for _, c := range []struct {
		p                  mdl.Prot
		readFaults, writes bool
	}{
		{mdl.ReadOnly, false, false},
		{mdl.NoAccess, true, false},
		{mdl.ReadWrite, false, true},
		{mdl.ReadOnly, false, false},
		{mdl.ReadWrite, false, true},
	} {
		require.NoError(t, l.Protect(c.p))
		for _, at := range []int{0, page, len(v) - 1} {
			require.Equal(t, c.readFaults, faults(reads(&v[at])), "%v at %d", c.p, at)
			require.Equal(t, !c.writes, faults(writes(&v[at])), "%v at %d", c.p, at)
		}
		require.False(t, faults(writes(&original[0])), "the segments are as they were")
	}
	require.ErrorIs(t, l.Protect(3), mdl.ErrInvalid)
	require.EqualError(t, l.Protect(77), "mdl: protect: Prot(77): must be NoAccess, ReadOnly or ReadWrite: invalid argument")
	stop := refuse(t, "protect", 0)
	require.ErrorIs(t, l.Protect(mdl.NoAccess), errInjected)
	stop()
	require.False(t, faults(writes(&v[0])))
	require.NoError(t, l.Unmap())
	require.ErrorIs(t, l.Protect(mdl.ReadOnly), mdl.ErrNotMapped)
	v, err = l.Map()
	require.NoError(t, err)
	require.False(t, faults(writes(&v[0])), "a new mapping has the protection of a new mapping")
	l.Release()
}

// Memory that must not be written is mapped so, with everything in the list.
func TestMapReadOnlyMemory(t *testing.T) {
	a := sharedArena(t)
	r, err := a.Acquire(2)
	require.NoError(t, err)
	defer a.Release(r)
	ro, err := memory.Wrap(r.Bytes()[:page], memory.ReadOnly())
	require.NoError(t, err)
	rw, err := memory.Wrap(r.Bytes()[page:])
	require.NoError(t, err)
	l, err := mdl.Of(rw)
	require.NoError(t, err)
	require.NoError(t, l.Append(ro, 0, page))
	v, err := l.Map()
	require.NoError(t, err)
	r.Bytes()[3] = 5
	require.Equal(t, byte(5), v[page+3])
	require.True(t, faults(writes(&v[0])))
	require.True(t, faults(writes(&v[page])))
	require.ErrorIs(t, l.Protect(mdl.ReadWrite), memory.ErrReadOnly)
	require.NoError(t, l.Protect(mdl.NoAccess))
	require.NoError(t, l.Protect(mdl.ReadOnly))
	require.False(t, faults(reads(&v[0])))
	l.Release()
	deleteAll(t, []memory.Object{ro, rw})
}

func ExampleList_Map() {
	a, err := arena.Open(arena.Config{Shared: true, Reserve: 1 << 20})
	if err != nil {
		panic(err)
	}
	defer a.Close()
	l := mdl.New()
	for range 2 { // two runs in one list
		one, err := mdl.AllocatePages(a, 1, 0)
		if err != nil {
			panic(err)
		}
		for m, b := range one.Parts() {
			if err := l.Append(m, 0, len(b)); err != nil {
				panic(err)
			}
		}
		one.Release()
	}
	defer l.Release()
	size := l.Len() / 2
	whole, err := l.Map()
	if errors.Is(err, mdl.ErrCannotMap) {
		// No memory files here: copy, then.
		whole = make([]byte, l.Len())
		copy(whole[size-2:], "over the edge")
		err = l.CopyIn(0, whole)
	}
	if err != nil {
		panic(err)
	}
	copy(whole[size-2:], "over the edge")
	for part := range l.All() {
		fmt.Printf("%q\n", bytes.Trim(part, "\x00"))
	}
	// Output:
	// "ov"
	// "er the edge"
}
