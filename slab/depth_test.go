package slab

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/statspage"
)

// tuned is what the properties of the depth rule are tested on: the rule with
// a model of one cache, and a lookaside on one P.
type tuned interface {
	swing(gets int) // so many gets, then as many puts
	tick(now time.Time)
	depth() int
	counts() (gets, refills uint64)
}

// model is one cache over a depot that always has blocks.
type model struct {
	depthRule
	gets, refills uint64
	parked, cap   uint32
}

func newModel(least, most int) *model {
	m := &model{depthRule: depthRule{depth: uint32(least), minDepth: uint32(least), maxDepth: uint32(most)}}
	m.cap = m.depthRule.depth
	return m
}

func (m *model) swing(gets int) {
	for range gets {
		if m.parked == 0 {
			m.refills++
			fetch := m.missed(2)
			m.cap = min(m.depthRule.depth, 2*m.cap)
			m.parked = min(fetch, max(1, m.cap/2))
		}
		m.parked--
		m.gets++
	}
	for range gets {
		if m.parked >= m.cap {
			m.parked -= m.parked - m.cap + m.spill(m.cap)
		}
		m.parked++
	}
}

func (m *model) tick(time.Time) {
	m.step(m.gets, m.refills, 1)
	m.cap = min(m.cap, m.depthRule.depth)
}

func (m *model) depth() int               { return int(m.depthRule.depth) }
func (m *model) counts() (uint64, uint64) { return m.gets, m.refills }

// real is a lookaside.
type real struct {
	*Lookaside
	t   testing.TB
	out [][]byte
}

func (r *real) swing(gets int) {
	for range gets {
		b, err := r.Get()
		if err != nil {
			r.t.Fatal(err)
		}
		r.out = append(r.out, b)
	}
	for len(r.out) > 0 {
		last := len(r.out) - 1
		r.Put(r.out[last])
		r.out = r.out[:last]
	}
}

func (r *real) tick(now time.Time) { r.Tune(now) }
func (r *real) depth() int         { return r.Stats().Depth }

func (r *real) counts() (uint64, uint64) {
	s := r.Stats()
	return s.Gets, s.Refills
}

// eachTuned runs a property on the model and, where nothing but one P moves
// blocks, on a lookaside. Both start at a depth of 4.
func eachTuned(t *testing.T, most int, f func(t *testing.T, d tuned)) {
	t.Run("model", func(t *testing.T) { f(t, newModel(defaultMinDepth, most)) })
	t.Run("lookaside", func(t *testing.T) {
		if raceEnabled || percpu.Current() == percpu.Tokens {
			t.Skip("operations take the slow path at random, or are spread over many caches: misses say nothing")
		}
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		f(t, &real{Lookaside: newLookaside(t, Config{Size: 64, Depth: Depth{Max: most}}), t: t})
	})
}

// busy is one interval: swings until there were 4,000 gets.
func busy(d tuned, swing int) {
	for n := 0; n < 4000; n += swing {
		d.swing(swing)
	}
	d.tick(time.Time{})
}

// T1: whatever the traffic, the depth stays between its bounds.
func TestT1DepthStaysWithinItsBounds(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			eachTuned(t, 256, func(t *testing.T, d tuned) {
				random := rand.New(rand.NewPCG(seed, 1))
				for step := range 300 {
					for range random.IntN(4) {
						d.swing(1 << random.IntN(11))
						require.GreaterOrEqual(t, d.depth(), 4, "step %d", step)
						require.LessOrEqual(t, d.depth(), 256, "step %d", step)
					}
					d.tick(time.Time{})
					require.GreaterOrEqual(t, d.depth(), 4, "step %d", step)
					require.LessOrEqual(t, d.depth(), 256, "step %d", step)
				}
			})
		})
	}
}

// T1 with counts that nobody could have made: the rule alone, any bounds.
func TestT1ForAnyCounts(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 2))
		least := 1 + random.IntN(100)
		r := newModel(least, least+random.IntN(MaxDepth-least)).depthRule
		for range 500 {
			if random.IntN(2) == 0 {
				r.missed(random.Uint32N(4))
			} else {
				r.step(random.Uint64()>>random.IntN(64), random.Uint64()>>random.IntN(64), random.Uint32N(4))
			}
			if r.depth < r.minDepth || r.depth > r.maxDepth {
				t.Fatalf("seed %d: depth %d is not from %d to %d", seed, r.depth, r.minDepth, r.maxDepth)
			}
		}
	}
}

// T2: without gets the depth is at its minimum after Depth.IdleSteps steps,
// wherever it was, and stays there.
func TestT2IdleListsGoToTheMinimum(t *testing.T) {
	require.Equal(t, 9, Depth{}.IdleSteps())
	require.Equal(t, 13, Depth{Max: MaxDepth}.IdleSteps(), "the most that there can be")
	require.Equal(t, 1, Depth{Min: 7, Max: 7}.IdleSteps())
	for most := 4; most <= MaxDepth; most += 1 + most/3 {
		for from := 4; from <= most; from += 1 + from/5 {
			m := newModel(4, most)
			m.depthRule.depth = uint32(from)
			for range (Depth{Max: most}).IdleSteps() {
				m.tick(time.Time{})
			}
			require.Equal(t, 4, m.depth(), "from %d of %d", from, most)
			m.tick(time.Time{})
			require.Equal(t, 4, m.depth())
		}
	}
	eachTuned(t, 256, func(t *testing.T, d tuned) {
		busy(d, 1000)
		require.Equal(t, 256, d.depth())
		for range (Depth{Max: 256}).IdleSteps() {
			d.tick(time.Time{})
		}
		require.Equal(t, 4, d.depth())
	})
}

// T3: traffic whose live set swings by W blocks, W not above the maximum.
// After 2*W+140 steps there is less than one miss in 2,000 gets, and the depth
// is W or, while a probe is under way, W-1: it stays there.
func TestT3DepthFitsTheSwing(t *testing.T) {
	for _, swing := range []int{5, 20, 63, 64, 100, 255, 256} {
		t.Run(fmt.Sprintf("swing=%d", swing), func(t *testing.T) {
			eachTuned(t, 256, func(t *testing.T, d tuned) {
				for range 2*swing + 140 {
					busy(d, swing)
				}
				gets, refills := d.counts()
				probed := 0
				for step := range 256 {
					busy(d, swing)
					require.GreaterOrEqual(t, d.depth(), swing-1, "step %d", step)
					require.LessOrEqual(t, d.depth(), swing, "step %d: no saw-tooth", step)
					if d.depth() < swing {
						probed++
					}
				}
				require.LessOrEqual(t, probed, 256/maxHold+1, "probes are rare")
				endGets, endRefills := d.counts()
				require.Less(t, (endRefills-refills)*2000, endGets-gets)
			})
		})
	}
}

// T3, the other way: when the swing falls the depth follows it down, and when
// it rises again, up at once.
func TestT3DepthFollowsTheSwing(t *testing.T) {
	eachTuned(t, 256, func(t *testing.T, d tuned) {
		for range 400 {
			busy(d, 200)
		}
		require.InDelta(t, 200, d.depth(), 1)
		for range 400 {
			busy(d, 50)
		}
		require.InDelta(t, 50, d.depth(), 1)
		busy(d, 200)
		require.GreaterOrEqual(t, d.depth(), 199, "within one step")
	})
}

// T4: a swing that is much larger than the maximum takes the depth to the
// maximum and keeps it there, but for probes.
func TestT4LargeSwingsGoToTheMaximum(t *testing.T) {
	for _, most := range []int{16, 256, 1000} {
		eachTuned(t, most, func(t *testing.T, d tuned) {
			busy(d, 5*most)
			require.Equal(t, most, d.depth(), "after one step")
			for range 100 {
				busy(d, 5*most)
				require.GreaterOrEqual(t, d.depth(), most-1)
			}
		})
	}
}

// T5: counts that go backwards are a first sample: nothing is made of them.
func TestT5CountsThatGoBackwards(t *testing.T) {
	for _, then := range [][2]uint64{{0, 0}, {999, 500}, {1_000_000, 0}, {0, 5}, {500, 499}} {
		r := newModel(4, 256).depthRule
		r.depth = 100
		r.step(1000, 500, 1)
		require.Equal(t, uint32(100), r.depth, "a first sample")
		idle := r.step(then[0], then[1], 1)
		require.False(t, idle)
		require.Equal(t, uint32(100), r.depth, "counts %v", then)
		r.step(then[0]+10, then[1], 1)
		require.Equal(t, uint32(52), r.depth, "the next one counts from there")
	}
	r := newModel(4, 256).depthRule
	r.depth = 100
	r.step(math.MaxUint64-5, 0, 1)
	r.step(5, 0, 1)
	require.Equal(t, uint32(100), r.depth)
}

// T6: blocks above a lower depth leave a P at its next put, ...
func TestT6BusyCachesShrinkAtTheNextPut(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	l := newLookaside(t, Config{Size: 64, Depth: Depth{Max: 64}})
	d := &real{Lookaside: l, t: t}
	busy(d, 500)
	d.swing(500)
	require.NoError(t, l.PinDepth(8))
	b, err := l.Get()
	require.NoError(t, err)
	l.Put(b)
	l.Put(mustGet(t, l))
	if percpu.Current() == percpu.Tokens {
		t.Skip("operations are spread over many caches")
	}
	l.eachPCache(&l.only, func(_ int, c *statspage.Cache) {
		require.LessOrEqual(t, parkedIn(c), uint32(64/2), "half of the cache went with the put")
	})
	d.swing(20)
	l.eachPCache(&l.only, func(_ int, c *statspage.Cache) {
		require.LessOrEqual(t, parkedIn(c), uint32(8))
	})
	require.NoError(t, l.Audit())
}

// ... and an idle list at the step itself, from every P and from the depot;
// its empty slabs go to the arena.
func TestT6IdleCachesShrinkAtTheStep(t *testing.T) {
	l := newLookaside(t, Config{Size: 64, Depth: Depth{Max: 64}})
	d := &real{Lookaside: l, t: t}
	for range 50 {
		d.swing(500)
	}
	for range (Depth{Max: 64}).IdleSteps() {
		l.Tune(time.Time{})
		caches := 0
		l.eachPCache(&l.only, func(_ int, c *statspage.Cache) {
			caches++
			require.LessOrEqual(t, parkedIn(c), uint32(max(64, l.Stats().Depth)))
		})
		s := l.Stats()
		require.NoError(t, l.Audit())
		if l.only.quiet {
			require.LessOrEqual(t, s.Parked, int64(caches*s.Depth), "the depot is empty, and caches are within the depth")
		}
	}
	s := l.Stats()
	require.Equal(t, 4, s.Depth)
	require.LessOrEqual(t, s.Parked, int64(4*l.high.Load()))
	require.LessOrEqual(t, s.Slabs, int64(l.high.Load())*4, "what parks four blocks a P holds few slabs")
}

// T7: the rule has no clock. The same traffic gives the same depths whatever
// the steps are told, and nothing in the package asks what time it is.
func TestT7NoClock(t *testing.T) {
	moments := []func(i int) time.Time{
		func(int) time.Time { return time.Time{} },
		func(i int) time.Time { return time.Unix(int64(i), 0) },
		func(i int) time.Time { return time.Unix(-1000*int64(i), 0) },
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var want []int
	for n, moment := range moments {
		var d tuned = newModel(4, 256)
		if !raceEnabled && percpu.Current() != percpu.Tokens {
			d = &real{Lookaside: newLookaside(t, Config{Size: 64}), t: t}
		}
		var have []int
		for i := range 60 {
			d.swing(10 * (i % 7))
			d.tick(moment(i))
			have = append(have, d.depth())
		}
		if n == 0 {
			want = have
		}
		require.Equal(t, want, have)
	}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, call := range []string{"time.Now(", "time.Since(", "time.After(", "time.NewTicker(", "time.Sleep("} {
			require.NotContains(t, string(text), call, name)
		}
	}
}

// T8: a depth that was set by hand stays, through bursts and idle steps.
func TestT8PinnedDepth(t *testing.T) {
	l := newLookaside(t, Config{Size: 64, Depth: Depth{Max: 64}})
	d := &real{Lookaside: l, t: t}
	for _, bad := range []int{-1, 65, math.MaxInt} {
		err := l.PinDepth(bad)
		require.ErrorIs(t, err, ErrInvalid)
		require.ErrorContains(t, err, fmt.Sprint(bad))
		require.ErrorContains(t, err, "from 0 to 64")
	}
	for _, depth := range []int{20, 1, 64} {
		require.NoError(t, l.PinDepth(depth))
		for range 30 {
			require.Equal(t, depth, l.Stats().Depth)
			busy(d, 500)
			require.Equal(t, depth, l.Stats().Depth)
			l.Tune(time.Time{})
		}
		require.NoError(t, l.Audit())
	}
	require.NoError(t, l.PinDepth(0))
	require.Equal(t, 4, l.Stats().Depth)
	busy(d, 500)
	require.Greater(t, l.Stats().Depth, 4)
	require.NoError(t, l.Close())
	err := l.PinDepth(4)
	require.True(t, errors.Is(err, ErrClosed), "%v", err)

	fixed := newLookaside(t, Config{Size: 64, Depth: Depth{Min: 12, Max: 12}})
	f := &real{Lookaside: fixed, t: t}
	for range 20 {
		busy(f, 100)
		fixed.Tune(time.Time{})
		require.Equal(t, 12, fixed.Stats().Depth)
	}
}

func mustGet(t testing.TB, l *Lookaside) []byte {
	t.Helper()
	b, err := l.Get()
	require.NoError(t, err)
	return b
}
