package work

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/bench/trace"
)

func TestSpecsSurviveTheirLine(t *testing.T) {
	for _, s := range append(Suite(8, Full), TraceSpecs("x", "/a folder/with=signs file", Quick)...) {
		back, err := ParseSpec(s.Line())
		require.NoError(t, err)
		require.Equal(t, Spec{Kind: s.Kind, Params: s.Params, File: s.File}, back)
	}
}

func TestParseSpecRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"":              "names no kind",
		"   ":           "names no kind",
		"pair n":        `"n" is not key=number`,
		"pair n=":       `"n=" is not key=number`,
		"pair =3":       `"=3" is not key=number`,
		"pair n=1 t=2x": `"t=2x" is not key=number`,
	} {
		_, err := ParseSpec(line)
		require.ErrorContains(t, err, want, "%q", line)
	}
}

func TestNamesAreUnique(t *testing.T) {
	for _, procs := range []int{1, 2, 3, 4, 8, 13, 64} {
		seen := map[string]bool{}
		for _, s := range Suite(procs, Quick) {
			require.False(t, seen[s.Name], "%s on %d processors", s.Name, procs)
			seen[s.Name] = true
			require.NotEmpty(t, s.Title)
			require.NotEmpty(t, s.Unit)
			require.Positive(t, s.Int("n"))
		}
	}
}

// The scales differ in how long a workload is, never in what it is.
func TestScalesAreTheSameWorkloads(t *testing.T) {
	full, quick, tiny := Suite(2, Full), Suite(2, Quick), Suite(2, Tiny)
	for i := range full {
		require.Equal(t, full[i].Name, quick[i].Name)
		require.Equal(t, full[i].Kind, tiny[i].Kind)
		for _, key := range []string{"size", "min", "max", "order", "seed", "t", "cross", "foreign", "limit", "places"} {
			require.Equal(t, full[i].Int(key), quick[i].Int(key), "%s of %s", key, full[i].Name)
			require.Equal(t, full[i].Int(key), tiny[i].Int(key), "%s of %s", key, full[i].Name)
		}
	}
}

func TestSelect(t *testing.T) {
	all := Suite(2, Tiny)
	some, err := Select(all, "larson, pair-*,collector")
	require.NoError(t, err)
	var names []string
	for _, s := range some {
		names = append(names, s.Name)
	}
	require.Equal(t, "pair-64 pair-4096 pair-64-p2 pair-64-many larson gc-0 gc-1m gc-10m gc-10m-refs", strings.Join(names, " "))
	_, err = Select(all, "larsen")
	require.ErrorContains(t, err, `no workload "larsen": there are pair-64`)
	_, err = Select(all, "[")
	require.Error(t, err)
}

func TestWith(t *testing.T) {
	s := Spec{Params: []Param{{"n", 1}}}
	u := s.With("n", 2).With("m", 3)
	require.Equal(t, 1, s.Int("n"))
	require.Equal(t, 2, u.Int("n"))
	require.Equal(t, 3, u.Int("m"))
	require.Zero(t, u.Int("o"))
}

func TestOutcomesSurviveTheirLines(t *testing.T) {
	o := Outcome{Version: "glibc 2.36", Bins: []Bin{{1, 2}, {3, 4}}, Series: []Sample{{0, 5}, {1000, 6}}}
	for i, f := range o.fields() {
		*f.value = int64(i + 1)
	}
	var b bytes.Buffer
	_, err := o.WriteTo(&b)
	require.NoError(t, err)
	back, err := ReadOutcome(&b)
	require.NoError(t, err)
	require.Equal(t, o, back)
	require.InDelta(t, 2, back.NsPerOp(), 1e-9)
}

func TestReadOutcomeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "ends without an end",
		"result ops=1\n":     "ends without an end",
		"result ops=x\nend":  "invalid syntax",
		"bins 1:2 3\nend":    "invalid syntax",
		"series a:1\nend":    "invalid syntax",
		"error out of order": "out of order",
	} {
		_, err := ReadOutcome(strings.NewReader(text))
		require.ErrorContains(t, err, want, "%q", text)
	}
}

// Every duration falls into a bucket that begins at or below it, and no bucket is
// wider than 1/32 of its value.
func TestHistogram(t *testing.T) {
	check := func(ns uint64) {
		b := bucket(ns)
		require.LessOrEqual(t, floor(b), ns)
		if ns < math.MaxUint64>>1 {
			require.Greater(t, floor(b+1), ns)
			require.LessOrEqual(t, floor(b+1)-floor(b), max(ns/32, 1))
		}
	}
	for ns := range uint64(1 << 14) {
		check(ns)
	}
	for shift := 14; shift < 63; shift++ {
		for _, d := range []uint64{0, 1, 12345} {
			check(1<<shift + d)
			check(1<<shift - d)
		}
	}
	check(math.MaxUint64)
	require.Equal(t, buckets-1, bucket(math.MaxUint64))
	h := new(Histogram)
	for i := range uint64(1000) {
		h.Add(i % 50)
	}
	require.Len(t, h.Bins(), 50)
	require.InDelta(t, 24, Quantile(h.Bins(), 0.5), 1e-9)
	require.InDelta(t, 49, Quantile(h.Bins(), 1), 1e-9)
	require.Zero(t, Quantile(nil, 0.5))
}

func TestRand(t *testing.T) {
	r := NewRand(1, 0)
	p := r.Permutation(1000)
	seen := map[int32]bool{}
	for _, v := range p {
		seen[v] = true
	}
	require.Len(t, seen, 1000)
	low, high := 1000, 0
	for range 10_000 {
		v := r.Between(16, 32)
		low, high = min(low, v), max(high, v)
	}
	require.Equal(t, 16, low)
	require.Equal(t, 32, high)
	a, b := NewRand(1, 0), NewRand(1, 1)
	require.NotEqual(t, a.Next(), b.Next(), "threads have generators of their own")
}

// The distributions are those of the originals: the quantiles that allocators.md
// has for glibc's thread benchmark, and Pareto's four fifths.
func TestDistributions(t *testing.T) {
	r := NewRand(4141, 0)
	sizes := InverseSquare(&r, 100_000, 4, 32_768)
	counts := map[bool]int{}
	for _, n := range sizes {
		require.GreaterOrEqual(t, n, int32(4))
		require.LessOrEqual(t, n, int32(32_768))
		counts[n <= 8]++
	}
	require.InDelta(t, 0.5, float64(counts[true])/1e5, 0.1)
	sum := 0
	for _, n := range LinearFall(&r, 100_000, 8, 16_000) {
		require.GreaterOrEqual(t, n, int32(8))
		require.LessOrEqual(t, n, int32(16_000))
		sum += int(n)
	}
	require.InDelta(t, 8+15_992/3, float64(sum)/1e5, 60, "the mean of a triangle is a third of its base")

	p, hits := NewPareto(1<<17), 0
	for range 100_000 {
		at := p.Draw(&r)
		require.Less(t, at, 1<<17)
		if at < 1<<17/5 {
			hits++
		}
	}
	require.Greater(t, hits, 75_000)
	tiny := NewPareto(1)
	for range 100 {
		require.Zero(t, tiny.Draw(&r))
	}
}

func TestShares(t *testing.T) {
	for n := range 30 {
		for threads := 1; threads < 9; threads++ {
			sum := 0
			for id := range threads {
				sum += Share(n, threads, id)
			}
			require.Equal(t, n, sum)
		}
	}
}

func TestBarrierTurnsManyTimes(t *testing.T) {
	const threads, turns = 4, 200
	b := NewBarrier(threads)
	var count atomic.Int64
	r := NewRun(Spec{})
	r.Parallel(threads, func(int) {
		for turn := range int64(turns) {
			count.Add(1)
			b.Wait()
			if n := count.Load(); n < threads*(turn+1) {
				panic("somebody went on before all had come")
			}
			b.Wait()
		}
	})
	require.EqualValues(t, threads*turns, count.Load())
	require.Positive(t, r.Out.Ns)
}

func TestPerformReportsAPanic(t *testing.T) {
	_, err := Perform(Spec{Kind: "x"}, func(r *Run) { r.Parallel(2, func(id int) { panic("broken") }) })
	require.EqualError(t, err, "x: broken")
}

func TestPerformWarmsUp(t *testing.T) {
	var n []int
	o, err := Perform(Spec{Kind: "x", Params: []Param{{"n", 100}, {"warm", 8}}}, func(r *Run) {
		n = append(n, r.Int("n"))
		r.Count(Tally{1, 1, r.Int("n")})
	})
	require.NoError(t, err)
	require.Equal(t, []int{12, 100}, n)
	require.EqualValues(t, 100, o.Bytes, "warming up does not count")
}

func TestShootTellsHowAProgramDied(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no sh")
	}
	_, err := Shoot(exec.Command("sh", "-c", "echo first >&2; echo last words >&2; exit 3"))
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "last words")
	o, err := Shoot(exec.Command("sh", "-c", "echo result ops=3; echo end"))
	require.NoError(t, err)
	require.EqualValues(t, 3, o.Ops)
	_, err = Shoot(exec.Command("sh", "-c", "echo result ops=3; echo end; exit 1"))
	require.Error(t, err)
	_, err = Shoot(exec.Command(filepath.Join(t.TempDir(), "none")))
	require.Error(t, err)
}

const events = `# alloctrace v1
a 10
z 20
m 100 64
f 2
r 1 50
T 1
a 0
f 0
`

func TestEvents(t *testing.T) {
	tr, err := trace.Parse(strings.NewReader(events), "events", trace.Options{})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "events")
	require.NoError(t, WriteEvents(file, tr))
	require.NoError(t, tr.Close())
	e, err := OpenEvents(file)
	require.NoError(t, err)
	defer e.Close()
	require.Equal(t, Tally{Allocs: 4, Frees: 4, Bytes: 10 + 20 + 100 + 50 + 1}, e.Tally)
	require.EqualValues(t, 7, e.Ops)
	require.EqualValues(t, 151, e.PeakLive)
	var ops []int
	for _, w := range e.Words {
		if EventOp(w) != EventSample {
			ops = append(ops, EventOp(w))
		}
		if EventOp(w) == EventAligned {
			require.Equal(t, 64, EventAlign(w))
			require.Equal(t, 100, EventSize(w))
			require.Equal(t, 2, EventSlot(w))
		}
	}
	require.Equal(t, []int{EventAlloc, EventZeroed, EventAligned, EventFree, EventRealloc, EventAlloc, EventFree}, ops)
}

func TestOpenEventsRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events")
	_, err := OpenEvents(file)
	require.Error(t, err)
	require.NoError(t, os.WriteFile(file, make([]byte, 100), 0o644))
	_, err = OpenEvents(file)
	require.ErrorContains(t, err, "does not begin like")
	cut := make([]byte, 64)
	cut[0], cut[1], cut[2], cut[3] = 'L', 'K', 'V', '1'
	cut[48] = 9 // events that are not there
	require.NoError(t, os.WriteFile(file, cut, 0o644))
	_, err = OpenEvents(file)
	require.ErrorContains(t, err, "EOF")
}

func TestMeasureSeesMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no smaps_rollup")
	}
	debug.FreeOSMemory() // so that the block's pages are new
	r := NewRun(Spec{})
	r.Measure(100)
	if r.Out.Base == 0 {
		t.Skip("this kernel has no Pss_Anon")
	}
	r.Start()
	b := make([]byte, 32<<20)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	r.Step(100)
	r.Stop()
	r.Measured()
	require.GreaterOrEqual(t, r.Out.Peak-r.Out.Base, int64(24<<20))
	require.EqualValues(t, 1000, r.Out.Series[len(r.Out.Series)-1].Done)
	runtime.KeepAlive(b)
}
