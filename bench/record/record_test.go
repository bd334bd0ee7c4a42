package record

import (
	"bytes"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/bench/work"
)

var update = flag.Bool("update", false, "write the golden page again")

// example is a small record with everything in it.
func example() *Record {
	r := &Record{
		Version: Version, Date: time.Date(2031, 5, 17, 9, 30, 0, 0, time.UTC),
		Machine: Machine{CPU: "Example(R) 9000 CPU @ 2.60GHz", Model: "family 6, model 143", Processors: 4, Kernel: "6.18.0", OS: "linux", Arch: "amd64", HugePages: "madvise"},
		Go:      "go1.26.8", Commit: "0123456789ab", Scale: "full", Rounds: 3,
		Contenders: []Contender{
			{Name: Self, Language: "go", Version: "0123456789ab"}, {Name: "goheap", Language: "go"}, {Name: "syncpool", Language: "go"},
			{Name: "c-glibc", Language: "c", Version: "glibc 2.36"}, {Name: "c-tcmalloc", Language: "c"},
			{Name: "c-mimalloc", Language: "c", Missing: "not measured: no libmimalloc.so (apt install libmimalloc-dev)"},
		},
	}
	specs := append(work.Suite(4, work.Tiny), work.TraceSpecs("cc1", "events", work.Tiny)...)
	for i, s := range specs {
		w := Work{Spec: s}
		for k, c := range r.Contenders {
			if c.Missing != "" || s.GoOnly && c.Language == "c" {
				continue
			}
			x := Result{Contender: c.Name}
			for round := range r.Rounds {
				o := outcome(&w, i+1, k+1, round)
				x.Add(&o)
			}
			w.Results = append(w.Results, x)
		}
		r.Works = append(r.Works, w)
	}
	for _, name := range []string{"pair-64", "local"} {
		r.Work(name).Results[2] = Result{Contender: "syncpool", Failed: "<it> fell over"}
	}
	return r
}

// outcome makes up a shot.
func outcome(w *Work, i, k, round int) work.Outcome {
	o := work.Outcome{Ops: 1000, Ns: int64(1000*i*k + 100*round), Clock: 20}
	switch {
	case w.Kind == "latency":
		o.Bins = []work.Bin{{From: 20, Count: 900_000}, {From: uint64(64 * k), Count: 99_000}, {From: uint64(4096 * k), Count: 999}, {From: 1 << 20, Count: 1}}
	case w.Group == "memory" || w.Int("memory") == 1:
		o.Base, o.Peak, o.Live = 1<<20, int64(100*k+1)<<20, 64<<20
		o.Residual, o.Settled, o.Trimmed = 40<<20, 20<<20, 2<<20
		o.Series = []work.Sample{{Done: 0, Bytes: 1 << 20}, {Done: 500, Bytes: o.Peak}, {Done: 1000, Bytes: 40 << 20}}
	case w.Kind == "gc":
		o.GCCycles, o.GCCPUNs, o.GCPauseNs = 10, int64(1e8*k), int64(1e5*k)
		o.GCNoneNs, o.GCNoneCPUNs = int64(i), int64(1e4)
	}
	return o
}

func TestRecordRoundTrips(t *testing.T) {
	r := example()
	var text bytes.Buffer
	require.NoError(t, r.Write(&text))
	back, err := Read(&text)
	require.NoError(t, err)
	for i := range r.Works {
		r.Works[i].File = "" // a folder of this machine: it is not written
	}
	require.Equal(t, r, back)
}

func TestReadRefuses(t *testing.T) {
	_, err := Read(strings.NewReader("{"))
	require.ErrorContains(t, err, "record:")
	_, err = Read(strings.NewReader(`{"version": 7}`))
	require.EqualError(t, err, "record: version 7: this program reads 1")
}

func TestPathNamesNoHost(t *testing.T) {
	r := example()
	require.Equal(t, filepath.Join("example-r-9000-cpu-2-60ghz-4p", "2031-05-17"), r.Path())
	r.Machine.CPU = ""
	require.Equal(t, filepath.Join("amd64-4p", "2031-05-17"), r.Path())
	host, err := os.Hostname()
	require.NoError(t, err)
	r.Machine = ThisMachine()
	var text bytes.Buffer
	require.NoError(t, r.Write(&text))
	if len(host) > 4 {
		require.NotContains(t, text.String(), host)
	}
}

func TestRatios(t *testing.T) {
	x, ok := Divide([]float64{1, 2, 6, 9}, []float64{2, 2, 2})
	require.True(t, ok)
	require.Equal(t, Ratio{Median: 1, Min: 0.5, Max: 3, Rounds: 3}, x, "round by round, as many as both have")
	_, ok = Divide([]float64{1}, []float64{0})
	require.False(t, ok)
	_, ok = Divide(nil, []float64{1})
	require.False(t, ok)
	require.InDelta(t, 2, Geomean([]float64{1, 4}), 1e-12)
	require.Zero(t, Geomean(nil))
	require.InDelta(t, 2.5, Median([]float64{4, 1, 3, 2}), 1e-12)
	require.Zero(t, Median(nil))
}

func TestBestIsByMedian(t *testing.T) {
	w := Work{Results: []Result{
		{Contender: "a", Values: map[string][]float64{"time": {1, 9, 9}}},
		{Contender: "b", Values: map[string][]float64{"time": {5, 5, 5}}},
		{Contender: "c", Values: map[string][]float64{"time": {2, 2, 2}}},
	}}
	require.Equal(t, "b", w.Best([]string{"a", "b"}, "time"))
	require.Empty(t, w.Best([]string{"a"}, "peak"))
}

func TestTargetsOfACompleteRecord(t *testing.T) {
	r := example()
	seen := 0
	for _, v := range r.Judge() {
		switch {
		case strings.Contains(v.Title, "sync.Pool"):
			require.False(t, v.Measured, "it failed")
		case strings.Contains(v.Title, "by cgo"), strings.HasPrefix(v.Title, "p99.9"):
			require.False(t, v.Measured, v.Title)
			require.Contains(t, v.Why, "none of")
		default:
			require.True(t, v.Measured, "%s: %s", v.Title, v.Why)
			require.Positive(t, v.Ratio.Median)
			seen++
		}
		require.False(t, v.NotRun)
	}
	require.Equal(t, 11, seen)
	require.True(t, (&Record{}).Judge()[0].NotRun)
}

func TestMergeAddsBins(t *testing.T) {
	r := Result{}
	r.Add(&work.Outcome{Ops: 1, Ns: 1, Bins: []work.Bin{{From: 1, Count: 2}, {From: 8, Count: 1}}})
	r.Add(&work.Outcome{Ops: 1, Ns: 1, Bins: []work.Bin{{From: 2, Count: 5}, {From: 8, Count: 1}}})
	require.Equal(t, []work.Bin{{From: 1, Count: 2}, {From: 2, Count: 5}, {From: 8, Count: 2}}, r.Bins)
	require.Equal(t, []float64{1, 2}, r.Values["p50"])
}

// The page shows every work, every contender's curve, and needs nothing from
// elsewhere.
func TestThePageIsComplete(t *testing.T) {
	r := example()
	var b bytes.Buffer
	require.NoError(t, r.WriteHTML(&b))
	text := b.String()
	for _, w := range r.Works {
		require.Contains(t, text, "<h3>"+w.Name+"</h3>", "no chart of %s", w.Name)
		for _, x := range w.Results {
			for _, p := range []bool{len(x.Bins) > 0, len(x.Series) > 0} {
				if p {
					require.Contains(t, text, "<title>"+x.Contender+"</title>")
				}
			}
		}
	}
	require.Contains(t, text, "apt install libmimalloc-dev")
	require.Contains(t, text, "&lt;it&gt; fell over")
	require.NotContains(t, text, "<it>")
	require.NotContains(t, text, "http")
	require.NotContains(t, text, "NaN")
	require.NotContains(t, text, "Inf")
	wellFormed(t, text)
}

// The golden page has one work of each kind of chart, so that a change can be
// read.
func TestThePageIsAsItWas(t *testing.T) {
	r := example()
	var few []Work
	for _, name := range []string{"pair-64", "larson", "latency", "grow-shrink", "gc-0", "gc-10m", "trace-cc1"} {
		few = append(few, *r.Work(name))
	}
	r.Works = few
	var b bytes.Buffer
	require.NoError(t, r.WriteHTML(&b))
	golden := filepath.Join("testdata", "page.golden.html")
	if *update {
		require.NoError(t, os.WriteFile(golden, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "the page changed: look at it, then go test ./bench/record -update")
}

// wellFormed parses every drawing.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	n := 0
	for rest := text; ; n++ {
		at := strings.Index(rest, "<svg viewBox")
		if at < 0 {
			break
		}
		end := strings.Index(rest[at:], "</figure>")
		require.Positive(t, end)
		d := xml.NewDecoder(strings.NewReader(rest[at : at+end]))
		for {
			_, err := d.Token()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
		}
		rest = rest[at+end:]
	}
	require.Greater(t, n, 30)
}

func TestText(t *testing.T) {
	for _, row := range []struct{ got, want string }{
		{ratioText(0), "–"}, {ratioText(0.0123), "0.012"}, {ratioText(0.5), "0.50"}, {ratioText(12.4), "12"},
		{NsText(0.5), "0.50 ns"}, {NsText(999.9), "1.00 µs"}, {NsText(12_345), "12.3 µs"}, {NsText(5e6), "5.00 ms"}, {NsText(2e9), "2.00 s"}, {NsText(0), "0 ns"},
		{BytesText(12), "12 B"}, {BytesText(1 << 20), "1.00 MiB"}, {BytesText(3 << 29), "1.50 GiB"}, {BytesText(2048), "2.00 KiB"},
		{ValueText("peak", 1024), "1.00 KiB"}, {ValueText("time", 10), "10.0 ns"},
		{Ratio{0.5, 0.4, 0.6, 3}.Text(), "0.50 (0.40–0.60)"}, {Ratio{0.5, 0.5, 0.5, 1}.Text(), "0.50"},
		{strings.Join([]string{shade(0.1), shade(0.5), shade(0.9), shade(1), shade(1.2), shade(2), shade(9)}, " "), "less3 less2 less1 same more1 more2 more3"},
	} {
		require.Equal(t, row.want, row.got)
	}
}
