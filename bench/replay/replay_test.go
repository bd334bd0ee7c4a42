package replay

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/bench/contender"
	"offheap.example/lookaside/bench/trace"
)

// parse makes a trace of lines.
func parse(t testing.TB, lines string) *trace.Trace {
	t.Helper()
	tr, err := trace.Parse(strings.NewReader("# alloctrace v1\n"+lines), "test", trace.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tr.Close()) })
	return tr
}

// random makes up a trace of n operations on several threads.
func random(t testing.TB, n, threads int) *trace.Trace {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 6))
	var text bytes.Buffer
	w := trace.NewWriter(&text)
	var live []uint32
	thread := 0
	for i := range n {
		if r.IntN(20) == 0 {
			thread = r.IntN(threads)
		}
		e := trace.Event{Thread: uint32(thread), Size: int64(r.IntN(1 << r.IntN(14)))}
		if k := r.IntN(10); k < 5 || len(live) == 0 {
			e.Op, e.Number, e.Align = trace.Op(r.IntN(3)), uint32(i), 1<<r.IntN(13)
			live = append(live, e.Number)
		} else {
			at := r.IntN(len(live))
			e.Op, e.Number = trace.Realloc, live[at]
			if k < 9 {
				e.Op = trace.Free
				live = append(live[:at], live[at+1:]...)
			}
		}
		require.NoError(t, w.Write(e))
	}
	require.NoError(t, w.Close())
	tr, err := trace.Parse(&text, "random", trace.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tr.Close()) })
	return tr
}

func replayed(t testing.TB, tr *trace.Trace, o Options) *Report {
	t.Helper()
	r, err := Run(context.Background(), tr, o)
	require.NoError(t, err)
	return r
}

// good checks a report of contenders that did everything right.
func good(t testing.TB, r *Report, runs int) {
	t.Helper()
	require.False(t, r.Failed())
	require.False(t, r.Interrupted)
	for i, x := range r.Results {
		require.Empty(t, x.Failures, x.Contender)
		require.True(t, x.Verified, x.Contender)
		require.Len(t, x.Runs, runs, x.Contender)
		require.Positive(t, x.NsPerOp)
		require.Positive(t, x.OpsPerSecond)
		require.Positive(t, x.Ratio)
		require.GreaterOrEqual(t, x.PeakResident, int64(0))
		if i == 0 {
			require.Equal(t, 1.0, x.Ratio)
		}
	}
}

func TestRandomTraces(t *testing.T) {
	for _, free := range []bool{false, true} {
		for _, threads := range []int{1, 2, 5} {
			tr := random(t, 5_000, threads)
			r := replayed(t, tr, Options{Contenders: contender.All(), Runs: 2, Verify: true, FreeRunning: free})
			good(t, r, 2)
			require.Equal(t, tr.Totals.Ops(), r.Ops)
			require.NotEmpty(t, r.Classes)
			var asked, live int64
			for _, c := range r.Classes {
				asked += c.Asked
				live += c.LiveBytes
			}
			require.Equal(t, r.PeakLive, asked, "what is asked for at the peak, by class")
			require.GreaterOrEqual(t, live, asked)
		}
	}
}

func TestSmallTraces(t *testing.T) {
	for name, lines := range map[string]string{
		"nothing":       "",
		"only times":    "@ 0\n@ 5\nT 3\n",
		"nothing large": "a 0\nr 0 0\nf 0\nz 0\nm 0 64\n",
		"leaks":         "a 10\nz 20\nm 30 64\n",
		"grow and fall": "a 1\nr 0 100000\nr 0 1\nr 0 0\nr 0 50\nf 0\n",
		"hand over":     "a 5\nT 1\nr 0 9\nT 2\nr 0 3\nT 0\nf 0\n",
	} {
		for _, free := range []bool{false, true} {
			r := replayed(t, parse(t, lines), Options{Contenders: contender.All(), Runs: 1, Verify: true, FreeRunning: free})
			require.False(t, r.Failed(), "%s: %v", name, r.Results)
			for _, x := range r.Results {
				require.True(t, x.Verified, name)
				require.Len(t, x.Runs, 1)
			}
		}
	}
}

func TestSharedTraces(t *testing.T) {
	for _, name := range []string{"git", "python", "redis", "cc1"} {
		t.Run(name, func(t *testing.T) {
			if (testing.Short() || raceEnabled) && name != "git" && name != "python" {
				t.Skip("only the small ones with -short or -race")
			}
			path := filepath.Join("..", "..", "..", "shared", "traces", name+".alloctrace.gz")
			if _, err := os.Stat(path); err != nil {
				t.Skipf("the shared traces are not beside the repository: %v", err)
			}
			tr, err := trace.Open(path, trace.Options{})
			require.NoError(t, err)
			defer tr.Close()
			if raceEnabled { // where everything takes a hundred times as long
				tr = piece(t, tr, 20_000)
			}
			good(t, replayed(t, tr, Options{Contenders: contender.All(), Runs: 1, Verify: true}), 1)
			if name != "cc1" { // one thread: the same again
				lookaside := contender.All()[:1]
				good(t, replayed(t, tr, Options{Contenders: lookaside, Runs: 1, Verify: true, FreeRunning: true}), 1)
			}
		})
	}
}

// piece is the beginning of a trace.
func piece(t testing.TB, whole *trace.Trace, ops int64) *trace.Trace {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, whole.Cut(&text, 0, ops))
	tr, err := trace.Parse(&text, whole.Name, trace.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tr.Close()) })
	return tr
}

// stopper ends a context in the middle of a pass.
type stopper struct {
	contender.Contender
	left int
	stop func()
}

func (s *stopper) Alloc(n int) ([]byte, error) {
	if s.left--; s.left == 0 {
		s.stop()
	}
	return s.Contender.Alloc(n)
}

func TestInterrupt(t *testing.T) {
	var b strings.Builder
	for range 60_000 {
		b.WriteString("a 16\nT 1\nf 0\nT 0\n")
	}
	tr := parse(t, b.String())
	for _, free := range []bool{false, true} {
		for pass := range 3 {
			ctx, cancel := context.WithCancel(context.Background())
			left := pass*60_000 + 100
			spec := contender.Spec{Name: "stopper", Open: func() (contender.Contender, error) {
				c, err := contender.OpenLookaside()
				s := &stopper{c, left, cancel}
				left -= 60_000
				return s, err
			}}
			r, err := Run(ctx, tr, Options{Contenders: []contender.Spec{spec, contender.All()[1]}, Runs: 3, Verify: true, FreeRunning: free})
			require.NoError(t, err)
			require.True(t, r.Interrupted)
			require.Empty(t, r.Results[0].Failures)
			require.Empty(t, r.Results[0].Runs)
			require.Equal(t, pass > 0, r.Results[0].Verified)
			cancel()
		}
	}
}

func TestProgressGoesFromStartToEnd(t *testing.T) {
	last := -1.0
	calls := 0
	replayed(t, random(t, 20_000, 2), Options{Contenders: contender.All()[:2], Runs: 2, Verify: true, Progress: func(what string, share float64) {
		require.NotEmpty(t, what)
		require.GreaterOrEqual(t, share, last)
		require.LessOrEqual(t, share, 1.0)
		last = share
		calls++
	}})
	require.Equal(t, 1.0, last)
	require.Greater(t, calls, 12)
}

func TestHold(t *testing.T) {
	tr := parse(t, "a 100\na 200\nf 1\nz 300\nr 0 400\nT 1\na 7\n")
	h, err := Hold(context.Background(), tr, contender.All()[0])
	require.NoError(t, err)
	blocks, live := h.Live()
	require.Equal(t, 3, blocks)
	require.EqualValues(t, 607, live)
	require.NoError(t, h.Release())

	h, err = Hold(context.Background(), tr, contender.All()[0])
	require.NoError(t, err)
	h.w.blocks[0][10] ^= 1
	require.ErrorContains(t, h.Release(), "byte 10 was changed by somebody else")

	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("no time")
	cancel(why)
	_, err = Hold(ctx, random(t, 10_000, 1), contender.All()[0])
	require.ErrorIs(t, err, why)
}

func TestOpenRefused(t *testing.T) {
	spec := contender.Spec{Name: "closed", Open: func() (contender.Contender, error) { return nil, errors.New("no memory at all") }}
	r := replayed(t, parse(t, "a 1\n"), Options{Contenders: []contender.Spec{spec}, Runs: 1, Verify: true})
	require.Equal(t, []string{"open: no memory at all"}, r.Results[0].Failures)
	_, err := Hold(context.Background(), parse(t, "a 1\n"), spec)
	require.EqualError(t, err, "no memory at all")
}

func TestMedian(t *testing.T) {
	require.Zero(t, median(nil))
	require.Equal(t, 3.0, median([]float64{3}))
	require.Equal(t, 2.5, median([]float64{4, 1, 3, 2}))
	require.Equal(t, 3.0, median([]float64{9, 1, 3}))
}

// Different blocks have different patterns, at every offset.
func TestPattern(t *testing.T) {
	for n := range 40 {
		for from := range n + 1 {
			whole, parts := make([]byte, n), make([]byte, n)
			fill(whole, 7, 0)
			fill(parts[:from], 7, 0)
			fill(parts, 7, from)
			require.Equal(t, whole, parts)
			_, ok := intact(parts, 7)
			require.True(t, ok)
		}
		for at := range n {
			b := make([]byte, n)
			fill(b, 7, 0)
			b[at] ^= 0x10
			where, ok := intact(b, 7)
			require.False(t, ok)
			require.Equal(t, at, where)
		}
	}
	b := make([]byte, 64)
	fill(b, 1, 0)
	_, ok := intact(b, 2)
	require.False(t, ok)
}
