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
	take := func(me uint32, n uint32) (bases map[uintptr]bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		require.Empty(t, l.depot)
		require.NoError(t, l.fill(n, me))
		bases = make(map[uintptr]bool)
		for _, r := range l.depot {
			bases[l.o.descOf(r.pointer()).header().base] = true
		}
		return bases
	}
	back := func() {
		l.mu.Lock()
		l.spillDepot(0)
		l.mu.Unlock()
	}
	keep := func() (refs []ref) { // as if somebody had them
		l.mu.Lock()
		defer l.mu.Unlock()
		refs = append(refs, l.depot...)
		l.depot = l.depot[:0]
		return refs
	}
	var full []ref
	for l.inSlabs < l.blocks { // the first slabs are small
		take(3, 4)
		full = append(full, keep()...)
	}
	small := l.n.Slabs
	require.Len(t, take(1, 4), 1)
	one := keep()
	second := take(2, 4)
	require.Len(t, second, 1)
	two := keep()
	require.False(t, second[l.o.descOf(one[0].pointer()).header().base], "somebody else's")
	require.Equal(t, second, take(2, 2), "his own")
	two = append(two, keep()...)
	require.True(t, take(1, 2)[l.o.descOf(one[0].pointer()).header().base], "his own")
	one = append(one, keep()...)
	l.mu.Lock()
	require.Equal(t, small+2, l.n.Slabs)
	require.EqualValues(t, 2, l.binned)
	l.mu.Unlock()

	for range aloneAfter + 1 { // the other one is gone: what he left is used up
		take(1, 1)
		back()
	}
	require.Len(t, take(1, 4), 2)
	require.Equal(t, small+2, l.n.Slabs)
	one = append(one, keep()...)

	l.mu.Lock()
	l.putBack(one)
	l.putBack(two)
	l.putBack(full)
	l.mu.Unlock()
	require.NoError(t, a.Audit())
	require.NoError(t, a.Close())
}
