package mdl_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// Every offset and length of a list of three parts: the bytes are shared, and
// each segment that a partial list touches counts once.
func TestPartial(t *testing.T) {
	const all = "abcdefghi"
	parts3 := []string{"abc", "d", "efghi"}
	l, objects := listOf(t, parts3...)
	for off := 0; off <= len(all); off++ {
		for n := 0; off+n <= len(all); n++ {
			p, err := l.Partial(off, n)
			require.NoError(t, err)
			want, touched := all[off:off+n], []int{2, 2, 2}
			if n == 0 {
				want = all[off:]
			}
			at := 0
			for i, s := range parts3 {
				if off < at+len(s) && at < off+len(want) {
					touched[i]++
				}
				at += len(s)
			}
			require.Equal(t, touched, refs(objects), "%d bytes at %d", n, off)
			require.Equal(t, want, text(p))
			require.Zero(t, p.Headroom())
			if len(want) > 0 {
				require.NoError(t, p.Fill(0, 1, '#'))
				require.Equal(t, "#", text(l)[off:off+1], "one memory")
				require.NoError(t, l.CopyIn(off, []byte(all[off:off+1])))
			}
			p.Release()
			require.Equal(t, []int{2, 2, 2}, refs(objects))
		}
	}
	for _, bad := range [][2]int{
		{-1, 1}, {-1, 0}, {10, 0}, {9, 1}, {0, 10}, {0, -1}, {3, -1}, {4, 6},
		{math.MaxInt, 1}, {1, math.MaxInt}, {math.MaxInt, math.MaxInt}, {math.MinInt, math.MinInt}, {math.MinInt, math.MaxInt},
	} {
		p, err := l.Partial(bad[0], bad[1])
		var e *memory.BoundsError
		require.ErrorAs(t, err, &e)
		require.Equal(t, memory.BoundsError{Op: "mdl: partial", Off: bad[0], Len: bad[1], Cap: 9, Err: memory.ErrBufferTooSmall}, *e)
		require.Nil(t, p)
		require.Equal(t, []int{2, 2, 2}, refs(objects))
	}
	l.Release()
	deleteAll(t, objects)
}

// text is all bytes of a list.
func text(l *mdl.List) string {
	var all []byte
	for p := range l.All() {
		all = append(all, p...)
	}
	return string(all)
}

// A partial list of a partial list is one of the first, and outlives it.
func TestPartialOfPartial(t *testing.T) {
	l, objects := listOf(t, "abc", "def", "ghi")
	p, err := l.Partial(1, 7)
	require.NoError(t, err)
	q, err := p.Partial(1, 5)
	require.NoError(t, err)
	l.Release()
	p.Release()
	require.Equal(t, "cdefg", text(q))
	require.Equal(t, []int{2, 2, 2}, refs(objects))
	for _, m := range objects {
		require.NoError(t, m.Delete())
	}
	require.Equal(t, "cdefg", text(q), "the list keeps them")
	q.Release()
	require.Equal(t, []int{0, 0, 0}, refs(objects))
}

// The split transfer: a large list goes out in stages of at most max bytes,
// each a partial list of the same one.
func TestSplitTransfer(t *testing.T) {
	l, objects := listOf(t, "abcde", "fghij", "klm")
	var stages []string
	for off := 0; off < l.Len(); {
		p, err := l.Partial(off, min(4, l.Len()-off))
		require.NoError(t, err)
		stages = append(stages, text(p))
		off += p.Len()
		p.Release()
	}
	require.Equal(t, []string{"abcd", "efgh", "ijkl", "m"}, stages)
	l.Release()
	deleteAll(t, objects)
}

func TestClone(t *testing.T) {
	l, objects := listOf(t, "abc", "def")
	require.NoError(t, l.Advance(1))
	c, err := l.Clone()
	require.NoError(t, err)
	require.Equal(t, []string{"bc", "def"}, parts(c))
	require.Equal(t, []int{3, 3}, refs(objects))
	require.Equal(t, 1, l.Headroom())
	require.Zero(t, c.Headroom(), "it is the other's")
	require.NoError(t, l.Retreat(1))
	require.NoError(t, c.Advance(3))
	require.Equal(t, "abcdef", text(l))
	require.Equal(t, "ef", text(c))
	l.Release()
	require.Equal(t, []int{1, 2}, refs(objects))
	c.Release()
	deleteAll(t, objects)

	e, err := mdl.New().Clone()
	require.NoError(t, err)
	require.Zero(t, e.Len())
	e.Release()
}

func TestSplit(t *testing.T) {
	const all = "abcdefghi"
	for off := 0; off <= len(all); off++ {
		l, objects := listOf(t, "abc", "d", "efghi")
		tail, err := l.Split(off)
		require.NoError(t, err)
		require.Equal(t, all[:off], text(l))
		require.Equal(t, all[off:], text(tail))
		want := []int{2, 2, 2}
		if off == 1 || off == 2 {
			want[0]++
		}
		if off > 4 && off < 9 {
			want[2]++
		}
		require.Equal(t, want, refs(objects), "split at %d", off)
		require.NoError(t, l.Append(objects[0], 0, 1))
		require.NoError(t, l.Take(tail))
		require.Equal(t, all[:off]+"a"+all[off:], text(l))
		require.Zero(t, tail.Len())
		tail.Release()
		l.Release()
		deleteAll(t, objects)
	}
	l, objects := listOf(t, "abc", "def")
	for _, off := range []int{-1, 7, math.MinInt, math.MaxInt} {
		_, err := l.Split(off)
		var e *memory.BoundsError
		require.ErrorAs(t, err, &e)
		require.Equal(t, memory.BoundsError{Op: "mdl: split", Off: off, Cap: 6, Err: memory.ErrBufferTooSmall}, *e)
		require.Equal(t, []string{"abc", "def"}, parts(l))
	}
	l.Release()
	deleteAll(t, objects)
}

func TestFragments(t *testing.T) {
	const all = "abcdefghi"
	l, objects := listOf(t, "abc", "d", "efghi")
	for most := 1; most <= len(all)+2; most++ {
		f, err := l.Fragments(most)
		require.NoError(t, err)
		got := ""
		for i, p := range f {
			if i < len(f)-1 {
				require.Equal(t, most, p.Len())
			}
			require.Positive(t, p.Len())
			require.LessOrEqual(t, p.Len(), most)
			got += text(p)
		}
		require.Equal(t, all, got)
		whole, err := mdl.Join(f...)
		require.NoError(t, err)
		require.Equal(t, []string{"abc", "d", "efghi"}, parts(whole), "Join puts together what Fragments cut")
		for _, p := range f {
			p.Release()
		}
		require.Equal(t, []int{3, 3, 3}, refs(objects))
		whole.Release()
		require.Equal(t, []int{2, 2, 2}, refs(objects))
	}
	for _, most := range []int{0, -1, math.MinInt} {
		f, err := l.Fragments(most)
		require.ErrorIs(t, err, mdl.ErrInvalid)
		require.Empty(t, f)
	}
	f, err := l.Fragments(math.MaxInt)
	require.NoError(t, err)
	require.Len(t, f, 1)
	f[0].Release()

	f, err = l.AppendFragments(f[:0:0], 5)
	require.NoError(t, err)
	f, err = l.AppendFragments(f, 9)
	require.NoError(t, err)
	require.Len(t, f, 3)
	for _, p := range f {
		p.Release()
	}
	l.Release()
	deleteAll(t, objects)

	e := mdl.New()
	f, err = e.Fragments(10)
	require.NoError(t, err)
	require.Empty(t, f, "an empty list has no pieces")
	e.Release()
}

func TestJoin(t *testing.T) {
	a, x := listOf(t, "abc", "def")
	b, y := listOf(t, "ghi")
	j, err := mdl.Join(a, b, a)
	require.NoError(t, err)
	require.Equal(t, []string{"abc", "def", "ghi", "abc", "def"}, parts(j))
	require.Equal(t, []int{4, 4}, refs(x))
	require.Equal(t, []int{3}, refs(y))
	require.Equal(t, "abcdef", text(a), "unchanged")
	j.Release()

	none, err := mdl.Join()
	require.NoError(t, err)
	require.Zero(t, none.Len())
	none.Release()

	b.Release()
	_, err = mdl.Join(a, b)
	require.EqualError(t, err, "mdl: join: list is released: object is deleted (number 2 of 2)")
	_, err = mdl.Join(a, nil)
	require.ErrorIs(t, err, object.ErrDeleted)
	require.Equal(t, []int{2, 2}, refs(x))
	a.Release()
	deleteAll(t, append(x, y...))
}

// Parts that are next to each other in memory, but not one object's, do not
// become one; nor do borrowed ones beyond what was borrowed.
func TestJoinKeepsApart(t *testing.T) {
	b := []byte("abcdefgh")
	x, err := memory.Wrap(b[:4])
	require.NoError(t, err)
	y, err := memory.Wrap(b[4:])
	require.NoError(t, err)
	l := mdl.New()
	require.NoError(t, l.Append(x, 0, 4))
	require.NoError(t, l.Append(y, 0, 4))
	j, err := mdl.Join(l)
	require.NoError(t, err)
	require.Equal(t, 2, j.Segments())
	j.Release()
	l.Release()
	deleteAll(t, []memory.Object{x, y})

	p, _ := mdl.Describe(b[:4])
	q, _ := mdl.Describe(b[4:])
	j, err = mdl.Join(p, q)
	require.NoError(t, err)
	require.Equal(t, 2, j.Segments())
	j.Release()
	tail, err := p.Split(2)
	require.NoError(t, err)
	require.NoError(t, p.Take(tail))
	require.Equal(t, 1, p.Segments())
	for _, l := range []*mdl.List{p, q, tail} {
		l.Release()
	}

	z := wrap(t, "abcdefgh")
	l = mdl.New() // borrowed bytes of an object have no reference, and do not get one
	require.NoError(t, l.Append(z, 0, 4))
	require.NoError(t, l.AppendBuffer(z.Bytes()[4:]))
	j, err = mdl.Join(l)
	require.NoError(t, err)
	require.Equal(t, 2, j.Segments())
	require.True(t, j.Borrowed())
	j.Release()
	l.Release()
	deleteAll(t, []memory.Object{z})
}

func TestTake(t *testing.T) {
	a, x := listOf(t, "abc")
	b, y := listOf(t, "def", "ghi")
	require.NoError(t, b.Advance(1))
	require.NoError(t, a.Take(b))
	require.Equal(t, []string{"abc", "ef", "ghi"}, parts(a))
	require.Equal(t, []int{2, 2}, refs(y), "references move")
	require.Zero(t, b.Len())
	require.Zero(t, b.Headroom())
	require.NoError(t, b.Append(y[0], 0, 1))
	require.ErrorIs(t, a.Take(a), mdl.ErrInvalid)
	require.Equal(t, "abcefghi", text(a))
	b.Release()
	require.ErrorIs(t, a.Take(b), object.ErrDeleted)
	require.ErrorIs(t, a.Take(nil), object.ErrDeleted)
	a.Release()
	require.ErrorIs(t, a.Take(b), object.ErrDeleted)
	deleteAll(t, append(x, y...))
}

// When an object has no room for another reference, whoever needs one gets an
// error, holds nothing and has changed nothing.
func TestNoMoreReferences(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("takes 67 million references")
	}
	l, objects := listOf(t, "abc", "def", "ghi")
	full := objects[1]
	for full.TryRef() {
	}
	n := full.Refs()
	room := make([]*mdl.List, 0, 10)
	for name, f := range map[string]func() error{
		"clone":     func() error { _, err := l.Clone(); return err },
		"partial":   func() error { _, err := l.Partial(2, 3); return err },
		"split":     func() error { _, err := l.Split(4); return err },
		"fragments": func() error { _, err := l.AppendFragments(room, 2); return err },
		"join":      func() error { _, err := mdl.Join(l); return err },
		"append":    func() error { return l.Append(full, 0, 3) },
		"of":        func() error { _, err := mdl.Of(full); return err },
		"write to":  func() error { _, err := l.WriteTo(discard{}); return err },
		"read from": func() error { _, err := l.ReadFrom(nil); return err },
	} {
		err := f()
		require.ErrorIs(t, err, mdl.ErrInvalid, name)
		require.ErrorContains(t, err, "mdl: "+name+": ")
		require.Equal(t, []int{2, n, 2}, refs(objects), name)
		require.Equal(t, []string{"abc", "def", "ghi"}, parts(l), name)
	}
	for range n - 2 {
		full.Unref()
	}
	l.Release()
	deleteAll(t, objects)
}
