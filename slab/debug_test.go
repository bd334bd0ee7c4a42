package slab

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPoisonFindsWritesAfterFree(t *testing.T) {
	for _, size := range []int{1, 16, 100, 5000} {
		l := newLookaside(t, Config{Name: "p", Size: size, Debug: Poison, Depth: Depth{Max: 4}})
		// A neighbour keeps their slab. Whoever moves to another P between two gets may have blocks of two slabs.
		var out [][]byte
		var b []byte
		for b == nil {
			c, err := l.Get()
			require.NoError(t, err)
			out = append(out, c)
			for i, d := range out[:len(out)-1] {
				if l.descOf(addrOf(c)).header() == l.descOf(addrOf(d)).header() {
					b, out = d, append(out[:i], out[i+1:]...)
					break
				}
			}
		}
		b[0] = 1
		l.Put(b)
		b[size-1] ^= 0x40       // after free
		l.Trim()                // from whatever P it is parked on
		e := misuse(t, func() { // at the latest when every free block was handed out
			for i := range 10_000 {
				if i%1000 == 999 {
					l.Trim() // it may lie under others, or on a P that we left
				}
				c, err := l.Get()
				require.NoError(t, err)
				out = append(out, c)
			}
		})
		l.PutBatch(out)
		require.Equal(t, UseAfterFree, e.Kind)
		require.Equal(t, uintptr(addr(b)), e.Addr)
		require.NoError(t, l.Audit())
		c, err := l.Get()
		require.NoError(t, err, "reported once, then free again")
		l.Put(c)
		require.NoError(t, l.Close())
	}
}

func TestRedzoneFindsOverruns(t *testing.T) {
	for _, size := range []int{1, 16, 100, 5000} {
		l := newLookaside(t, Config{Name: "r", Size: size, Debug: Redzone | Poison})
		for _, past := range []int{0, 1, redzoneMin - 1} {
			b, err := l.Get()
			require.NoError(t, err)
			over := bytesAt(addrOf(b), size+redzoneMin, size+redzoneMin)
			was := over[size+past]
			over[size+past] = 7
			require.Equal(t, Overrun, misuse(t, func() { l.Put(b) }).Kind)
			require.Equal(t, Overrun, misuse(t, func() { l.PutBatch([][]byte{b}) }).Kind)
			require.Equal(t, int64(1), l.Stats().Live, "the block stays out")
			over[size+past] = was
			l.Put(b)
			require.Equal(t, DoubleFree, misuse(t, func() { l.Put(b) }).Kind)
		}
		require.NoError(t, l.Audit())
	}
}

func TestShuffle(t *testing.T) {
	l := newLookaside(t, Config{Size: 64, Debug: Shuffle})
	ascending := true
	last := 0
	for range 200 {
		b, err := l.Get()
		require.NoError(t, err)
		ascending = ascending && addr(b) > last
		last = addr(b)
	}
	require.False(t, ascending, "200 blocks in the order of their addresses")
}

func TestDebugFeaturesThatAreNotThere(t *testing.T) {
	for _, d := range []Debug{Guard, Audit, Quarantine, 1 << 6, 1 << 7} {
		_, err := New(openArena(t, arenaConfig), Config{Size: 8, Debug: d | Poison})
		require.ErrorIs(t, err, ErrInvalid)
		require.ErrorContains(t, err, "Debug")
	}
}
