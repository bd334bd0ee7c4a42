package testkit

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every way in which a child can end is told apart.
func TestChild(t *testing.T) {
	Child(t, "returns", Survived, func() {})
	Child(t, "panics with an error", Panicked("broken at 0x?"), func() {
		panic(fmt.Errorf("broken at %#x", 0xc0ffee))
	})
	Child(t, "exits", Death{Status: 7, Line: "first"}, func() {
		fmt.Fprintln(os.Stderr, "first\nsecond")
		os.Exit(7)
	})
	t.Run("in a part/with a name (of its own)", func(t *testing.T) {
		Child(t, "panics", Panicked("below"), func() { panic(errors.New("below")) })
	})
}

// What a crime does to its process is found: the comparison can fail.
func TestChildCanFail(t *testing.T) {
	if InChild() {
		commit(func() { panic(errors.New("something else")) })
	}
	got, stderr := spawn(t, "any")
	require.Equal(t, Panicked("something else"), got)
	require.NotEqual(t, Survived, got)
	require.Contains(t, stderr, "goroutine")
}

func TestExactly(t *testing.T) {
	require.Equal(t, `^TestA$`, exactly("TestA"))
	require.Equal(t, `^TestA$/^b\.c$/^d_\(e\)$`, exactly("TestA/b.c/d_(e)"))
}

func TestMasked(t *testing.T) {
	require.Equal(t, "at 0x?, not 0x? or 12", Masked("at 0xc000123, not 0x0 or 12"))
}

func TestGuarded(t *testing.T) {
	cause := errors.New("cause")
	require.NoError(t, Guarded(func() {}))
	require.ErrorIs(t, Guarded(func() { panic(cause) }), cause)
	require.EqualError(t, Guarded(func() { panic("words") }), "panic: words")
}

func TestSeed(t *testing.T) {
	t.Setenv(SeedVariable, "")
	require.NotZero(t, Seed(t))
	t.Setenv(SeedVariable, "12345")
	require.Equal(t, uint64(12345), Seed(t))
	t.Setenv(SeedVariable, "0x10")
	require.Equal(t, uint64(16), Seed(t))
	a, b := Bytes(Rand(1, 2), 64), Bytes(Rand(1, 2), 64)
	require.Equal(t, a, b)
	require.NotEqual(t, a, Bytes(Rand(1, 3), 64), "another stream")
}

func TestFlapProcs(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	stop := FlapProcs(4)
	seen := map[int]bool{}
	for deadline := time.Now().Add(20 * time.Second); len(seen) < 4 && time.Now().Before(deadline); {
		seen[runtime.GOMAXPROCS(0)] = true
		time.Sleep(50 * time.Microsecond)
	}
	stop()
	stop()
	require.Len(t, seen, 4)
	require.Equal(t, before, runtime.GOMAXPROCS(0))
}

const smaps = `7f0000000000-7f0000400000 rw-p 00000000 00:00 0                          [anon:lookaside:a b]
Size:               4096 kB
Rss:                  12 kB
Swap:                  3 kB
VmFlags: rd wr mr mw me ac sd
7f0000400000-7f0000500000 ---p 00000000 00:00 0
Size:               1024 kB
Rss:                 100 kB
7f0000600000-7f0000601000 rw-s 00000000 00:01 77                         /memfd:lookaside:a (deleted)
Size:                  4 kB
Rss:                   4 kB
`

func TestSumMappings(t *testing.T) {
	for _, row := range []struct {
		name string
		want Mapping
	}{
		{"lookaside:a", Mapping{Count: 2, Size: 4100 << 10, Resident: 16 << 10, Swapped: 3 << 10}},
		{"lookaside:a b", Mapping{Count: 1, Size: 4096 << 10, Resident: 12 << 10, Swapped: 3 << 10}},
		{"memfd", Mapping{Count: 1, Size: 4 << 10, Resident: 4 << 10}},
		{"nothing", Mapping{}},
	} {
		got, err := sumMappings(strings.NewReader(smaps), row.name)
		require.NoError(t, err)
		require.Equal(t, row.want, got, row.name)
	}
	for _, bad := range []string{"Rss: 12 pages", "Rss: many kB", "Rss:"} {
		_, err := sumMappings(strings.NewReader("1-2 rw-p 0 0:0 0 x\n"+bad+"\n"), "x")
		require.Error(t, err, bad)
	}
}

func TestMapped(t *testing.T) {
	m := Mapped(t, "[stack]")
	require.Equal(t, 1, m.Count)
	require.Positive(t, m.Resident)
	require.GreaterOrEqual(t, m.Size, m.Resident)
}
