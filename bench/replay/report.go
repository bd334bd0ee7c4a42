package replay

import (
	"slices"
	"time"

	"offheap.example/lookaside/bench/trace"
)

// Report is what a replay of one trace found.
type Report struct {
	Trace       string   `json:"trace"`    // the file
	Comments    []string `json:"comments"` // of its head
	Threads     int      `json:"threads"`
	Ops         int64    `json:"operations"`
	PeakLive    int64    `json:"peak_live_bytes"` // asked for, from the trace
	PeakBlocks  int64    `json:"peak_live_blocks"`
	FreeRunning bool     `json:"free_running"`
	// Interrupted says that the replay was stopped: runs are missing.
	Interrupted bool     `json:"interrupted"`
	Results     []Result `json:"results"` // by contender, in the order given
	// Classes is the use of the first contender that counts, at the peak.
	Classes []Class `json:"classes,omitempty"`
}

// Result is what one contender did.
type Result struct {
	Contender string   `json:"contender"`
	Verified  bool     `json:"verified"` // the verify pass ran and found nothing
	Failures  []string `json:"failures,omitempty"`
	Runs      []Timing `json:"runs"`

	// Medians over the runs; 0 without any.
	NsPerOp      float64       `json:"ns_per_op"`
	OpsPerSecond float64       `json:"ops_per_second"`
	GCCycles     float64       `json:"gc_cycles"`
	GCPause      time.Duration `json:"gc_pause_ns"`
	// Ratio is the median of the runs' times, each divided by that of
	// the first contender's run beside it.
	Ratio float64 `json:"time_ratio"`

	// PeakResident is -1 when the memory pass did not come to its end.
	PeakResident  int64   `json:"peak_resident_bytes"`
	ResidentRatio float64 `json:"resident_ratio"` // of the peak of live bytes
}

// Timing is one timed pass.
type Timing struct {
	Elapsed  time.Duration `json:"elapsed_ns"`
	GCCycles int64         `json:"gc_cycles"`
	GCPause  time.Duration `json:"gc_pause_ns"`
}

// Class is one size class of the lookaside contender when the live bytes were
// at their peak.
type Class struct {
	Size      int64   `json:"size"` // bytes a block holds; 0: large blocks
	Live      int64   `json:"live"`
	Parked    int64   `json:"parked"`
	Slabs     int64   `json:"slabs"`
	Gets      uint64  `json:"gets"`
	HitRate   float64 `json:"hit_rate"`   // up to the peak
	LiveBytes int64   `json:"live_bytes"` // what the live blocks hold
	Asked     int64   `json:"asked_bytes"`
	HeldBytes int64   `json:"held_bytes"` // pages of slabs and large blocks
}

// Waste is the share of the live blocks' bytes that nobody asked for.
func (c Class) Waste() float64 {
	if c.LiveBytes <= 0 {
		return 0
	}
	return 1 - float64(c.Asked)/float64(c.LiveBytes)
}

// Failed tells whether any contender failed.
func (r *Report) Failed() bool {
	return slices.ContainsFunc(r.Results, func(x Result) bool { return len(x.Failures) > 0 })
}

// newReport returns what is known before the first pass.
func newReport(t *trace.Trace, o *Options) *Report {
	r := &Report{
		Trace:       t.Name,
		Comments:    t.Comments,
		Threads:     len(t.Threads),
		Ops:         t.Totals.Ops(),
		PeakLive:    t.Totals.PeakBytes,
		PeakBlocks:  t.Totals.PeakBlocks,
		FreeRunning: o.FreeRunning,
	}
	for _, s := range o.Contenders {
		r.Results = append(r.Results, Result{Contender: s.Name, PeakResident: -1, Runs: []Timing{}})
	}
	return r
}

// summarize computes the medians.
func (r *Report) summarize() {
	for i := range r.Results {
		x := &r.Results[i]
		var ns, cycles, pauses, ratios []float64
		for k, run := range x.Runs {
			ns = append(ns, float64(run.Elapsed))
			cycles = append(cycles, float64(run.GCCycles))
			pauses = append(pauses, float64(run.GCPause))
			if first := r.Results[0].Runs; k < len(first) && first[k].Elapsed > 0 {
				ratios = append(ratios, float64(run.Elapsed)/float64(first[k].Elapsed))
			}
		}
		x.Ratio = median(ratios)
		x.GCCycles = median(cycles)
		x.GCPause = time.Duration(median(pauses))
		if m := median(ns); m > 0 && r.Ops > 0 {
			x.NsPerOp = m / float64(r.Ops)
			x.OpsPerSecond = 1e9 / x.NsPerOp
		}
		if x.PeakResident >= 0 && r.PeakLive > 0 {
			x.ResidentRatio = float64(x.PeakResident) / float64(r.PeakLive)
		}
	}
}

// median is the middle of the values, or the mean of the middle two; 0 of none.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Clone(v)
	slices.Sort(v)
	mid := len(v) / 2
	if len(v)%2 == 1 {
		return v[mid]
	}
	return (v[mid-1] + v[mid]) / 2
}
