package mdl_test

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/slab"
)

// page is the size of a page.
var page = sys.PageSize()

// openArena opens an arena and closes it when the test ends, when nothing may
// be in use any more.
func openArena(t testing.TB, cfg arena.Config) *arena.Arena {
	t.Helper()
	if cfg.Reserve == 0 {
		cfg.Reserve = 64 << 20
	}
	a, err := arena.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.Zero(t, a.Stats().InUse, "pages of arena %q leaked", a.Name())
		require.NoError(t, a.Close())
	})
	return a
}

// sharedArena is openArena for tests that map; it skips them where arenas have
// no memory file.
func sharedArena(t testing.TB) *arena.Arena {
	t.Helper()
	a := openArena(t, arena.Config{Name: t.Name(), Shared: true})
	if _, ok := a.Fd(); !ok {
		t.Skip("arenas have no memory file here (race builds and platforms other than Linux take pages from the Go heap)")
	}
	return a
}

// onLinux skips tests of what no other platform has.
func onLinux(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("this platform has no such call")
	}
}

// scattered makes a list of n single pages of a, no two of which are adjacent in
// the list's order, each filled with its number.
func scattered(t testing.TB, a *arena.Arena, n int) *mdl.List {
	t.Helper()
	all, err := mdl.AllocatePages(a, int64(n*page), mdl.FullyRequired|mdl.RequireContiguous)
	require.NoError(t, err)
	l := mdl.New()
	for i := n - 1; i >= 0; i-- {
		part, err := all.Partial(i*page, page)
		require.NoError(t, err)
		for m, b := range part.Parts() {
			for k := range b {
				b[k] = byte(i)
			}
			require.NoError(t, l.Append(m, i*page, page))
		}
		part.Release()
	}
	all.Release()
	require.Equal(t, n, l.Segments())
	return l
}

var errInjected = errors.New("injected refusal")

// refuse makes the kernel refuse an operation from its nth call on, the first
// being 0.
func refuse(t testing.TB, operation string, nth int) (stop func()) {
	t.Helper()
	return sys.SetFault(func(op string) error {
		if op != operation {
			return nil
		}
		if nth--; nth < 0 {
			return errInjected
		}
		return nil
	})
}

// lockedNow is what the kernel says this process has locked, in bytes.
func lockedNow(t testing.TB) int64 {
	t.Helper()
	onLinux(t)
	_, n, ok := sys.LockLimit()
	if !ok {
		t.Skip("the limit of locked memory is infinite here, and its use not told")
	}
	return n
}

// mappingsOf counts the lines of /proc/self/maps.
func mappingsOf(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return strings.Count(string(text), "\n")
}

func unbalanced(t testing.TB, op string, err error) {
	t.Helper()
	var e *mdl.MisuseError
	require.ErrorAs(t, err, &e)
	require.Equal(t, mdl.MisuseError{Op: op, Kind: slab.Unbalanced, List: "scatter list"}, *e)
}

// refsOf are the references on the objects of a list.
func refsOf(l *mdl.List) (n []int) {
	for m := range l.Parts() {
		n = append(n, m.Refs())
	}
	return n
}

// objectsOf are the objects of a list.
func objectsOf(l *mdl.List) (all []memory.Object) {
	for m := range l.Parts() {
		all = append(all, m)
	}
	return all
}
