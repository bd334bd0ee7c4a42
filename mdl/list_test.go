package mdl_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// wrap makes a memory object of the letters.
func wrap(t testing.TB, letters string, opts ...memory.Option) memory.Object {
	t.Helper()
	m, err := memory.Wrap([]byte(letters), opts...)
	require.NoError(t, err)
	return m
}

// listOf makes a list of one memory object for each part.
func listOf(t testing.TB, parts ...string) (*mdl.List, []memory.Object) {
	t.Helper()
	l := mdl.New()
	var all []memory.Object
	for _, p := range parts {
		m := wrap(t, p)
		require.NoError(t, l.Append(m, 0, len(p)))
		all = append(all, m)
	}
	return l, all
}

// parts returns the list's parts as strings.
func parts(l *mdl.List) []string {
	var all []string
	for p := range l.All() {
		all = append(all, string(p))
	}
	return all
}

func refs(all []memory.Object) []int {
	var n []int
	for _, m := range all {
		n = append(n, m.Refs())
	}
	return n
}

func deleteAll(t testing.TB, all []memory.Object) {
	t.Helper()
	for _, m := range all {
		require.Equal(t, 1, m.Refs())
		require.NoError(t, m.Delete())
	}
}

// misuse runs f, which must panic with a *mdl.MisuseError, which is slab's.
func misuse(t testing.TB, f func()) (e *slab.MisuseError) {
	t.Helper()
	defer func() {
		t.Helper()
		var ok bool
		e, ok = recover().(*mdl.MisuseError)
		require.True(t, ok, "no misuse reported")
	}()
	f()
	return nil
}

func TestOf(t *testing.T) {
	m := wrap(t, "abcdef")
	l, err := mdl.Of(m)
	require.NoError(t, err)
	require.Equal(t, 6, l.Len())
	require.Equal(t, 1, l.Segments())
	require.Equal(t, []string{"abcdef"}, parts(l))
	require.False(t, l.Borrowed())
	require.Equal(t, 2, m.Refs())
	l.Release()
	require.Equal(t, 1, m.Refs())

	require.NoError(t, m.Delete())
	_, err = mdl.Of(m)
	require.ErrorIs(t, err, object.ErrDeleted)
	_, err = mdl.Of(memory.Object{})
	require.ErrorIs(t, err, mdl.ErrInvalid)
	o, err := object.New(object.Config{})
	require.NoError(t, err)
	_, err = mdl.Of(memory.Object{Object: o})
	require.ErrorIs(t, err, mdl.ErrInvalid)
	require.Equal(t, 1, o.Refs())
	require.NoError(t, o.Delete())
}

func TestDescribe(t *testing.T) {
	b := make([]byte, 5, 50)
	copy(b, "bytes")
	l, err := mdl.Describe(b)
	require.NoError(t, err)
	require.True(t, l.Borrowed())
	require.Equal(t, []string{"bytes"}, parts(l))
	for p := range l.All() {
		require.Equal(t, 5, cap(p), "not a byte beyond what was given")
		p[0] = 'B'
	}
	require.Equal(t, "Bytes", string(b))
	l.Release()
	for _, empty := range [][]byte{nil, {}} {
		l, err := mdl.Describe(empty)
		require.NoError(t, err)
		require.Zero(t, l.Len())
		require.Zero(t, l.Segments())
		require.False(t, l.Borrowed())
		require.Empty(t, parts(l))
		l.Release()
	}
}

func TestAppend(t *testing.T) {
	m, other := wrap(t, "0123456789"), wrap(t, "abc")
	l := mdl.New()
	require.NoError(t, l.Append(m, 2, 3))
	require.NoError(t, l.Append(other, 0, 3))
	require.NoError(t, l.Append(m, 0, 10))
	require.NoError(t, l.Append(m, 10, 0), "nothing at the end")
	require.NoError(t, l.Append(m, 4, 0), "nothing anywhere")
	require.Equal(t, []string{"234", "abc", "0123456789"}, parts(l))
	require.Equal(t, 16, l.Len())
	require.Equal(t, 3, l.Segments())
	require.Equal(t, 3, m.Refs(), "one for each segment")
	require.Equal(t, 2, other.Refs())
	require.NoError(t, m.Delete(), "the list keeps it alive")
	require.Equal(t, []string{"234", "abc", "0123456789"}, parts(l))
	require.NoError(t, l.Append(m, 0, 1), "alive is alive")
	l.Release()
	require.False(t, m.Valid())
	require.Equal(t, 1, other.Refs())
	require.NoError(t, other.Delete())
}

func TestAppendRefuses(t *testing.T) {
	m := wrap(t, "0123456789")
	gone := wrap(t, "x")
	require.NoError(t, gone.Delete())
	l := mdl.New()
	defer l.Release()
	for _, c := range [][2]int{
		{0, 11}, {10, 1}, {11, 0}, {-1, 1}, {-1, 0}, {0, -1}, {5, -1}, {1, math.MaxInt}, {math.MaxInt, 1},
		{math.MaxInt, math.MaxInt}, {math.MinInt, math.MinInt}, {5, 6},
	} {
		err := l.Append(m, c[0], c[1])
		var bounds *memory.BoundsError
		require.ErrorAs(t, err, &bounds)
		require.Equal(t, memory.BoundsError{Op: "mdl: append", Off: c[0], Len: c[1], Cap: 10, Err: memory.ErrBufferTooSmall}, *bounds)
		require.Equal(t, 1, m.Refs())
	}
	require.ErrorIs(t, l.Append(gone, 0, 1), object.ErrDeleted)
	require.ErrorIs(t, l.Append(gone, 0, 0), object.ErrDeleted)
	require.ErrorIs(t, l.Append(memory.Object{}, 0, 1), mdl.ErrInvalid)
	require.Zero(t, l.Segments())
	require.NoError(t, l.Append(m, 0, 10))
	require.Equal(t, 10, l.Len())
	require.NoError(t, l.Advance(10))
	require.NoError(t, m.Delete())
}

// Lists grow past what fits in a body, keep their order, and give everything
// back.
func TestLongLists(t *testing.T) {
	m := wrap(t, "abcdefghijklmnopqrstuvwxyz")
	for range 3 {
		for _, n := range []int{15, 16, 17, 33, 1000, 3} {
			l := mdl.New()
			var want []string
			for i := range n {
				require.NoError(t, l.Append(m, i%26, 1))
				want = append(want, string(rune('a'+i%26)))
				if i%3 == 2 { // room at the front is used before the list grows
					require.NoError(t, l.Advance(1))
					want = want[1:]
				}
			}
			require.Equal(t, want, parts(l))
			require.Equal(t, 1+len(want), m.Refs())
			require.Equal(t, len(want), l.Len())
			l.Release()
			require.Equal(t, 1, m.Refs())
		}
	}
	require.NoError(t, m.Delete())
}

func TestAdvance(t *testing.T) {
	for n := range 11 {
		l, all := listOf(t, "abc", "d", "efghi", "j")
		require.NoError(t, l.Advance(n))
		require.Equal(t, "abcdefghij"[n:], string(slices.Concat(l.Buffers()...)))
		require.Equal(t, 10-n, l.Len())
		held := 0
		for i, end := range []int{3, 4, 9, 10} {
			want := 1
			if n < end {
				want, held = 2, held+1
			}
			require.Equal(t, want, all[i].Refs(), "segment %d after %d bytes", i, n)
		}
		require.Equal(t, held, l.Segments())

		var bounds *memory.BoundsError
		for _, bad := range []int{11 - n, -1, math.MaxInt, math.MinInt} {
			require.ErrorAs(t, l.Advance(bad), &bounds)
			require.Equal(t, memory.BoundsError{Op: "mdl: advance", Len: bad, Cap: 10 - n, Err: memory.ErrBufferTooSmall}, *bounds)
			require.Equal(t, 10-n, l.Len())
			require.Equal(t, held, l.Segments())
		}
		l.Release()
		deleteAll(t, all)
	}
}

// At the end a list is empty, not over.
func TestAdvanceToTheEndLeavesAnEmptyList(t *testing.T) {
	l, all := listOf(t, "abc", "def")
	require.NoError(t, l.Advance(6))
	require.Zero(t, l.Len())
	require.Empty(t, l.Iovecs(nil))
	require.Empty(t, l.Buffers())
	require.NoError(t, l.Advance(0))
	require.NoError(t, l.Append(all[1], 1, 2))
	require.Equal(t, []string{"ef"}, parts(l))
	l.Release()
	deleteAll(t, all)
}

func TestAllMayStopAndStart(t *testing.T) {
	l, all := listOf(t, "a", "b", "c")
	for p := range l.All() {
		require.Equal(t, "a", string(p))
		break
	}
	seq := l.All()
	for range 2 {
		require.Len(t, slices.Collect(seq), 3)
	}
	e := misuse(t, func() {
		for range l.All() {
			l.Release()
		}
	})
	require.Equal(t, slab.UseAfterFree, e.Kind)
	deleteAll(t, all)
}

// Every operation on a released list is told apart from one on a live list,
// also when its place has been used again since.
func TestUseAfterRelease(t *testing.T) {
	l, all := listOf(t, "abc")
	l.Release()
	deleteAll(t, all)
	var zero mdl.List
	var none *mdl.List
	check := func(l *mdl.List) {
		for name, f := range map[string]func() error{
			"append":   func() error { return l.Append(memory.Object{}, 0, 1) },
			"advance":  func() error { return l.Advance(0) },
			"copy in":  func() error { return l.CopyIn(0, []byte{1}) },
			"copy out": func() error { return l.CopyOut(0, []byte{1}) },
			"write to": func() error { _, err := l.WriteTo(nil); return err },

			"append buffer": func() error { return l.AppendBuffer(nil) },
			"append owned":  func() error { return l.AppendOwned(memory.Object{}) },
			"append run":    func() error { return l.AppendRun(nil, arena.Run{}) },
			"append typed":  func() error { return mdl.AppendTyped[int](l, nil, nil) },
			"retreat":       func() error { return l.Retreat(0) },
			"set source":    func() error { return l.SetSource(nil) },
			"partial":       func() error { _, err := l.Partial(0, 0); return err },
			"clone":         func() error { _, err := l.Clone(); return err },
			"split":         func() error { _, err := l.Split(0); return err },
			"fragments":     func() error { _, err := l.Fragments(1); return err },
			"take":          func() error { return l.Take(mdl.New()) },
			"view":          func() error { _, err := l.View(1, nil); return err },
			"fill":          func() error { return l.Fill(0, 1, 0) },
			"checksum":      func() error { _, err := l.Checksum(0, 0); return err },
			"crc-32c":       func() error { _, err := l.CRC32C(0, 0); return err },
			"read from":     func() error { _, err := l.ReadFrom(nil); return err },
		} {
			require.EqualError(t, f(), "mdl: "+name+": list is released: object is deleted")
			require.ErrorIs(t, f(), object.ErrDeleted)
		}
		for name, f := range map[string]func(){
			"len":      func() { l.Len() },
			"segments": func() { l.Segments() },
			"borrowed": func() { l.Borrowed() },
			"buffers":  func() { l.Buffers() },
			"iovecs":   func() { l.Iovecs(nil) },

			"headroom":    func() { l.Headroom() },
			"byte count":  func() { l.ByteCount() },
			"byte offset": func() { l.ByteOffset() },
			"page count":  func() { l.PageCount() },
			"summary":     func() { l.Summary() },
			"copy":        func() { mdl.Copy(l, l) },
			"equal":       func() { mdl.Equal(l, l) },
			"compare":     func() { mdl.Compare(l, l) },
			"pages": func() {
				for range l.Pages() {
				}
			},
			"parts": func() {
				for range l.Parts() {
				}
			},
			"all": func() {
				for range l.All() {
				}
			},
		} {
			e := misuse(t, f)
			require.Equal(t, name, e.Op)
			require.Equal(t, slab.UseAfterFree, e.Kind)
		}
		e := misuse(t, l.Release)
		require.Equal(t, "release", e.Op)
		require.Equal(t, slab.DoubleFree, e.Kind)
	}
	check(l)
	check(&zero)
	check(none)
	for i := range 4000 {
		next, err := mdl.Describe([]byte("next"))
		require.NoError(t, err)
		require.NotSame(t, l, next)
		if i%100 == 0 {
			check(l)
		}
		require.Equal(t, 4, next.Len())
		next.Release()
	}
}

// References that a list drops may destroy objects, whose callbacks may use
// the list.
func TestCallbacksSeeAListThatIsWhole(t *testing.T) {
	l := mdl.New()
	var seen [][]string
	for _, s := range []string{"ab", "cd", "ef"} {
		m := wrap(t, s, memory.WithDestroy(func(object.Object) { seen = append(seen, parts(l)) }))
		require.NoError(t, l.Append(m, 0, 2))
		require.NoError(t, m.Delete())
	}
	require.NoError(t, l.Advance(3))
	require.Equal(t, [][]string{{"cd", "ef"}}, seen)
	require.Equal(t, []string{"d", "ef"}, parts(l))
	require.NoError(t, l.Advance(3))
	require.Len(t, seen, 3)
	l.Release()
}

// Memory that is in a list cannot be exchanged under it.
func TestAssignIsRefused(t *testing.T) {
	m := wrap(t, "abc")
	l, err := mdl.Of(m)
	require.NoError(t, err)
	require.ErrorIs(t, m.Assign([]byte("xyz")), memory.ErrInUse)
	l.Release()
	require.NoError(t, m.Assign([]byte("xyz")))
	require.NoError(t, m.Delete())
}
