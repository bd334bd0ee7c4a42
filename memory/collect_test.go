package memory_test

import (
	"runtime"
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

const million = 1_000_000

// population fills the heap with a million of something and returns what
// keeps them alive.
type population struct {
	name string
	fill func(b *testing.B, src *arena.Arena) any
}

var populations = []population{
	{"nothing", func(*testing.B, *arena.Arena) any { return nil }},
	// A slice of a million pointers, each to a word of its own that holds no pointers.
	{"pointers", func(*testing.B, *arena.Arena) any {
		all := make([]*uint64, million)
		for i := range all {
			all[i] = new(uint64)
		}
		return all
	}},
	// What programs do without us: a struct with a buffer behind a pointer.
	{"heap", func(*testing.B, *arena.Arena) any {
		type buffer struct {
			b []byte
			n int
		}
		all := make([]*buffer, million)
		for i := range all {
			all[i] = &buffer{b: make([]byte, 64)}
		}
		return all
	}},
	{"memory", func(b *testing.B, src *arena.Arena) any { return objects(b, src) }},
	{"memory+parent", func(b *testing.B, src *arena.Arena) any {
		root, err := object.New(object.Config{})
		require.NoError(b, err)
		return objects(b, src, memory.WithParent(root))
	}},
	// Everything an object can have: a context and two callbacks each are the user's own pointers.
	{"memory+callbacks", func(b *testing.B, src *arena.Arena) any {
		root, err := object.New(object.Config{})
		require.NoError(b, err)
		mine, hook := new(session), func(object.Object) {}
		return objects(b, src, memory.WithParent(root), memory.WithContext(mine), memory.WithCleanup(hook), memory.WithDestroy(hook))
	}},
}

// objects makes a million memory objects of 64 bytes and returns their handles.
func objects(b *testing.B, src *arena.Arena, opts ...memory.Option) []memory.Object {
	l, err := slab.New(src, slab.Config{Name: "million", Size: 64})
	require.NoError(b, err)
	all := make([]memory.Object, million)
	for i := range all {
		all[i], err = memory.FromLookaside(l, opts...)
		require.NoError(b, err)
	}
	b.Cleanup(func() {
		for _, m := range all {
			require.NoError(b, m.Delete())
		}
		require.NoError(b, l.Close())
	})
	return all
}

// BenchmarkCollectMillion is what a garbage collection costs with a million of
// something alive: ns/op is the time of one runtime.GC, cpu-ns/op what all Ps
// spent on it, pause-ns/op how long the world stood still.
func BenchmarkCollectMillion(b *testing.B) {
	if testing.Short() {
		b.Skip("fills the heap")
	}
	for _, p := range populations {
		b.Run("live="+p.name, func(b *testing.B) {
			src, err := arena.Open(arena.Config{})
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, src.Close()) })
			keep := p.fill(b, src)
			runtime.GC()
			cpu, pause := gcSeconds()
			b.ResetTimer()
			for range b.N {
				runtime.GC()
			}
			b.StopTimer()
			cpu2, pause2 := gcSeconds()
			b.ReportMetric((cpu2-cpu)*1e9/float64(b.N), "cpu-ns/op")
			b.ReportMetric((pause2-pause)/float64(b.N), "pause-ns/op")
			runtime.KeepAlive(keep)
		})
	}
}

// gcSeconds returns the CPU seconds that marking took so far, idle and dedicated
// workers and assists together, and the nanoseconds of all pauses.
func gcSeconds() (cpu, pause float64) {
	samples := []metrics.Sample{{Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"}}
	metrics.Read(samples)
	for _, s := range samples {
		cpu += s.Value.Float64()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return cpu, float64(m.PauseTotalNs)
}
