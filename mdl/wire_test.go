package mdl

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/align"
)

func TestMessagesComeBack(t *testing.T) {
	for _, m := range []message{
		{kind: kindFile, access: ReadOnly, size: 1 << 20},
		{kind: kindFile, access: ReadWrite, size: math.MaxInt64},
		{kind: kindDone, id: 7},
		{kind: kindDone, id: math.MaxUint64},
		{kind: kindList, access: ReadOnly, id: 1, size: 1, refs: []reference{{0, 1}}},
		{kind: kindList, access: ReadWrite, id: 9, size: 30, refs: []reference{{100, 10}, {0, 15}, {math.MaxInt64, 5}}},
	} {
		b := m.append(nil)
		require.Len(t, b, wireHeader+refBytes*len(m.refs))
		var got message
		for short := range b { // however much has arrived
			n, need, err := got.parse(b[:short])
			require.NoError(t, err)
			require.Zero(t, n)
			require.Greater(t, need, short)
			require.LessOrEqual(t, need, len(b))
		}
		n, _, err := got.parse(append(b, "more"...))
		require.NoError(t, err)
		require.Equal(t, len(b), n)
		if len(m.refs) == 0 {
			m.refs = got.refs
			require.Empty(t, m.refs)
		}
		require.Equal(t, m, got)
	}
}

// Every field, wrong by itself.
func TestMessagesThatMakeNoSense(t *testing.T) {
	file := message{kind: kindFile, access: ReadOnly, size: 1 << 20}
	done := message{kind: kindDone, id: 3}
	list := message{kind: kindList, access: ReadWrite, id: 5, size: 20, refs: []reference{{100, 10}, {300, 10}}}
	for _, c := range []struct {
		of       message
		at, wide int
		value    uint64
		what     string
	}{
		{file, 0, 1, 'L', "magic"},
		{list, 3, 1, 0, "magic"},
		{list, 4, 1, 0, "version"},
		{done, 4, 1, 2, "version"},
		{done, 5, 1, 0, "kind"},
		{done, 5, 1, 4, "kind"},
		{file, 6, 1, 0, "access"},
		{list, 6, 1, 3, "access"},
		{done, 6, 1, 1, "access"},
		{list, 7, 1, 1, "unused byte"},
		{list, 28, 4, 1, "unused word"},
		{file, 8, 8, 1, "number of the list"},
		{list, 8, 8, 0, "number of the list"},
		{done, 8, 8, 0, "number of the list"},
		{file, 16, 8, 0, "size"},
		{file, 16, 8, 1 << 63, "size"},
		{list, 16, 8, 0, "size"},
		{done, 16, 8, 1, "size"},
		{file, 24, 4, 1, "references"},
		{done, 24, 4, 1, "references"},
		{list, 24, 4, 0, "references"},
		{list, 24, 4, maxReferences + 1, "references"},
		{list, 24, 4, math.MaxUint32, "references"},
		{list, wireHeader + 8, 8, 0, "bytes of a reference"},
		{list, wireHeader + 8, 8, 11, "bytes of all references"},
		{list, wireHeader + 8, 8, 9, "bytes of all references"},
		{list, wireHeader + 8, 8, math.MaxUint64, "bytes of all references"},
		{list, wireHeader + 24, 8, math.MaxUint64 - 9, "bytes of all references"},
	} {
		b := c.of.append(nil)
		switch c.wide {
		case 1:
			b[c.at] = byte(c.value)
		case 4:
			binary.LittleEndian.PutUint32(b[c.at:], uint32(c.value))
		case 8:
			binary.LittleEndian.PutUint64(b[c.at:], c.value)
		}
		var m message
		_, _, err := m.parse(b)
		var e *WireError
		require.ErrorAs(t, err, &e, "%+v", c)
		require.ErrorIs(t, err, ErrProtocol)
		require.Equal(t, c.what, e.What, "%+v", c)
	}
	// Lengths that come to the right sum, but only because it overflows.
	around := message{kind: kindList, access: ReadOnly, id: 1, size: 20, refs: []reference{{0, 10}, {0, math.MaxUint64 - 4}, {0, 15}}}
	var m message
	_, _, err := m.parse(around.append(nil))
	require.ErrorIs(t, err, ErrProtocol)
	require.EqualError(t, &WireError{What: "size", Got: 1, Want: 2}, "size 1, want 2: protocol violated")
}

func TestReferencesLieInTheFile(t *testing.T) {
	for _, c := range []struct {
		r    reference
		what string
	}{
		{reference{0, 100}, ""},
		{reference{99, 1}, ""},
		{reference{0, 101}, "bytes of a reference"},
		{reference{100, 1}, "bytes of a reference"},
		{reference{101, 1}, "offset of a reference"},
		{reference{math.MaxUint64, 1}, "offset of a reference"},
		{reference{1, math.MaxUint64}, "bytes of a reference"},
		{reference{1 << 63, 1 << 63}, "offset of a reference"},
	} {
		m := message{refs: []reference{{0, 1}, c.r}}
		err := m.within(100)
		if c.what == "" {
			require.NoError(t, err)
			continue
		}
		var e *WireError
		require.ErrorAs(t, err, &e)
		require.Equal(t, c.what, e.What, "%+v", c)
	}
}

// verifyLayout checks that every byte of every reference lands where the places
// say, in whole pages of the file, and that no two extents meet.
func verifyLayout(t *testing.T, m *message) {
	t.Helper()
	page := align.PageSize()
	extents, places, size, ok := m.layout()
	require.True(t, ok)
	require.Zero(t, size%page)
	end := 0
	for _, x := range extents {
		require.Zero(t, x.at%page)
		require.Zero(t, x.off%uint64(page))
		require.Zero(t, x.long%page)
		require.GreaterOrEqual(t, x.at, end)
		end = x.at + x.long
	}
	require.LessOrEqual(t, end, size)
	// Walk references and places side by side.
	k, used := 0, 0
	for _, r := range m.refs {
		if used == places[k].n {
			k, used = k+1, 0
		}
		at := places[k].at + used
		require.LessOrEqual(t, used+int(r.n), places[k].n)
		found := false
		for _, x := range extents {
			if at >= x.at && at+int(r.n) <= x.at+x.long {
				require.Equal(t, r.off, x.off+uint64(at-x.at))
				found = true
				break
			}
		}
		require.True(t, found, "reference %+v at %d of %+v", r, at, extents)
		used += int(r.n)
	}
	require.Equal(t, len(places)-1, k)
	require.Equal(t, places[k].n, used)
}

func TestLayout(t *testing.T) {
	p := uint64(align.PageSize())
	for name, c := range map[string]struct {
		refs            []reference
		extents, places int
		pages           int
	}{
		"one page":             {[]reference{{3 * p, p}}, 1, 1, 1},
		"over an edge":         {[]reference{{p - 1, 2}}, 1, 1, 2},
		"pages that meet":      {[]reference{{3 * p, p}, {p, p}, {7 * p, 2 * p}}, 3, 1, 4},
		"the last is short":    {[]reference{{3 * p, p}, {p, 5}}, 2, 1, 2},
		"the first begins off": {[]reference{{3*p + 9, p - 9}, {p, 5}}, 2, 1, 2},
		"a gap":                {[]reference{{3 * p, 10}, {p, 5}}, 2, 2, 2},
		"inside pages":         {[]reference{{3*p + 1, 10}, {p + 2, 5}, {3*p + 1, 10}}, 3, 3, 3},
		"adjacent":             {[]reference{{10, 10}, {20, 10}, {30, p}, {30 + p, 1}}, 1, 1, 2},
		"adjacent then a page": {[]reference{{10, 10}, {20, p - 20}, {5 * p, 1}}, 2, 1, 2},
		"one page twice":       {[]reference{{p, p}, {p, p}}, 2, 1, 2},
	} {
		m := message{refs: c.refs}
		verifyLayout(t, &m)
		extents, places, size, _ := m.layout()
		require.Len(t, extents, c.extents, name)
		require.Len(t, places, c.places, name)
		require.Equal(t, c.pages*int(p), size, name)
	}
	m := message{refs: []reference{{0, math.MaxInt64}, {0, math.MaxInt64}}}
	_, _, _, ok := m.layout()
	require.False(t, ok)
	m.refs = []reference{{0, math.MaxInt - 3}}
	_, _, _, ok = m.layout()
	require.False(t, ok, "not even with the pages around it")
}

// Whatever arrives: no panic; what is accepted lies in the file, lands where it
// should, and is written again as it came.
func FuzzWire(f *testing.F) {
	p := uint64(align.PageSize())
	list := message{kind: kindList, access: ReadWrite, id: 1, size: p + 20, refs: []reference{{p, p}, {7, 10}, {17, 10}}}
	f.Add(list.append(nil), uint64(1<<20))
	f.Add((&message{kind: kindDone, id: 4}).append((&message{kind: kindFile, access: ReadOnly, size: 9}).append(nil)), uint64(9))
	f.Add([]byte("lmdl"), uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, file uint64) {
		var m message
		for {
			n, need, err := m.parse(b)
			if err != nil {
				require.ErrorIs(t, err, ErrProtocol)
				return
			}
			if n == 0 {
				require.Greater(t, need, len(b))
				return
			}
			require.True(t, bytes.Equal(b[:n], m.append(nil)))
			if m.kind == kindList && m.within(file) == nil && file <= math.MaxInt64 {
				if _, _, _, ok := m.layout(); ok {
					verifyLayout(t, &m)
				}
			}
			b = b[n:]
		}
	})
}
