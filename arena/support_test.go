package arena

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/sys"
)

// open opens an arena and closes it when the test ends.
func open(t testing.TB, cfg Config) *Arena {
	t.Helper()
	a, err := Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a
}

// acquire acquires a run that must be had.
func acquire(t testing.TB, a *Arena, pages int) Run {
	t.Helper()
	r, err := a.Acquire(pages)
	require.NoError(t, err)
	require.Equal(t, pages, r.Pages())
	require.Len(t, r.Bytes(), pages*a.PageSize())
	return r
}

// fill writes to every byte of a run.
func fill(r Run, with byte) {
	b := r.Bytes()
	b[0] = with
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}

// isFilled tells whether every byte of b is with.
func isFilled(b []byte, with byte) bool {
	return bytes.Count(b, []byte{with}) == len(b)
}

// must fails the test when ok is false. It is for inner loops, where require costs more than what it looks at.
func must(t testing.TB, ok bool, format string, args ...any) {
	if !ok {
		t.Helper()
		t.Fatalf(format, args...)
	}
}

// onHeap tells whether arenas of this test are heap-backed.
func onHeap() bool {
	return heapOnly || !sys.Supported || os.Getenv("LOOKASIDE_BACKING") == "heap"
}

// needMapping skips tests about mapped memory where there is none.
func needMapping(t testing.TB) {
	t.Helper()
	if onHeap() {
		t.Skip("arenas are heap-backed in this build")
	}
}

var errInjected = errors.New("injected refusal")

// refuse makes operations fail as long as when says so, which is given the name and the number of the call.
func refuse(t testing.TB, when func(op string, call int) bool) (calls *int, stop func()) {
	t.Helper()
	calls = new(int)
	stop = sys.SetFault(func(op string) error {
		*calls++
		if when(op, *calls) {
			return errInjected
		}
		return nil
	})
	t.Cleanup(stop)
	return calls, stop
}

// files are the open descriptors of this process that carry our name.
func files(t testing.TB) (names []string) {
	t.Helper()
	dir, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range dir {
		if name, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.Contains(name, "lookaside") {
			names = append(names, name)
		}
	}
	return names
}

// variants are the ways in which an arena can get its pages.
var variants = []struct {
	name  string
	cfg   Config
	heap  bool // ask for the Go heap
	small bool // refuse the whole reserve
}{
	{name: "default"},
	{name: "guard", cfg: Config{Guard: true}},
	{name: "shared", cfg: Config{Shared: true}},
	{name: "shared guard", cfg: Config{Shared: true, Guard: true}},
	{name: "never huge", cfg: Config{Huge: HugeNever}},
	{name: "piecewise", small: true},
	{name: "heap", heap: true},
	{name: "heap guard", heap: true, cfg: Config{Guard: true}},
}

// eachVariant runs a test with every way to get pages.
func eachVariant(t *testing.T, cfg Config, f func(t *testing.T, cfg Config)) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			if v.heap {
				t.Setenv("LOOKASIDE_BACKING", "heap")
			}
			if v.small {
				needMapping(t)
				refused := false
				refuse(t, func(op string, _ int) bool {
					first := op == "reserve" && !refused
					refused = refused || first
					return first
				})
			}
			c := v.cfg
			c.Name, c.Reserve, c.Limit = cfg.Name, cfg.Reserve, cfg.Limit
			f(t, c)
		})
	}
}

func pageSize() int { return sys.PageSize() }
