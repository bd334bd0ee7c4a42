//go:build linux

package arena

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/sys"
)

// needHugePages skips where the kernel makes no huge pages.
func needHugePages(t testing.TB) {
	t.Helper()
	needMapping(t)
	const name = "/sys/kernel/mm/transparent_hugepage/enabled"
	text, err := os.ReadFile(name)
	if err != nil || strings.Contains(string(text), "[never]") {
		t.Skipf("%s says %q, %v: this kernel makes no huge pages", name, text, err)
	}
}

// TestPrefault: the pages are resident before anybody touches them, and keep what is in them.
func TestPrefault(t *testing.T) {
	for _, v := range variants {
		for _, how := range []string{"by the call", "by touching"} {
			t.Run(v.name+" "+how, func(t *testing.T) {
				if v.heap {
					t.Setenv("LOOKASIDE_BACKING", "heap")
				}
				if how == "by touching" {
					t.Cleanup(sys.SetFault(func(op string) error {
						if op == "advise populate" {
							return syscall.EINVAL // as old kernels say
						}
						return nil
					}))
				}
				a := open(t, v.cfg)
				used := acquire(t, a, 10)
				fill(used, 7)
				before := a.Stats().Resident
				r := acquire(t, a, 500)
				require.NoError(t, a.Prefault(r))
				require.NoError(t, a.Prefault(used))
				if !onHeap() {
					require.GreaterOrEqual(t, a.Stats().Resident, before+int64(500*a.PageSize()))
				}
				require.True(t, isFilled(r.Bytes(), 0))
				require.True(t, isFilled(used.Bytes(), 7))
				audit(t, a)
			})
		}
	}
}

// TestPrefaultIsRefused tells of the kernel's refusal, and of misuse.
func TestPrefaultIsRefused(t *testing.T) {
	a, err := Open(Config{Name: "full"})
	require.NoError(t, err)
	r := acquire(t, a, 3)
	if !onHeap() {
		_, stop := refuse(t, func(op string, _ int) bool { return op == "advise populate" })
		err = a.Prefault(r)
		require.ErrorIs(t, err, ErrExhausted)
		require.ErrorIs(t, err, errInjected)
		require.ErrorContains(t, err, `arena: prefault: 3 pages in "full"`)
		stop()
	}
	a.Release(r)
	for _, gone := range []Run{r, {}} {
		func() {
			defer func() {
				bad, ok := recover().(*MisuseError)
				require.True(t, ok)
				require.Equal(t, "prefault", bad.Op)
			}()
			_ = a.Prefault(gone)
		}()
	}
	acquire(t, a, 1) // the lock is free
	require.NoError(t, a.Close())
}

// hugeRun is the size of the runs of hugeRuns, in bytes.
const hugeRun = 64 << 10

// hugeRuns makes an arena and fills size bytes of it where huge pages are advised, in short runs; low is what lies below.
func hugeRuns(t *testing.T, size int) (a *Arena, low Run, runs []Run) {
	t.Helper()
	needHugePages(t)
	a = open(t, Config{Reserve: 1 << 30})
	low, err := a.AcquireUninitialized(smallBytes / a.PageSize()) // without huge pages
	require.NoError(t, err)
	for range size / hugeRun {
		r, err := a.AcquireUninitialized(hugeRun / a.PageSize())
		require.NoError(t, err)
		fill(r, 1)
		runs = append(runs, r)
	}
	return a, low, runs
}

// TestReleaseLeavesHugePagesWhole: short free ranges, and Release in general, do not break huge pages up; whole ones
// go.
func TestReleaseLeavesHugePagesWhole(t *testing.T) {
	const size = 64 << 20
	a, low, runs := hugeRuns(t, size)
	full, _ := smaps(t, a, "AnonHugePages")
	if full < size/2 {
		t.Skipf("only %d bytes of %d are in huge pages: the kernel has none free", full, size)
	}
	kept := runs[:0]
	for i, r := range runs {
		if i%2 == 0 {
			a.Release(r)
		} else {
			kept = append(kept, r)
		}
	}
	a.Tick(4 * EpochOps)
	now, _ := smaps(t, a, "AnonHugePages")
	require.Equal(t, full, now, "half of every huge page is free, and none was broken up")
	for _, r := range kept[len(kept)/2:] {
		a.Release(r)
	}
	for range 8 {
		a.Tick(EpochOps)
	}
	now, _ = smaps(t, a, "AnonHugePages")
	require.LessOrEqual(t, now, full/2+4*hugePage, "the upper half went")
	require.GreaterOrEqual(t, now, full/2-2*hugePage, "the lower half is as it was")
	s := a.Stats()
	require.Less(t, s.Resident, s.InUse+size/4+8*hugePage)
	require.Positive(t, a.Purge(0))
	s = a.Stats()
	require.Equal(t, s.InUse, s.Committed, "Purge breaks up what it must")
	for _, r := range kept[:len(kept)/2] {
		require.True(t, isFilled(r.Bytes(), 1))
	}
	a.Release(low)
	audit(t, a)
}

// TestHardlyUsedHugePagesGo: what nobody wants any more is given back also from huge pages of which hardly anything is
// in use.
func TestHardlyUsedHugePagesGo(t *testing.T) {
	a, low, runs := hugeRuns(t, 64<<20)
	const every = hugePage / hugeRun
	for i, r := range runs {
		if i%every != every/2 {
			a.Release(r)
		}
	}
	for range 12 {
		a.Tick(EpochOps)
	}
	s := a.Stats()
	require.LessOrEqual(t, s.Committed-s.InUse, int64(2*hugePage))
	for i := every / 2; i < len(runs); i += every {
		require.True(t, isFilled(runs[i].Bytes(), 1))
	}
	a.Release(low)
	audit(t, a)
}

// TestNodeIsBoundBeforeItIsTouched looks at the order of the calls: a page that is touched before mbind may lie
// anywhere.
func TestNodeIsBoundBeforeItIsTouched(t *testing.T) {
	needMapping(t)
	for _, shared := range []bool{false, true} {
		var ops []string
		stop := sys.SetFault(func(op string) error {
			ops = append(ops, op)
			return nil
		})
		a := open(t, Config{Node: OnNode(sys.Nodes()[0]), Shared: shared})
		fill(acquire(t, a, 3), 1)
		stop()
		at := map[string]int{}
		for i, op := range ops {
			if _, seen := at[op]; !seen {
				at[op] = i
			}
		}
		require.Contains(t, at, "bind")
		require.Contains(t, at, "commit")
		require.Less(t, at["bind"], at["commit"])
		first := "reserve"
		if shared {
			first = "mapfile"
		}
		require.Less(t, at[first], at["bind"])
	}
	var ops []string
	stop := sys.SetFault(func(op string) error {
		ops = append(ops, op)
		return nil
	})
	defer stop()
	acquire(t, open(t, Config{}), 1)
	require.NotContains(t, ops, "bind", "any node")
}

// policyAt is what /proc/self/numa_maps says of the mapping that an address lies in.
func policyAt(t *testing.T, addr uintptr) (policy, line string) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/numa_maps")
	if err != nil {
		t.Skipf("this kernel does not tell NUMA policies: %v", err)
	}
	for l := range strings.Lines(string(text)) {
		words := strings.Fields(l)
		from, err := strconv.ParseUint(words[0], 16, 64)
		require.NoError(t, err)
		if from > uint64(addr) {
			break
		}
		policy, line = words[1], l // the kernel may have joined it with the mapping before
	}
	return policy, line
}

// TestNodeInNumaMaps reads back what the kernel was told, on machines of one node as well, and where the pages are.
func TestNodeInNumaMaps(t *testing.T) {
	needMapping(t)
	for _, node := range sys.Nodes() {
		a := open(t, Config{Node: OnNode(node)})
		fill(acquire(t, a, 100), 1)
		policy, line := policyAt(t, uintptr(a.Space().Base))
		require.Equal(t, fmt.Sprintf("bind:%d", node), policy)
		require.Contains(t, line, fmt.Sprintf(" N%d=", node), "the pages are there")
	}
	a := open(t, Config{})
	fill(acquire(t, a, 1), 1)
	policy, _ := policyAt(t, uintptr(a.Space().Base))
	require.Equal(t, "default", policy)
	if n := sys.NumNodes(); n < 2 {
		t.Skipf("this machine has %d NUMA node: that pages come from the node asked for and not from a nearer one is not shown here", n)
	}
}
