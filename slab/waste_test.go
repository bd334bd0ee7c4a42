package slab

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
)

// TestWasteIsAsTheTableSays reads the promises in the comment of the generated
// table and holds a living allocator to them: what a request leaves unused of
// its block, and what a load leaves unused of its slabs.
func TestWasteIsAsTheTableSays(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // who takes from slabs of several Ps begins several
	text, err := os.ReadFile("class_table.go")
	require.NoError(t, err)
	a := newAllocator(t)
	classes, held, live := 0, int64(0), int64(0)
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "//"))
		if len(words) != 8 || !strings.HasSuffix(words[6], "%") {
			continue
		}
		number := func(i int) float64 {
			n, err := strconv.ParseFloat(strings.TrimSuffix(words[i], "%"), 64)
			require.NoError(t, err, line)
			return n
		}
		class, size, blocks, worst, tail := int(number(0)), int(number(1)), int(number(4)), number(6), number(7)
		require.Equal(t, classes, class)
		classes++
		least := 1
		if class > 0 {
			least = int(classTable[class-1].size) + 1
		}
		b := mustAlloc(t, a, least)
		require.Equal(t, size, cap(b))
		require.LessOrEqual(t, 100*float64(cap(b)-least)/float64(cap(b)), worst+0.051, "request of %d bytes", least)
		a.Free(b)

		out := make([][]byte, 4*blocks) // four slabs, full
		n, err := a.AllocBatch(out, size)
		require.NoError(t, err)
		l := &a.classes[class]
		s := l.stats()
		each := int64(l.granules) * arena.Granule
		small := int64(0) // bytes behind the last blocks of the first slabs, which are small
		room := int64(0)
		for _, p := range l.slabs {
			h := headerAt(p)
			bytes := int64(h.granules) * arena.Granule
			behind := bytes - int64(h.blocks)*int64(size)
			room += int64(h.blocks)
			if h.granules < l.granules {
				small += behind
				continue
			}
			require.Equal(t, each, bytes)
			require.LessOrEqual(t, 100*float64(behind)/float64(bytes), tail+0.006, "class of %d bytes", size)
		}
		require.LessOrEqual(t, small, each/4, "class of %d bytes", size)
		begun := int64(1)
		if l.spare != 0 {
			begun++ // and perhaps never was in use
		}
		require.LessOrEqual(t, room, s.Live+s.Parked+int64(l.n.OnSlabs)+begun*int64(l.blocks), "begun slabs")
		held += s.HeldBytes
		live += s.LiveBytes
		a.FreeBatch(out[:n])
	}
	require.Equal(t, numClasses, classes)
	require.Less(t, float64(held)/float64(live), 1.3, "small loads of every class, one slab each begun")
}
