package mdl_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// What Advance passed comes back with its bytes; what a dropped part had does
// not.
func TestRetreat(t *testing.T) {
	l, all := listOf(t, "abc", "defg")
	require.NoError(t, l.Advance(2))
	require.Equal(t, 2, l.Headroom())
	require.NoError(t, l.Retreat(0))
	require.NoError(t, l.Retreat(1))
	require.Equal(t, "bcdefg", text(l))
	require.NoError(t, l.Retreat(1))
	require.Equal(t, "abcdefg", text(l))
	require.Zero(t, l.Headroom())

	require.NoError(t, l.Advance(5))
	require.Equal(t, []int{1, 2}, refs(all))
	require.Equal(t, 2, l.Headroom())
	require.NoError(t, l.Retreat(5))
	require.Equal(t, 7, l.Len())
	require.Equal(t, 2, l.Segments(), "headroom first, and memory for the rest")
	require.Equal(t, "defg", text(l)[3:])
	require.Equal(t, []int{1, 2}, refs(all))
	require.NoError(t, l.CopyIn(0, []byte("xyz")))
	require.Equal(t, "xyzdefg", text(l))
	require.Equal(t, "abc", string(all[0].Bytes()), "not the memory it had")
	require.False(t, l.Borrowed())
	require.Equal(t, 256-3, l.Headroom(), "what the block has more is for the next header")
	require.NoError(t, l.Retreat(253))
	require.Equal(t, 2, l.Segments())
	require.Zero(t, l.Headroom())
	l.Release()
	deleteAll(t, all)
}

// Headers of every size, in front of everything.
func TestRetreatWithoutASource(t *testing.T) {
	for _, n := range []int{1, 64, 255, 256, 257, 4096, 100_000, 3 << 20} {
		for _, l := range []*mdl.List{mdl.New(), made(mdl.Describe([]byte("payload")))} {
			want := l.Len()
			require.NoError(t, l.Retreat(n))
			require.Equal(t, n+want, l.Len())
			var block memory.Object
			for m := range l.Parts() {
				block = m
				break
			}
			require.Equal(t, object.Closed, block.State(), "nobody can delete it once more")
			require.Equal(t, 1, block.Refs())
			require.NoError(t, l.Fill(0, n, 7))
			require.NoError(t, l.Advance(n))
			require.False(t, block.Valid(), "given back at once")
			require.Equal(t, want, l.Len())
			l.Release()
		}
	}
}

func made[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// blocksOf opens a lookaside of blocks of the size over an arena of so many
// pages.
func blocksOf(t testing.TB, size int, limit int64) *slab.Lookaside {
	t.Helper()
	src, err := arena.Open(arena.Config{Limit: limit})
	require.NoError(t, err)
	l, err := slab.New(src, slab.Config{Name: "blocks", Size: size})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = l.Close()
		require.NoError(t, src.Close())
	})
	return l
}

func TestRetreatFromALookaside(t *testing.T) {
	blocks := blocksOf(t, 16, 0)
	l, all := listOf(t, "payload")
	require.NoError(t, l.SetSource(blocks))
	for n := 1; n <= 16*64; n += 5 {
		require.NoError(t, l.Retreat(n))
		require.Equal(t, n+7, l.Len())
		require.Equal(t, 1+(n+15)/16, l.Segments())
		require.Equal(t, (16-n%16)%16, l.Headroom())
		require.EqualValues(t, (n+15)/16, blocks.Stats().Live)
		require.True(t, strings.HasSuffix(text(l), "payload"))
		c, err := l.Clone()
		require.NoError(t, err)
		require.NoError(t, l.Advance(n))
		require.EqualValues(t, (n+15)/16, blocks.Stats().Live, "the clone has them")
		require.NoError(t, c.Retreat(1)) // from the same source
		c.Release()
		require.Zero(t, blocks.Stats().Live)
	}
	require.NoError(t, l.SetSource(nil))
	require.NoError(t, l.Retreat(10))
	require.Zero(t, blocks.Stats().Live)
	l.Release()
	require.ErrorIs(t, l.SetSource(blocks), object.ErrDeleted)
	deleteAll(t, all)
}

// A Retreat that fails leaves the list as it was, to the byte and to the
// reference, and nothing in between is kept.
func TestRetreatFails(t *testing.T) {
	small := blocksOf(t, 4096, 64<<10)
	var taken []memory.Object
	for {
		m, err := memory.FromLookaside(small)
		if err != nil {
			require.ErrorIs(t, err, slab.ErrNoMemory)
			break
		}
		taken = append(taken, m)
	}
	for _, spare := range []int{0, 1, 2} { // blocks that can be had, but not enough
		closed := blocksOf(t, 4096, 0)
		require.NoError(t, closed.Close())
		fine := blocksOf(t, 16, 0)
		if spare > 0 {
			require.NoError(t, taken[len(taken)-1].Delete())
			taken = taken[:len(taken)-1]
		}
		live := small.Stats().Live
		for _, head := range []int{0, 2} {
			l, all := listOf(t, "abcde", "fgh")
			require.NoError(t, l.Advance(head))
			want := fmt.Sprint(parts(l), refs(all), l.Headroom())
			for name, c := range map[string]struct {
				source *slab.Lookaside
				n      int
				err    error
			}{
				"exhausted":    {small, head + spare*4096 + 1, slab.ErrNoMemory},
				"closed":       {closed, head + 1, slab.ErrClosed},
				"many blocks":  {fine, head + 64*16 + 1, mdl.ErrInvalid},
				"very many":    {fine, math.MaxInt - 8, mdl.ErrInvalid},
				"negative":     {fine, -1, memory.ErrBufferTooSmall},
				"very much so": {fine, math.MinInt, memory.ErrBufferTooSmall},
				"overflow":     {fine, math.MaxInt, memory.ErrBufferTooSmall},
				"no memory":    {nil, math.MaxInt - 8, slab.ErrNoMemory},
				"overflow own": {nil, math.MaxInt, memory.ErrBufferTooSmall},
				"negative own": {nil, math.MinInt, memory.ErrBufferTooSmall},
			} {
				require.NoError(t, l.SetSource(c.source))
				err := l.Retreat(c.n)
				require.ErrorIs(t, err, c.err, name)
				require.ErrorContains(t, err, fmt.Sprint(c.n), name)
				require.Equal(t, want, fmt.Sprint(parts(l), refs(all), l.Headroom()), name)
				require.Equal(t, live, small.Stats().Live, name)
				require.Zero(t, fine.Stats().Live, name)
			}
			l.Release()
			deleteAll(t, all)
		}
	}
	for _, m := range taken {
		require.NoError(t, m.Delete())
	}
}

// The package's own memory cannot be opened: an error, and the next try works.
func TestRetreatWhereTheKernelRefuses(t *testing.T) {
	l, all := listOf(t, "abc")
	err := mdl.WithoutOwnMemory(func() error {
		defer refuse(t, "map", 0)()
		defer refuse(t, "reserve", 0)()
		return l.Retreat(10)
	})
	if err != nil { // race builds ask no kernel
		require.ErrorIs(t, err, errInjected)
		require.Equal(t, []string{"abc"}, parts(l))
		require.NoError(t, l.Retreat(10))
	}
	require.Equal(t, 13, l.Len())
	l.Release()
	deleteAll(t, all)
}

// Many headers on one list: the array makes room in front, and not one segment
// is lost.
func TestManyHeaders(t *testing.T) {
	blocks := blocksOf(t, 16, 0)
	l, all := listOf(t, "end")
	require.NoError(t, l.SetSource(blocks))
	want := "end"
	for i := range 200 {
		require.NoError(t, l.Retreat(16))
		header := fmt.Sprintf("%016d", i)
		require.NoError(t, l.CopyIn(0, []byte(header)))
		want = header + want
		if i%7 == 0 {
			require.NoError(t, l.Append(all[0], 0, 3))
			want += "end"
		}
		require.Equal(t, want, text(l))
	}
	l.Release()
	require.Zero(t, blocks.Stats().Live)
	deleteAll(t, all)
}
