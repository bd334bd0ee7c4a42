package arena

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/sys"
)

func TestConfigThatMakesNoSense(t *testing.T) {
	missing := sys.NumNodes() + 4096
	for _, c := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"negative reserve", Config{Reserve: -1}, "arena: open: Reserve -1: must not be negative: invalid argument"},
		{"most negative reserve", Config{Reserve: math.MinInt64},
			"arena: open: Reserve -9223372036854775808: must not be negative: invalid argument"},
		{"huge reserve", Config{Reserve: math.MaxInt64},
			"arena: open: Reserve 9223372036854775807: must not exceed 8796093022208: invalid argument"},
		{"negative limit", Config{Limit: -4096}, "arena: open: Limit -4096: must not be negative: invalid argument"},
		{"limit above reserve", Config{Reserve: 8192, Limit: 8193},
			"arena: open: Limit 8193: must not exceed Reserve, which is 8192: invalid argument"},
		{"limit above the default", Config{Limit: DefaultReserve + 1},
			"arena: open: Limit 68719476737: must not exceed Reserve, which is 68719476736: invalid argument"},
		{"unknown mode", Config{Huge: 7},
			"arena: open: Huge HugeMode(7): must be HugeAdvise, HugeNever or HugeCollapse: invalid argument"},
		{"negative node", Config{Node: OnNode(-1)}, "arena: open: Node -1: must be one of "},
		{"missing node", Config{Node: OnNode(missing)}, "arena: open: Node "},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls, _ := refuse(t, func(string, int) bool { return false })
			a, err := Open(c.cfg)
			require.Nil(t, a)
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorContains(t, err, c.want)
			require.Zero(t, *calls, "the kernel was not asked")
		})
	}
}

func TestConfigDefaultsAndRounding(t *testing.T) {
	a := open(t, Config{Reserve: 1})
	require.Equal(t, "arena", a.Name())
	require.Equal(t, int64(a.PageSize()), a.Stats().Limit)
	r := acquire(t, a, 1)
	_, err := a.Acquire(1)
	require.ErrorIs(t, err, ErrExhausted, "one byte of reserve is one page")
	a.Release(r)

	b := open(t, Config{Name: "named", Limit: 100})
	require.Equal(t, int64(100), b.Stats().Limit)
	_, err = b.Acquire(1)
	require.ErrorIs(t, err, ErrLimit, "a limit below a page allows none")
	require.EqualError(t, err, `arena: acquire: 1 pages in "named": 0 bytes in use, the limit is 100: limit reached`)
}

func TestNodeThatExists(t *testing.T) {
	a, err := Open(Config{Node: OnNode(sys.Nodes()[0])})
	if err != nil {
		require.ErrorIs(t, err, ErrExhausted)
		t.Skipf("this machine does not allow binding: %v", err)
	}
	fill(acquire(t, a, 10), 7)
	require.NoError(t, a.Close())
}

func TestNamesOfValues(t *testing.T) {
	require.Equal(t, "HugeAdvise", HugeAdvise.String())
	require.Equal(t, "HugeNever", HugeNever.String())
	require.Equal(t, "HugeCollapse", HugeCollapse.String())
	require.Equal(t, HugeAdvise, Config{}.Huge)
	require.Equal(t, "any", Node{}.String())
	require.Equal(t, "3", OnNode(3).String())
	require.Equal(t, "foreign", PageForeign.String())
	require.Equal(t, "free", PageFree.String())
	require.Equal(t, "used", PageUsed.String())
	require.Equal(t, "misuse 9", Misuse(9).String())
	require.Equal(t, "misuse 0", Misuse(0).String())
}

func TestArgumentsThatMakeNoSense(t *testing.T) {
	a := open(t, Config{})
	for _, pages := range []int{0, -1, math.MinInt} {
		_, err := a.Acquire(pages)
		require.ErrorIs(t, err, ErrInvalid)
		_, err = a.AcquireUninitialized(pages)
		require.ErrorIs(t, err, ErrInvalid)
	}
	for _, to := range []int{0, -4096, 1, a.PageSize() / 2, a.PageSize() + 1, math.MaxInt} {
		_, err := a.AcquireAligned(1, to)
		require.ErrorIs(t, err, ErrInvalid, "alignment %d", to)
	}
	for _, pages := range []int{math.MaxInt, math.MaxInt32, 1 << 30} {
		_, err := a.Acquire(pages)
		require.ErrorIs(t, err, ErrExhausted)
	}
	for _, n := range []int{0, -1} {
		_, err := a.Metadata(n)
		require.ErrorIs(t, err, ErrInvalid)
	}
	for _, n := range []int{math.MaxInt, math.MaxInt - 63} {
		_, err := a.Metadata(n)
		require.ErrorIs(t, err, ErrExhausted)
	}
	_, err := a.Attach(nil)
	require.ErrorIs(t, err, ErrInvalid)
	require.True(t, errors.Is(err, ErrInvalid))
	audit(t, a)
}
