package work

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"time"
)

// Collect makes n garbage collections, one at a time, after one that does not
// count. The operation is a collection; the time is n times the median of
// theirs, since one that falls together with something else says nothing.
func (r *Run) Collect(n int) {
	cpu := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}}
	var before, after debug.GCStats
	runtime.GC()
	debug.ReadGCStats(&before)
	metrics.Read(cpu)
	used := cpu[0].Value.Float64()
	times := make([]int64, n)
	for i := range times {
		begun := time.Now()
		runtime.GC()
		times[i] = time.Since(begun).Nanoseconds()
	}
	debug.ReadGCStats(&after)
	metrics.Read(cpu)
	slices.Sort(times)
	r.Out.Ops = int64(n)
	r.Out.Ns = times[n/2] * int64(n)
	r.Out.GCCPUNs = int64((cpu[0].Value.Float64() - used) * 1e9)
	r.Out.GCCycles = after.NumGC - before.NumGC
	r.Out.GCPauseNs = (after.PauseTotal - before.PauseTotal).Nanoseconds()
}
