package slab

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
)

// Every request from 1 to the largest class gets the smallest class that
// holds it, and the class keeps the promises of the table's comment.
func TestClassLookup(t *testing.T) {
	c := 0
	for n := 1; n <= maxSmall; n++ {
		for int(classTable[c].size) < n {
			c++
		}
		require.Equal(t, c, classFor(n), "request of %d bytes", n)
		require.Equal(t, classTable[c].cache, allocEntry.cacheOf[(n+quantum-1)/quantum], "request of %d bytes", n)
		if n > 64 {
			waste := float64(int(classTable[c].size)-n) / float64(classTable[c].size)
			require.LessOrEqual(t, waste, 0.125, "request of %d bytes", n)
		}
	}
	require.Equal(t, numClasses-1, c)
}

func TestClassGeometry(t *testing.T) {
	end := 0
	heads := make(map[uint16]bool) // where in their pages
	for i, c := range classTable {
		if i > 0 {
			require.Greater(t, c.size, classTable[i-1].size)
		}
		bytes := int(c.granules) * arena.Granule
		require.Equal(t, bytes/int(c.size), int(c.blocks), "class %d", i)
		tail := bytes - int(c.blocks)*int(c.size)
		require.LessOrEqual(t, tail*50, bytes, "class %d: tail", i)
		require.GreaterOrEqual(t, c.blocks, uint32(1), "class %d", i)
		require.GreaterOrEqual(t, c.slots, uint16(2), "class %d", i)
		require.GreaterOrEqual(t, int(c.cache), end, "class %d: caches overlap", i)
		end = int(c.cache) + 64 + int(c.slots)*16
		require.EqualValues(t, 8, c.cache%16, "class %d: the head is where blocks begin", i)
		if c.size <= 1024 {
			require.False(t, heads[c.cache%4096], "class %d: two heads at one place of a page", i)
			heads[c.cache%4096] = true
		}
	}
	require.LessOrEqual(t, end, shardBytes)
}

func TestAlignedClasses(t *testing.T) {
	for to := 1; to <= arena.Granule; to *= 2 {
		for _, n := range []int{1, 7, 8, 9, 63, 64, 65, 1000, 4096, 4097, 20000, 28673, maxSmall, maxSmall + 1} {
			c, ok := alignedClassFor(n, to)
			if !ok {
				require.Greater(t, n, 28672)
				continue
			}
			require.GreaterOrEqual(t, int(classTable[c].size), n)
			require.Zero(t, int(classTable[c].size)%to)
		}
	}
}

// The state bytes tell the starts of blocks apart, and never by a division:
// for every stride that a list can have, no two blocks begin in one grain,
// and the start is a multiple of an eighth of the grain.
func TestStateGrains(t *testing.T) {
	check := func(stride, granules int) {
		shift := min(maxShift, log2(stride)-subBits)
		bytes := granules * arena.Granule
		require.LessOrEqual(t, bytes>>(shift+subBits), grainsMax, "stride %d", stride)
		last := -1
		for off := 0; off+stride <= bytes; off += stride {
			require.Zero(t, off&(1<<shift-1), "stride %d, offset %d", stride, off)
			grain := off >> shift >> subBits
			require.Greater(t, grain, last, "stride %d, offset %d", stride, off)
			last = grain
		}
	}
	for _, c := range classTable {
		check(int(c.size), int(c.granules))
	}
	for size := 1; size < 20000; size += 1 + size/100 {
		for _, to := range []int{0, 1, 2, 8, 64, 4096} {
			cfg := Config{Size: size, Align: to}
			check(cfg.stride(), slabGranules(cfg.stride()))
		}
	}
	for _, size := range []int{1 << 20, 3<<20 + 1, MaxSize} {
		cfg := Config{Size: size}
		check(cfg.stride(), slabGranules(cfg.stride()))
	}
}

func log2(n int) int {
	k := -1
	for ; n > 0; n >>= 1 {
		k++
	}
	return k
}

func TestTableIsGenerated(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the generator")
	}
	out := filepath.Join(t.TempDir(), "class_table.go")
	msg, err := exec.Command("go", "run", "./gen", out).CombinedOutput()
	require.NoError(t, err, "%s", msg)
	want, err := os.ReadFile(out)
	require.NoError(t, err)
	have, err := os.ReadFile("class_table.go")
	require.NoError(t, err)
	require.Equal(t, string(want), string(have), "run go generate ./slab")
}
