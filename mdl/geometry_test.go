package mdl_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// wholePages returns n bytes of an arena, whole pages, as a memory object.
func wholePages(t testing.TB, pages int) memory.Object {
	t.Helper()
	a := openArena(t, arena.Config{})
	r, err := a.Acquire(pages)
	require.NoError(t, err)
	m, err := memory.Owned(r.Bytes(), a)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Delete()) })
	return m
}

// The table of MmSizeOfMdl, with this machine's pages: an address, a length,
// and how many pages they span. An MDL has a header of 48 bytes and 8 for each.
func TestSpanTable(t *testing.T) {
	if page != 4096 {
		t.Skipf("the table has pages of 4096 bytes, this machine has %d", page)
	}
	m := wholePages(t, 5)
	for _, c := range []struct{ va, size, pages, mdl int }{
		{0, 0, 0, 48},
		{1, 0, 1, 56}, // of which a list has nothing: it has no empty segments
		{0, 1, 1, 56},
		{4095, 1, 1, 56},
		{4095, 2, 2, 64},
		{0, 4096, 1, 56},
		{1, 4096, 2, 64},
		{4095, 4097, 2, 64},
		{4095, 4098, 3, 72},
		{0x10000123 % 4096, 8192, 3, 72},
		{1, 12288, 4, 80},
		{4095, 12288, 4, 80},
	} {
		require.EqualValues(t, c.pages, align.SpanPages(uint64(c.va), uint64(c.size)), "%+v", c)
		require.Equal(t, c.mdl, 48+8*c.pages, "%+v", c)
		l := mdl.New()
		require.NoError(t, l.Append(m, c.va, c.size))
		require.Equal(t, c.size, l.ByteCount(), "%+v", c)
		if c.size == 0 {
			require.Zero(t, l.PageCount())
			require.Zero(t, l.ByteOffset())
			require.Empty(t, slices.Collect(l.Pages()))
		} else {
			require.Equal(t, c.pages, l.PageCount(), "%+v", c)
			require.Equal(t, c.va, l.ByteOffset(), "%+v", c)
			require.Len(t, slices.Collect(l.Pages()), c.pages, "%+v", c)
		}
		l.Release()
	}
	require.EqualValues(t, 3, align.SpanPages(0x10000123, 8192))
}

// Fragments lie in one page each and together are the list, whatever it is cut
// from.
func TestPages(t *testing.T) {
	const pages = 4
	m := wholePages(t, pages)
	for i := range m.Bytes() {
		m.Bytes()[i] = byte(i * 7)
	}
	base := addressOf(m.Bytes())
	for _, cut := range []struct{ off, n int }{
		{0, 1}, {0, page}, {1, page}, {page - 1, 2}, {page - 1, page + 2}, {0, pages * page}, {5, 3*page + 1}, {page, page},
	} {
		l := mdl.New()
		require.NoError(t, l.Append(m, cut.off, cut.n))
		require.NoError(t, l.Append(m, 3, 7))
		var all []byte
		var last uintptr
		for f := range l.Pages() {
			require.Zero(t, f.Start%uintptr(page))
			require.LessOrEqual(t, f.Offset+f.Length, page)
			require.Positive(t, f.Length)
			require.Len(t, f.Bytes, f.Length)
			require.Equal(t, f.Length, cap(f.Bytes))
			require.Equal(t, addressOf(f.Bytes), f.Start+uintptr(f.Offset))
			require.Contains(t, f.String(), " bytes at offset ")
			all = append(all, f.Bytes...)
			last = f.Start
		}
		require.Equal(t, base, last, "the page of the second part comes again")
		require.True(t, bytes.Equal(append(bytes.Clone(m.Bytes()[cut.off:cut.off+cut.n]), m.Bytes()[3:10]...), all))
		for range l.Pages() {
			break
		}
		l.Release()
	}
}

func TestSummary(t *testing.T) {
	m := wholePages(t, 3)
	l := mdl.New()
	require.Equal(t, mdl.Summary{Alignment: page}, l.Summary())
	require.NoError(t, l.Append(m, 0, 2*page))
	require.NoError(t, l.Append(m, page, 5))
	require.Equal(t, mdl.Summary{Segments: 2, Bytes: 2*page + 5, Pages: 3, Alignment: page}, l.Summary())
	require.NoError(t, l.Append(m, 64, 64))
	require.Equal(t, 64, l.Summary().Alignment)
	require.NoError(t, l.Append(m, page+8, 1))
	require.Equal(t, 8, l.Summary().Alignment)
	ro, err := memory.Wrap(m.Bytes()[2*page:], memory.ReadOnly())
	require.NoError(t, err)
	require.NoError(t, l.Append(ro, 1, 1))
	require.NoError(t, l.AppendBuffer(m.Bytes()[:3]))
	require.Equal(t, mdl.Summary{Segments: 6, Borrowed: 1, ReadOnly: 1, Bytes: 2*page + 5 + 64 + 1 + 1 + 3, Pages: 7, Alignment: 1}, l.Summary())
	l.Release()
	require.NoError(t, ro.Delete())
}

func TestView(t *testing.T) {
	l, all := listOf(t, "abcd", "ef", "ghij")
	room := make([]byte, 10)
	p, err := l.View(4, nil)
	require.NoError(t, err)
	require.Same(t, &all[0].Bytes()[0], &p[0])
	require.Equal(t, 4, cap(p))
	p[0] = 'A'
	require.Equal(t, "Abcd", string(all[0].Bytes()), "in place")

	p, err = l.View(7, room)
	require.NoError(t, err)
	require.Equal(t, "Abcdefg", string(p))
	require.Same(t, &room[0], &p[0])
	require.Equal(t, 7, cap(p))

	require.NoError(t, l.Advance(3))
	p, err = l.View(7, room)
	require.NoError(t, err)
	require.Equal(t, "defghij", string(p))

	_, err = l.View(7, room[:6])
	var e *memory.BoundsError
	require.ErrorAs(t, err, &e)
	require.Equal(t, memory.BoundsError{Op: "mdl: view: scratch", Len: 7, Cap: 6, Err: memory.ErrBufferTooSmall}, *e)
	for _, n := range []int{8, -1, math.MinInt, math.MaxInt} {
		_, err = l.View(n, room)
		require.ErrorAs(t, err, &e)
		require.Equal(t, memory.BoundsError{Op: "mdl: view", Len: n, Cap: 7, Err: memory.ErrBufferTooSmall}, *e)
	}
	_, err = l.View(0, room)
	require.ErrorIs(t, err, mdl.ErrInvalid)
	l.Release()
	deleteAll(t, all)
}

func TestViewAligned(t *testing.T) {
	m := wholePages(t, 2)
	for i := range m.Bytes() {
		m.Bytes()[i] = byte(i)
	}
	l := mdl.New()
	require.NoError(t, l.Append(m, 8, 100))
	room := m.Bytes()[page:]
	p, err := l.ViewAligned(50, 8, 0, nil)
	require.NoError(t, err)
	require.Same(t, &m.Bytes()[8], &p[0])
	p, err = l.ViewAligned(50, 16, 8, nil)
	require.NoError(t, err)
	require.Same(t, &m.Bytes()[8], &p[0])
	p, err = l.ViewAligned(50, 16, 0, room)
	require.NoError(t, err)
	require.Same(t, &room[0], &p[0])
	require.Equal(t, m.Bytes()[8:58], p)

	_, err = l.ViewAligned(50, 16, 4, room)
	require.EqualError(t, err, "mdl: view: scratch is 0 above a multiple of 16: must be 4: invalid argument")
	for _, c := range [][2]int{{0, 0}, {3, 0}, {-8, 0}, {8, 8}, {8, -1}} {
		_, err = l.ViewAligned(50, c[0], c[1], room)
		require.ErrorIs(t, err, mdl.ErrInvalid, "%v", c)
	}
	l.Release()
}
