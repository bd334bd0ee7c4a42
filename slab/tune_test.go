package slab

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/statspage"
)

// A list that is asked grows to its maximum, one that is not asked goes back
// to its minimum within a few steps, and the blocks above the new depth leave
// their P at its next Put.
func TestDepthFollowsDemand(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	l := newLookaside(t, Config{Size: 64, Depth: Depth{Min: 4, Max: 64}})
	now := time.Unix(0, 0)
	l.Tune(now)
	require.Equal(t, 4, l.Stats().Depth)
	out := make([][]byte, 2000)
	for range 10 {
		_, err := l.GetBatch(out)
		require.NoError(t, err)
		l.PutBatch(out)
	}
	require.Equal(t, 64, l.Stats().Depth)
	_, err := l.GetBatch(out)
	require.NoError(t, err)
	for _, b := range out[10:] {
		l.Put(b)
	}
	l.Tune(now) // this interval was busy
	for range 8 {
		now = now.Add(time.Second)
		l.Tune(now)
		require.GreaterOrEqual(t, l.Stats().Depth, 4)
	}
	require.Equal(t, 4, l.Stats().Depth, "an idle list is at its minimum after eight steps")
	for _, b := range out[:10] {
		l.Put(b)
	}
	l.eachPCache(&l.only, func(_ int, c *statspage.Cache) {
		require.LessOrEqual(t, capOf(c), uint32(4))
		if percpu.Current() != percpu.Tokens { // else the puts were spread over many caches
			require.LessOrEqual(t, parkedIn(c), uint32(4))
		}
	})
	require.NoError(t, l.Audit())
}
