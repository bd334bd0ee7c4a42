package mdl

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A position is in normal form: in a segment that has its byte, or at the end.
// Empty segments are nowhere, because there are none.
func TestPositionsAreNormal(t *testing.T) {
	for cuts := range 1 << 5 {
		l := New()
		all := []byte("abcdef")
		begin := 0
		for i := 1; i <= len(all); i++ {
			if i == len(all) || cuts>>(i-1)&1 == 1 {
				require.NoError(t, l.AppendBuffer(all[begin:begin]), "adds nothing")
				require.NoError(t, l.AppendBuffer(all[begin:i]))
				begin = i
			}
		}
		b := l.b
		for lead := range 3 { // what Advance passes makes no difference
			for off := 0; off < b.size; off++ {
				c := b.at(off)
				require.Less(t, c.within, b.segments[c.i].len())
				require.Same(t, &all[lead+off], &c.piece()[0])
				walk := cursor{b: b, i: b.lo}
				for range off {
					walk.skip(1)
				}
				require.Equal(t, c, walk, "skipping leads to the same position")
				for n := 1; n <= b.size-off; n++ {
					last, k := c.reach(n)
					require.Positive(t, k)
					require.LessOrEqual(t, k, b.segments[last].len())
					require.Same(t, &all[lead+off+n-1], &b.segments[last].bytes()[k-1])
				}
			}
			end := b.at(b.size)
			require.Equal(t, cursor{b, b.hi, 0}, end)
			require.Empty(t, end.piece())
			require.NoError(t, l.Advance(1))
		}
		l.Release()
	}
}

// Places are found for any number of segments, wherever the others are.
func TestMakeRoom(t *testing.T) {
	for _, have := range []int{0, 1, 15, 16, 17, 31, 40, 64} {
		for _, passed := range []int{0, 1, 12, have} {
			for _, more := range []int{1, 2, 17, 100} {
				passed := min(passed, have)
				l := New()
				l.b.segments = l.b.inline[:] // a body that had a large list has room enough
				p := make([]byte, have+more)
				for i := range have {
					p[i] = byte(i)
					require.NoError(t, l.AppendBuffer(p[i:i+1]))
				}
				require.NoError(t, l.Advance(passed))
				for i, s := range l.b.places(more) {
					require.Equal(t, segment{}, s, "a place is empty")
					l.b.segments[l.b.hi-more+i].window = p[have+i : have+i+1]
				}
				for i := l.b.lo; i < l.b.hi; i++ {
					require.Same(t, &p[passed+i-l.b.lo], &l.b.segments[i].window[0])
				}
				for i, s := range l.b.segments {
					require.True(t, i >= l.b.lo && i < l.b.hi || s.window == nil, "nothing is left behind")
				}
				l.Release()
			}
		}
	}
}

// The same in front.
func TestMakeRoomInFront(t *testing.T) {
	for _, have := range []int{0, 1, 12, 15, 16, 17, 40, 64} {
		l := New()
		l.b.segments = l.b.inline[:]
		p := make([]byte, 200+have)
		for i := range have {
			require.NoError(t, l.AppendBuffer(p[200+i:201+i]))
		}
		for i := range 200 {
			l.b.unshift(segment{window: p[199-i : 200-i]})
			require.Equal(t, i+1+have, l.Segments())
			k := 199 - i
			for q := range l.All() {
				require.Same(t, &p[k], &q[0])
				k++
			}
			for i, s := range l.b.segments {
				require.True(t, i >= l.b.lo && i < l.b.hi || s.window == nil, "nothing is left behind")
			}
		}
		l.Release()
	}
}

// A list that was very long does not keep its room for ever.
func TestBodiesShrink(t *testing.T) {
	for _, n := range []int{maxKept, maxKept + 1} {
		l := New()
		p := make([]byte, n)
		for i := range p {
			require.NoError(t, l.AppendBuffer(p[i:i+1]))
		}
		b := l.b
		require.GreaterOrEqual(t, len(b.segments), n)
		l.Release()
		if n > maxKept {
			require.Len(t, b.segments, inlineSegments)
		} else {
			require.Len(t, b.segments, maxKept)
		}
	}
}
