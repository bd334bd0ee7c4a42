package slab

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/invariant"
	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/statspage"
	"offheap.example/lookaside/internal/sys"
)

// sizeKinds are what loads are made of.
var sizeKinds = []struct {
	name string
	size func(*rand.Rand) int
}{
	{"tiny", func(*rand.Rand) int { return 16 }},
	{"small", func(*rand.Rand) int { return 512 }},
	{"mixed", func(r *rand.Rand) int { return 16 << r.IntN(12) }},
	{"large", func(r *rand.Rand) int { return 40_000 + r.IntN(1_000_000) }},
}

// load allocates blocks of bytes in all, and touches their pages.
func load(t testing.TB, a *Allocator, out [][]byte, bytes int, size func() int) [][]byte {
	for sum := 0; sum < bytes; {
		n := size()
		b, err := a.Alloc(n)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < n; i += 4096 {
			b[i] = 1
		}
		b[n-1] = 1
		out = append(out, b)
		sum += n
	}
	return out
}

// unload frees all of it in random order.
func unload(a *Allocator, random *rand.Rand, out [][]byte) {
	random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	for _, b := range out {
		a.Free(b)
	}
	clear(out)
}

// footprint is all that an arena has in memory: pages, bookkeeping, counters.
func footprint(src *arena.Arena) int64 {
	s := src.Stats()
	return s.Resident + s.MetadataResident + s.CountersResident
}

// processResident is what the kernel says that the process has in memory.
func processResident(t testing.TB) int64 {
	debug.FreeOSMemory() // what earlier tests left on the Go heap would go meanwhile
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); words[0] == "Rss:" {
			n, err := strconv.ParseInt(words[1], 10, 64)
			require.NoError(t, err)
			return n << 10
		}
	}
	t.Fatal("smaps_rollup has no Rss")
	return 0
}

// peakOf is how large a load is: of mixed sizes a gibibyte, but in short
// tests; of tiny ones less, because of the test's own table. The benchmark has them all.
func peakOf(kind string) int {
	switch {
	case kind == "tiny":
		return 32 << 20
	case kind == "mixed" && !testing.Short():
		return 1 << 30
	}
	return 192 << 20
}

func needResidence(t testing.TB) {
	if raceEnabled || !sys.Supported {
		t.Skip("arenas are heap-backed in this build: the kernel does not count their pages")
	}
}

// slowOps is how many slow operations an allocator has made, but for page
// runs.
func slowOps(a *Allocator) uint64 {
	s := a.Stats()
	return s.Refills + s.Spills
}

// TestTrimGivesBack: after everything was freed, one Trim leaves less than 5
// percent of the peak in memory.
func TestTrimGivesBack(t *testing.T) {
	needResidence(t)
	for _, kind := range sizeKinds {
		t.Run(kind.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			src := openArena(t, arena.Config{})
			a, err := NewAllocator(src, AllocatorConfig{})
			require.NoError(t, err)
			size, peakBytes := func() int { return kind.size(random) }, peakOf(kind.name)
			out := make([][]byte, 0, 1<<20)
			for range max(1, min(2, 512<<20/peakBytes)) { // the second time with what the first has taught
				base := processResident(t)
				out = load(t, a, out[:0], peakBytes, size)
				peak, most := footprint(src), processResident(t)
				require.Greater(t, most-base, int64(peakBytes)*3/4)
				unload(a, random, out)
				t.Logf("%d MiB at the peak, %d MiB when all is freed", peak>>20, footprint(src)>>20)
				require.Positive(t, a.Trim())
				require.Less(t, footprint(src), peak/20)
				if kind.name != "tiny" { // the test's own table is larger than the load
					require.Less(t, processResident(t)-base, int64(peakBytes)/20+32<<20, "the test's own table included")
				}
			}
			require.NoError(t, a.Audit())
			require.NoError(t, a.Close())
		})
	}
}

// TestGivesBackByItself: without Trim or Tune, eight epochs of slow operations
// bring what is in memory below 5 percent of the peak.
func TestGivesBackByItself(t *testing.T) {
	needResidence(t)
	for _, kind := range sizeKinds {
		t.Run(kind.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 4))
			src := openArena(t, arena.Config{})
			a, err := NewAllocator(src, AllocatorConfig{})
			require.NoError(t, err)
			size, peakBytes := func() int { return kind.size(random) }, peakOf(kind.name)
			if kind.name != "tiny" && !testing.Short() {
				peakBytes = 512 << 20
			}
			var out [][]byte
			for range 3 { // what is wanted again and again stays longest
				out = load(t, a, out[:0], peakBytes/2, size)
				unload(a, random, out)
			}
			out = load(t, a, out[:0], peakBytes, size)
			peak := footprint(src)
			unload(a, random, out)
			t.Logf("%d MiB at the peak, %d MiB when all is freed", peak>>20, footprint(src)>>20)
			few := make([][]byte, 4096)
			for begun := slowOps(a); slowOps(a)-begun < GiveBackOps; {
				n, err := a.AllocBatch(few, 64)
				require.NoError(t, err)
				a.FreeBatch(few[:n])
			}
			least := int64(24 << 20) // a P that is idle now keeps blocks of many slabs
			if kind.name == "tiny" {
				least = peak / 2
			}
			require.Less(t, footprint(src), max(peak/20, least))
			require.NoError(t, a.Close())
		})
	}
}

// calls counts system calls from now on, by the name of the operation.
func calls(t testing.TB) map[string]int {
	seen := make(map[string]int)
	t.Cleanup(sys.SetFault(func(op string) error {
		if op != "mincore" { // Stats asked
			seen[op]++
		}
		return nil
	}))
	return seen
}

// TestAlternationMakesFewCalls grows and shrinks again and again, by much and
// by little, and counts system calls: fewer than one in 100 operations.
func TestAlternationMakesFewCalls(t *testing.T) {
	needResidence(t)
	for _, kind := range sizeKinds {
		for _, swing := range []int{1 << 20, 8 << 20, 64 << 20} {
			for _, base := range []int{0, 32 << 20} {
				if kind.name == "tiny" && base+swing > 32<<20 {
					continue // millions of operations
				}
				t.Run(fmt.Sprintf("%s/swing=%d/base=%d", kind.name, swing, base), func(t *testing.T) {
					if testing.Short() && swing > 8<<20 {
						t.Skip("short")
					}
					random := rand.New(rand.NewPCG(5, 6))
					src := openArena(t, arena.Config{})
					a, err := NewAllocator(src, AllocatorConfig{})
					require.NoError(t, err)
					size := func() int { return kind.size(random) }
					stay := load(t, a, nil, base, size)
					out := load(t, a, nil, swing, size)
					unload(a, random, out)
					seen, ops := calls(t), 0
					for ops < 20_000 {
						out = load(t, a, out[:0], swing, size)
						ops += 2 * len(out)
						unload(a, random, out)
					}
					total := 0
					for _, n := range seen {
						total += n
					}
					require.Less(t, float64(total)/float64(ops), 0.01, "%d operations made %v", ops, seen)
					unload(a, random, stay)
					require.NoError(t, a.Close())
				})
			}
		}
	}
}

// TestSurvivorsGather: after shrinking to a few random survivors, traffic at
// that level empties slabs: pages held come down towards what is live.
func TestSurvivorsGather(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, size := range []int{64, 1000} {
		for _, percent := range []int{40, 15, 7} {
			if raceEnabled && percent > 7 {
				continue // it takes too long
			}
			t.Run(fmt.Sprintf("size=%d/survivors=%d%%", size, percent), func(t *testing.T) {
				random := rand.New(rand.NewPCG(uint64(size), uint64(percent)))
				a := newAllocator(t)
				full := (12 << 20) / size
				out := load(t, a, nil, full*size, func() int { return size })
				random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
				live := len(out) * percent / 100
				for _, b := range out[live:] {
					a.Free(b)
				}
				out = out[:live]
				ratio := func() float64 {
					s := a.Stats()
					return float64(s.HeldBytes) / float64(s.LiveBytes)
				}
				begun := ratio()
				for range 12 * 4 { // each survivor is replaced twelve times
					for i := range out[:live/4] {
						j := i + random.IntN(live-i)
						out[i], out[j] = out[j], out[i]
						a.Free(out[i])
					}
					for i := range out[:live/4] {
						out[i] = mustAlloc(t, a, size)
					}
				}
				if percpu.Current() == percpu.Tokens { // one P has many caches there, most of them idle
					a.Trim()
				}
				t.Logf("held to live: %.2f, after traffic %.2f", begun, ratio())
				most := 1.25
				if invariant.Enabled {
					most = 1.5 // builds with checks refill and spill at random
				}
				require.Less(t, ratio(), most)
				for _, b := range out {
					a.Free(b)
				}
				require.NoError(t, a.Audit())
			})
		}
	}
}

// BenchmarkGiveBack: a load of a gibibyte, what its end leaves in memory, and
// what Trim leaves.
func BenchmarkGiveBack(b *testing.B) {
	needResidence(b)
	for _, kind := range sizeKinds {
		b.Run("work="+kind.name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			src := openArena(b, arena.Config{})
			a, err := NewAllocator(src, AllocatorConfig{})
			require.NoError(b, err)
			var out [][]byte
			var peak, freed, trimmed int64
			for b.Loop() {
				out = load(b, a, out[:0], 1<<30, func() int { return kind.size(random) })
				peak += footprint(src)
				unload(a, random, out)
				freed += footprint(src)
				a.Trim()
				trimmed += footprint(src)
			}
			b.ReportMetric(100*float64(freed)/float64(peak), "%-freed")
			b.ReportMetric(100*float64(trimmed)/float64(peak), "%-trimmed")
			require.NoError(b, a.Close())
		})
	}
}

// What is parked is not in a new peak of resident memory, where it is few blocks of many bytes, also when its classes
// are in use; and neither are runs that wait for large blocks.
func TestPeaksAreNotParked(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // all is parked on one P
	a := newAllocator(t)
	var sizes []int
	for size := 1024; size <= 16<<10; size *= 2 {
		sizes = append(sizes, size, size+size/2)
	}
	use := func(n int) {
		for _, size := range sizes {
			var out [][]byte
			for range n {
				out = append(out, mustAlloc(t, a, size))
			}
			for _, b := range out {
				a.Free(b)
			}
		}
	}
	parked := func() (bytes, large int64) {
		for _, s := range a.Stats().Classes {
			if s.Size >= 1024 {
				bytes += s.ParkedBytes
			} else if s.Size == 0 {
				large = s.ParkedBytes
			}
		}
		return bytes, large
	}
	const kept = 200 << 10
	waits := mustAlloc(t, a, kept)
	for range 4 {
		use(24)
	}
	a.Free(waits)
	before, large := parked()
	require.Greater(t, before, int64(128<<10))
	require.Positive(t, large)
	for range 3 { // each makes a peak, which the next one finds; what was asked for since the last stays
		mustAlloc(t, a, 4<<20)
	}
	after, large := parked()
	require.Zero(t, after)
	require.Zero(t, large)
	use(24)
	load(t, a, nil, 8<<20, func() int { return 64 }) // so do slabs
	after, _ = parked()
	require.Zero(t, after)
	require.NoError(t, a.Audit())
}

// At a peak what was asked for since the last look stays, bounds and published counts hold, and what was not goes.
func TestPeaksLeaveWhatIsAskedFor(t *testing.T) {
	if invariant.Enabled {
		t.Skip("builds with checks refill and spill at random")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	a := newAllocator(t)
	l := a.lists[classFor(1024)]
	use := func() {
		var out [][]byte
		for range l.slots {
			out = append(out, mustAlloc(t, a, 1024))
		}
		for _, b := range out {
			a.Free(b)
		}
	}
	parked := func() (n uint32) { // in caches
		a.eachPCache(l, func(_ int, c *statspage.Cache) { n += parkedIn(c) })
		return n
	}
	for range 4 {
		use()
	}
	grow := func() { // as if a slab were wanted when there is a new peak
		a.peak.Store(0)
		a.dry.Store(uint32(l.class) - looksWhenDry) // the list's turn
		a.beforeGrowth(growthStep)
	}
	before := parked()
	require.Positive(t, before)
	grow()
	require.Equal(t, before, parked(), "asked for since the last look")
	require.LessOrEqual(t, l.depot.n, l.depotMax())
	require.Equal(t, uint64(l.depot.n), l.n.Depot)
	grow()
	require.Zero(t, parked())
	require.Zero(t, l.stats().Parked)
	require.NoError(t, a.Audit())
}

// All depots together have the room that their blocks need, but for a little
// in each and for what the last one that was full had.
func TestDepotsAreAsLargeAsNeeded(t *testing.T) {
	a := newAllocator(t)
	for i := range a.lists {
		b := mustAlloc(t, a, int(a.lists[i].size))
		a.Free(b)
	}
	room := func() (all, needed int) {
		all = len(a.segments.free)
		for _, l := range a.lists {
			all += len(l.depot.segments)
			needed += (l.depot.n + segmentRefs - 1) / segmentRefs
		}
		return all, needed
	}
	for size := 16; size <= 256; size += 16 {
		out := load(t, a, nil, 1<<20, func() int { return size })
		unload(a, rand.New(rand.NewPCG(1, 2)), out)
		all, needed := room()
		last := a.classes[classFor(size)].depotMax()/segmentRefs + segmentsAtOnce
		require.LessOrEqual(t, all, needed+len(a.lists)*(spareSegments+1)+2*last)
	}
	require.NoError(t, a.Audit())
	a.Trim()
	all, needed := room()
	require.Zero(t, needed)
	require.LessOrEqual(t, all, len(a.lists)*spareSegments)
	require.Empty(t, a.segments.free)
}

// A depot is a queue of any length: what goes in comes out at either end, in
// order.
func TestDepotIsAQueue(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var d depot
	var s segments
	var model []ref
	next := uintptr(0)
	for range 20_000 {
		k := rnd.IntN(100)
		switch rnd.IntN(4) {
		case 0, 1:
			var in []ref
			for range k {
				next++
				in = append(in, ref{addr: next, state: ^next})
			}
			s.lend(&d, k)
			require.GreaterOrEqual(t, d.room(), k)
			d.push(in)
			model = append(model, in...)
		case 2:
			out := make([]ref, min(k, d.n))
			d.pop(out)
			require.Equal(t, model[len(model)-len(out):], out)
			model = model[:len(model)-len(out)]
		default:
			for k = min(k, d.n); k > 0; {
				out := d.oldest(k)
				require.Equal(t, model[:len(out)], out)
				d.drop(len(out))
				model = model[len(out):]
				k -= len(out)
			}
			s.takeBack(&d)
			require.LessOrEqual(t, d.room(), (spareSegments+1)*segmentRefs)
		}
		require.Equal(t, len(model), d.n)
		if d.n > 0 {
			require.Equal(t, model[0], *d.at(0))
			require.Equal(t, model[d.n-1], *d.at(d.n - 1))
		}
	}
}
