package record

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"offheap.example/lookaside/bench/work"
)

// Version is that of the form; it changes when a member changes its meaning.
const Version = 1

// Record is one comparison.
type Record struct {
	Version     int         `json:"version"`
	Date        time.Time   `json:"date"`
	Machine     Machine     `json:"machine"`
	Go          string      `json:"go"`
	Commit      string      `json:"commit"`
	Scale       string      `json:"scale"`
	Rounds      int         `json:"rounds"`
	Interrupted bool        `json:"interrupted,omitempty"` // some values are missing
	Contenders  []Contender `json:"contenders"`            // lookaside is the first
	Works       []Work      `json:"works"`
}

// Contender is an allocator, measured or not.
type Contender struct {
	Name     string `json:"name"`
	Language string `json:"language"` // "go", "cgo" or "c"
	Version  string `json:"version,omitempty"`
	Missing  string `json:"missing,omitempty"` // why it was not measured
}

// Work is what was measured of one workload.
type Work struct {
	work.Spec
	Results []Result `json:"results"`
}

// Result is what one contender did.
type Result struct {
	Contender string               `json:"contender"`
	Failed    string               `json:"failed,omitempty"`
	Values    map[string][]float64 `json:"values,omitempty"` // by metric, one for each round
	Bins      []work.Bin           `json:"bins,omitempty"`   // of all rounds together
	Series    []work.Sample        `json:"series,omitempty"` // of the last round, less the base
	Live      int64                `json:"live_bytes,omitempty"`
	Clock     int64                `json:"clock_ns,omitempty"` // reading the clock alone
}

// Self is the name of the allocator that the others are compared with.
const Self = "lookaside"

// Add takes one shot into the result.
func (r *Result) Add(o *work.Outcome) {
	if r.Values == nil {
		r.Values = map[string][]float64{}
	}
	for _, m := range metricsOf(o) {
		r.Values[m.name] = append(r.Values[m.name], m.value)
	}
	r.Bins = merge(r.Bins, o.Bins)
	if len(o.Series) > 0 {
		r.Series = slices.Clone(o.Series)
		for i := range r.Series {
			r.Series[i].Bytes = max(r.Series[i].Bytes-o.Base, 0)
		}
	}
	r.Live, r.Clock = o.Live, o.Clock
}

// metric is one number of a shot.
type metric struct {
	name  string
	value float64
}

// quantiles of single operations.
var quantiles = []struct {
	name  string
	share float64
}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}}

func metricsOf(o *work.Outcome) []metric {
	var out []metric
	if o.Ns > 0 {
		out = append(out, metric{"time", o.NsPerOp()})
	}
	if len(o.Bins) > 0 {
		for _, q := range quantiles {
			out = append(out, metric{q.name, work.Quantile(o.Bins, q.share)})
		}
	}
	if len(o.Series) > 0 {
		bytes := func(name string, v int64) {
			out = append(out, metric{name, float64(max(v-o.Base, 0))})
		}
		bytes("peak", o.Peak)
		if o.Residual > 0 {
			bytes("residual", o.Residual)
		}
		if o.Settled > 0 {
			bytes("settled", o.Settled)
		}
		if o.Trimmed > 0 {
			bytes("trimmed", o.Trimmed)
		}
	}
	if o.GCCycles > 0 {
		out = append(out,
			metric{"pause", float64(o.GCPauseNs) / float64(o.GCCycles)},
			metric{"cpu", float64(o.GCCPUNs) / float64(max(o.Ops, 1))},
			metric{"time with none", float64(o.GCNoneNs)},
			metric{"cpu with none", float64(o.GCNoneCPUNs)})
	}
	return out
}

// merge adds the counts of two lists of bins.
func merge(a, b []work.Bin) []work.Bin {
	if len(b) == 0 {
		return a
	}
	all := append(slices.Clone(a), b...)
	slices.SortStableFunc(all, func(x, y work.Bin) int {
		switch {
		case x.From < y.From:
			return -1
		case x.From > y.From:
			return 1
		}
		return 0
	})
	out := all[:1]
	for _, x := range all[1:] {
		if last := &out[len(out)-1]; last.From == x.From {
			last.Count += x.Count
		} else {
			out = append(out, x)
		}
	}
	return out
}

// Work returns the workload of that name, nil when it was not measured.
func (r *Record) Work(name string) *Work {
	for i := range r.Works {
		if r.Works[i].Name == name {
			return &r.Works[i]
		}
	}
	return nil
}

// Result returns what the contender did, nil when it took no part.
func (w *Work) Result(contender string) *Result {
	for i := range w.Results {
		if w.Results[i].Contender == contender {
			return &w.Results[i]
		}
	}
	return nil
}

// Metrics are the names of the workload's metrics in the order in which to show
// them.
func (w *Work) Metrics() []string {
	var out []string
	for _, name := range []string{"time", "p50", "p90", "p99", "p99.9", "p99.99", "peak", "residual", "settled", "trimmed", "pause", "cpu"} {
		for _, r := range w.Results {
			if len(r.Values[name]) > 0 {
				out = append(out, name)
				break
			}
		}
	}
	return out
}

// Main is the metric that the workload is about.
func (w *Work) Main() string {
	if w.Group == "memory" || w.Int("memory") == 1 {
		return "peak"
	}
	if w.Group == "latency" {
		return "p99.9"
	}
	return "time"
}

// InBytes tells whether a metric counts bytes; the others count nanoseconds.
func InBytes(metric string) bool {
	return slices.Contains([]string{"peak", "residual", "settled", "trimmed"}, metric)
}

// Write writes the record as JSON.
func (r *Record) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// Read reads what Write wrote.
func Read(from io.Reader) (*Record, error) {
	r := new(Record)
	if err := json.NewDecoder(from).Decode(r); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if r.Version != Version {
		return nil, fmt.Errorf("record: version %d: this program reads %d", r.Version, Version)
	}
	return r, nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// Path is the record's place below a folder of records, without an extension:
// the processor's model and their number, and the day.
func (r *Record) Path() string {
	model := notInNames.ReplaceAllString(strings.ToLower(r.Machine.CPU), "-")
	model = strings.Trim(model, "-")
	if model == "" {
		model = r.Machine.Arch
	}
	return filepath.Join(fmt.Sprintf("%s-%dp", model, r.Machine.Processors), r.Date.UTC().Format("2006-01-02"))
}
