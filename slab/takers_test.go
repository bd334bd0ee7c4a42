package slab

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Who takes blocks alone takes them from the fullest slabs; where others take,
// too, each has slabs of his own, and there are not more of them than that needs.
func TestTakersHaveSlabsOfTheirOwn(t *testing.T) {
	a := newAllocator(t)
	l := &a.classes[classFor(1024)] // 8 blocks a slab
	take := func(me, n uint32) (refs []ref, bases map[uintptr]bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		refs, bases = make([]ref, n), make(map[uintptr]bool)
		for had := uint32(0); had < n; {
			s, err := l.source(me)
			require.NoError(t, err)
			had += l.fill(refs[had:], s, me)
			l.unused(s)
		}
		for _, r := range refs {
			bases[l.o.descOf(r.pointer()).header().base] = true
		}
		return refs, bases
	}
	back := func(refs []ref) {
		l.mu.Lock()
		l.putBack(refs)
		l.mu.Unlock()
	}
	slabOf := func(r ref) uintptr { return l.o.descOf(r.pointer()).header().base }
	var full []ref
	for l.inSlabs < l.blocks { // the first slabs are small
		refs, _ := take(3, 4)
		full = append(full, refs...)
	}
	small := l.n.Slabs
	one, bases := take(1, 4)
	require.Len(t, bases, 1)
	two, second := take(2, 4)
	require.Len(t, second, 1)
	require.False(t, second[slabOf(one[0])], "somebody else's")
	more, bases := take(2, 2)
	require.Equal(t, second, bases, "his own")
	two = append(two, more...)
	more, bases = take(1, 2)
	require.True(t, bases[slabOf(one[0])], "his own")
	one = append(one, more...)
	l.mu.Lock()
	require.Equal(t, small+2, l.n.Slabs)
	require.EqualValues(t, 2, l.binned)
	l.mu.Unlock()

	for range aloneAfter + 1 { // the other one is gone: what he left is used up
		refs, _ := take(1, 1)
		back(refs)
	}
	more, bases = take(1, 4)
	require.Len(t, bases, 2)
	require.Equal(t, small+2, l.n.Slabs)
	one = append(one, more...)

	for _, refs := range [][]ref{one, two, full} {
		back(refs)
	}
	require.NoError(t, a.Audit())
	require.NoError(t, a.Close())
}
