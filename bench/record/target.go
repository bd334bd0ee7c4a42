package record

import (
	"fmt"
	"strings"
)

// Target is a ratio that lookaside is meant to stay at or below.
type Target struct {
	Title   string
	Works   []string // what lookaside does; several: the geometric mean
	Metric  string
	Against []string // the best of these
	Theirs  string   // the work they do, where it is another; or, with a colon before it, another metric of ours
	AtMost  float64
}

// work is the work that they do, where ours is name.
func (t *Target) work(name string) string {
	if t.Theirs == "" || t.Theirs[0] == ':' {
		return name
	}
	return t.Theirs
}

// metric is what is looked at of them.
func (t *Target) metric() string {
	if name, ok := strings.CutPrefix(t.Theirs, ":"); ok {
		return name
	}
	return t.Metric
}

// Verdict is a target and what was measured of it.
type Verdict struct {
	Target
	Measured bool
	NotRun   bool // because a workload was not chosen
	Ratio    Ratio
	Rivals   []string // who was the best, for each work
	Why      string   // when it was not measured
}

// Met tells whether the target is met.
func (v *Verdict) Met() bool { return v.Measured && v.Ratio.Median <= v.AtMost }

var (
	threeC = []string{"c-mimalloc", "c-jemalloc", "c-tcmalloc"}
	allC   = []string{"c-glibc", "c-mimalloc", "c-jemalloc", "c-tcmalloc"}
)

// Targets are those of the project, the traces of the record included.
func (r *Record) Targets() []Target {
	out := []Target{
		{"pair, 64 B, one goroutine", []string{"pair-64"}, "time", threeC, "", 1},
		{"pair, 64 B, against one sync.Pool of *[]byte", []string{"pair-64"}, "time", []string{"syncpool"}, "local", 0.85},
		{"pair, 64 B, against make", []string{"pair-64"}, "time", []string{"goheap"}, "", 0.35},
		{"pair, 4 KiB, against make", []string{"pair-4096"}, "time", []string{"goheap"}, "", 0.02},
		{"pair, 64 B, against mimalloc by cgo", []string{"pair-64"}, "time", []string{"cgo-mimalloc"}, "", 0.2},
		{"pair of a Local, against the best C pair", []string{"local"}, "time", allC, "pair-64", 0.35},
		{"32 blocks by one call, per block, against the best C pair", []string{"blocks-32"}, "time", allC, "pair-64", 0.35},
		{"mixed 16…1,024 B, 1,000 blocks, shuffled", []string{"batch-mixed-shuffled"}, "time", allC, "", 1},
		{"producer/consumer, 64 B", []string{"prodcons-64"}, "time", allC, "", 0.9},
		{"larson, xmalloc-test, sh8bench, mstress, rptest: geometric mean",
			[]string{"larson", "xmalloc-test", "sh8bench", "mstress", "rptest"}, "time", allC, "", 1},
	}
	for _, w := range r.Works {
		if w.Group != "trace" {
			continue
		}
		name := strings.TrimPrefix(w.Name, "trace-")
		if w.Int("memory") == 1 {
			out = append(out, Target{"trace " + strings.TrimSuffix(name, "-memory") + ", peak resident memory", []string{w.Name}, "peak", allC, "", 1})
		} else {
			out = append(out, Target{"trace " + name + ", time", []string{w.Name}, "time", allC, "", 1})
		}
	}
	return append(out,
		Target{"a collection with 10 million live blocks, against none", []string{"gc-10m"}, "time", []string{Self}, ":time with none", 1.05},
		Target{"p99.9 of single operations", []string{"latency"}, "p99.9", []string{"c-mimalloc"}, "", 1})
}

// Judge measures the record by its targets.
func (r *Record) Judge() []Verdict {
	var out []Verdict
	for _, t := range r.Targets() {
		out = append(out, r.judge(t))
	}
	return out
}

func (r *Record) judge(t Target) Verdict {
	v := Verdict{Target: t}
	var medians, mins, maxs []float64
	for _, name := range t.Works {
		if r.Work(name) == nil || t.work(name) != name && r.Work(t.work(name)) == nil {
			v.NotRun, v.Why = true, "not run"
			return v
		}
		x, rival, why := r.compare(t, name)
		if why != "" {
			v.Why = why
			return v
		}
		medians, mins, maxs = append(medians, x.Median), append(mins, x.Min), append(maxs, x.Max)
		v.Rivals = append(v.Rivals, rival)
		v.Ratio.Rounds = x.Rounds
	}
	v.Measured = true
	v.Ratio.Median, v.Ratio.Min, v.Ratio.Max = Geomean(medians), Geomean(mins), Geomean(maxs)
	return v
}

// compare is one work of a target. why is empty when it could be compared.
func (r *Record) compare(t Target, name string) (x Ratio, rival, why string) {
	ours, other := r.Work(name), r.Work(t.work(name))
	own := ours.Result(Self)
	rival = other.Best(t.Against, t.metric())
	if own == nil || rival == "" {
		return x, "", fmt.Sprintf("none of %s was measured", strings.Join(t.Against, ", "))
	}
	x, ok := Divide(own.Values[t.Metric], other.Result(rival).Values[t.metric()])
	if !ok {
		return x, rival, fmt.Sprintf("%s: there is nothing to divide by", name)
	}
	return x, rival, ""
}
