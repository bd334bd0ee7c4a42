package invariant_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/invariant"
	"offheap.example/lookaside/internal/race"
)

func TestRaceBuildsCheck(t *testing.T) {
	require.True(t, invariant.Enabled || !race.Enabled)
}

func TestCheck(t *testing.T) {
	require.NotPanics(t, func() { invariant.Check(true, "test: holds") })
	broken := func() { invariant.Check(false, "test: does not hold") }
	if invariant.Enabled {
		require.PanicsWithValue(t, "invariant violated: test: does not hold", broken)
	} else {
		require.NotPanics(t, broken)
	}
}

func TestSometimes(t *testing.T) {
	const calls = 100_000
	count := func(percent int) (n int) {
		for range calls {
			if invariant.Sometimes(percent) {
				n++
			}
		}
		return n
	}
	for _, never := range []int{0, -1, -100} {
		require.Zero(t, count(never))
	}
	if !invariant.Enabled {
		require.Zero(t, count(100))
		require.Zero(t, count(50))
		return
	}
	for _, always := range []int{100, 101, 1000} {
		require.Equal(t, calls, count(always))
	}
	// Ten standard deviations on either side.
	require.InDelta(t, calls/4, count(25), 1400)
	require.InDelta(t, calls/100, count(1), 320)
}

func TestOnly(t *testing.T) {
	var field invariant.Only[string]
	require.Empty(t, field.Get())
	field.Set("kept")
	if invariant.Enabled {
		require.Equal(t, "kept", field.Get())
	} else {
		require.Empty(t, field.Get())
	}
}

func TestOffCostsNothing(t *testing.T) {
	if invariant.Enabled {
		t.Skip("the checks are on")
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		var field invariant.Only[[]int]
		field.Set(nil)
		invariant.Check(false, "test: off")
	}))
}
