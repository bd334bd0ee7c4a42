package fuzz

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/slab"
)

// An arena is filled with blocks of one size until there is no memory; when all of them are freed, in any order, a
// block of any other size can be had at once, without a Trim.
func TestAllocWorksAfterFrees(t *testing.T) {
	seed := testkit.Seed(t)
	sizes := []int{16, 300, 2000, 30_000, 200_000}
	for i, full := range sizes {
		for j, next := range sizes {
			t.Run(fmt.Sprintf("%d then %d", full, next), func(t *testing.T) {
				src, err := arena.Open(arena.Config{Limit: 1 << 20})
				require.NoError(t, err)
				a, err := slab.NewAllocator(src, slab.AllocatorConfig{})
				require.NoError(t, err)
				var all [][]byte
				for {
					b, err := a.Alloc(full)
					if err != nil {
						require.ErrorIs(t, err, slab.ErrNoMemory)
						require.ErrorIs(t, err, arena.ErrLimit)
						break
					}
					all = append(all, b)
				}
				rnd := testkit.Rand(seed, uint64(i*len(sizes)+j))
				rnd.Shuffle(len(all), func(x, y int) { all[x], all[y] = all[y], all[x] })
				for _, b := range all {
					a.Free(b)
				}
				require.Zero(t, a.Stats().Live)
				b, err := a.Alloc(next)
				require.NoError(t, err)
				a.Free(b)
				require.NoError(t, a.Close())
				require.NoError(t, src.Close())
			})
		}
	}
}
