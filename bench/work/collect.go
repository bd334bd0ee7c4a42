package work

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"time"
)

const (
	// warmCollections are made before those that count: the first ones still
	// sweep what the workload left, and find their workers asleep.
	warmCollections = 8
	// leastCollections count in any case, and mostCollecting is how long the
	// others may take.
	leastCollections = 5
	mostCollecting   = time.Second
)

// collections are those of one kind that a run has made: their times and what
// they cost the processors, in nanoseconds.
type collections struct{ times, cpu []int64 }

// Collect makes n garbage collections, one at a time, or as many as a second
// has room for; no other happens meanwhile. The operation is a collection; its
// time is the median of theirs, and so is its processor time, less what idle
// processors lend: one that falls together with something else says nothing.
//
// Those made with none live are for comparison. A program makes both kinds in
// turn, since a collection takes longer in another program, at another time or
// after other work for reasons that have nothing to do with what is live.
func (r *Run) Collect(n int, live bool) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 62))
	for range min(warmCollections, n) {
		runtime.GC()
	}
	c := &r.none
	if live {
		c = &r.live
	}
	var before, after debug.GCStats
	debug.ReadGCStats(&before)
	begun, used := time.Now(), collectorTime()
	for i := 0; i < n && (i < leastCollections || time.Since(begun) < mostCollecting); i++ {
		at := time.Now()
		runtime.GC()
		c.times = append(c.times, time.Since(at).Nanoseconds())
		now := collectorTime()
		c.cpu = append(c.cpu, now-used)
		used = now
	}
	debug.ReadGCStats(&after)
	if !live {
		r.Out.GCNoneNs, r.Out.GCNoneCPUNs = middle(c.times), middle(c.cpu)
		return
	}
	ops := int64(len(c.times))
	r.Out.Ops, r.Out.Ns, r.Out.GCCPUNs = ops, middle(c.times)*ops, middle(c.cpu)*ops
	r.Out.GCCycles += after.NumGC - before.NumGC
	r.Out.GCPauseNs += (after.PauseTotal - before.PauseTotal).Nanoseconds()
}

// collectorTime is the processor time in nanoseconds that collections have
// cost since the program began.
func collectorTime() int64 {
	s := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}}
	metrics.Read(s)
	return int64((s[0].Value.Float64() - s[1].Value.Float64()) * 1e9)
}

// middle is the median.
func middle(values []int64) int64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
