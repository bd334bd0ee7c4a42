package arena

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/sys"
)

// exercise uses everything that asks the kernel, and goes on after refusals. It returns the first of them.
func exercise(t *testing.T, cfg Config) (first error) {
	t.Helper()
	note := func(err error) {
		if err != nil {
			require.ErrorIs(t, err, ErrExhausted)
			require.ErrorIs(t, err, errInjected)
			if first == nil {
				first = err
			}
		}
	}
	a, err := Open(cfg)
	note(err)
	if err != nil {
		require.Nil(t, a)
		return first
	}
	var runs []Run
	for _, pages := range []int{1, 500, 3, 600, 20} {
		r, err := a.Acquire(pages)
		note(err)
		audit(t, a)
		if err == nil {
			require.True(t, isFilled(r.Bytes(), 0))
			fill(r, byte(len(runs)+1))
			runs = append(runs, r)
		}
	}
	_, err = a.Metadata(100)
	note(err)
	_, err = a.Metadata(1 << 20)
	note(err)
	for i, r := range runs {
		require.True(t, isFilled(r.Bytes(), byte(i+1)), "runs handed out stay valid")
		if i == 0 {
			if grown, ok := a.Extend(r, 2); ok {
				r = grown
			}
		}
		a.Release(r)
		audit(t, a)
	}
	a.Purge(0)
	audit(t, a)
	r, err := a.AcquireAligned(5, 16*a.PageSize())
	note(err)
	if err == nil {
		require.True(t, isFilled(r.Bytes(), 0), "what could not be dropped is cleared")
	}
	a.Stats()
	require.NoError(t, a.Close())
	return first
}

// TestRefusalAtEveryCall refuses each call to the kernel in turn, alone and with all that follow: nothing may be left
// behind, and everything handed out must stay valid.
func TestRefusalAtEveryCall(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			if v.heap {
				t.Setenv("LOOKASIDE_BACKING", "heap")
			}
			cfg := v.cfg
			cfg.Reserve = 256 << 20
			if v.name == "default" && sys.Supported {
				cfg.Node = OnNode(sys.Nodes()[0])
			}
			all, stop := refuse(t, func(string, int) bool { return false })
			require.NoError(t, exercise(t, cfg))
			stop()
			seen := 0
			for _, forever := range []bool{false, true} {
				for at := 1; at <= *all; at++ {
					what := ""
					_, stop := refuse(t, func(op string, call int) bool {
						if call == at {
							what = op
						}
						return call == at || forever && call > at
					})
					if err := exercise(t, cfg); err != nil {
						seen++
					}
					stop()
					requireNothingLeft(t, fmt.Sprintf("call %d, %s, forever %v", at, what, forever))
				}
			}
			require.Positive(t, seen, "some refusals must show")
		})
	}
}

// requireNothingLeft looks for mappings and files of ours.
func requireNothingLeft(t *testing.T, what string) {
	t.Helper()
	require.Zero(t, sys.Held(), what)
	if runtime.GOOS == "linux" {
		require.Empty(t, files(t), what)
	}
}

// mappings counts the mappings of this process, everybody's.
func mappings(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	text, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return bytes.Count(text, []byte("\n"))
}

// TestManyOpensAndClosesLeaveNothing opens and closes a thousand arenas.
func TestManyOpensAndClosesLeaveNothing(t *testing.T) {
	n := 1000
	if testing.Short() || heapOnly {
		n = 100
	}
	before := mappings(t)
	for i := range n {
		a, err := Open(Config{Name: "brief", Shared: i%2 == 0, Guard: i%3 == 0})
		require.NoError(t, err)
		r, err := a.Acquire(2)
		require.NoError(t, err)
		fill(r, 1)
		_, err = a.Metadata(64)
		require.NoError(t, err)
		require.NoError(t, a.Close())
	}
	requireNothingLeft(t, "after closing all")
	require.Less(t, mappings(t), before+50, "the Go runtime may have mapped some")
}

// TestConfigErrorsLeaveNothing: a refused Config maps nothing.
func TestConfigErrorsLeaveNothing(t *testing.T) {
	_, err := Open(Config{Reserve: 4096, Limit: 1 << 20, Shared: true})
	require.ErrorIs(t, err, ErrInvalid)
	requireNothingLeft(t, "after a Config that makes no sense")
}

// TestPieces grows an arena whose reserve was refused piece by piece, and uses all of them.
func TestPieces(t *testing.T) {
	for _, heap := range []bool{false, true} {
		t.Run(fmt.Sprintf("heap=%v", heap), func(t *testing.T) {
			each := 9 << 20
			if heap || heapOnly {
				t.Setenv("LOOKASIDE_BACKING", "heap")
				each = 1 << 20
			}
			sizes := 0
			refuse(t, func(op string, call int) bool {
				sizes++
				return op == "reserve" && call == 1 && !onHeap()
			})
			a := open(t, Config{Name: "pieces", Reserve: 1 << 30})
			require.True(t, a.Stats().Piecewise)
			require.Zero(t, a.Stats().Reserved, "pieces are mapped when they are needed")
			require.Zero(t, a.Space())
			var runs []Run
			for range 20 {
				r, err := a.AcquireUninitialized(each / a.PageSize())
				require.NoError(t, err)
				r.Bytes()[0], r.Bytes()[each-1] = 1, 2
				runs = append(runs, r)
				audit(t, a)
			}
			s := a.Stats()
			require.Greater(t, s.Pieces, 2)
			require.Less(t, s.Reserved, int64(400<<20))
			pages := map[int64]bool{}
			for _, r := range runs {
				place, ok := a.Locate(r.Bytes())
				require.True(t, ok)
				require.Equal(t, PageUsed, place.State)
				require.False(t, pages[place.Page])
				pages[place.Page] = true
			}
			big, err := a.AcquireUninitialized(100 << 20 / a.PageSize())
			require.NoError(t, err, "a run longer than a piece gets a piece of its own")
			a.Release(big)
			for _, r := range runs {
				a.Release(r)
			}
			audit(t, a)
			_, err = a.Acquire(1 << 30 / a.PageSize())
			require.ErrorIs(t, err, ErrExhausted, "the pieces do not hold it together")
		})
	}
}

// TestPiecesHalve: where the kernel gives no 64 MiB at once, smaller pieces do.
func TestPiecesHalve(t *testing.T) {
	needMapping(t)
	refusals := 4
	refuse(t, func(op string, _ int) bool {
		if op == "reserve" && refusals > 0 {
			refusals--
			return true
		}
		return false
	})
	a := open(t, Config{Reserve: 1 << 30})
	acquire(t, a, 1)
	require.Equal(t, int64(pieceLeast/8), a.Stats().Reserved)
}

// TestCommitAsksForLess: where the kernel refuses to make a whole step accessible, just what is needed may do.
func TestCommitAsksForLess(t *testing.T) {
	commits := 0
	refuse(t, func(op string, _ int) bool {
		if op == "commit" {
			commits++
		}
		return op == "commit" && commits == 1
	})
	a := open(t, Config{})
	fill(acquire(t, a, 3), 1)
	require.Equal(t, 2, commits)
	require.Equal(t, uint32(3), a.pieces[0].ready)
	audit(t, a)
}

// TestGuardPageThatCannotBeCleaned: a dirty page is not made a guard page with its old bytes; the run is refused, and
// everything is as before.
func TestGuardPageThatCannotBeCleaned(t *testing.T) {
	for _, v := range variants {
		if !v.cfg.Guard {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			if v.heap {
				t.Setenv("LOOKASIDE_BACKING", "heap")
			}
			a := open(t, v.cfg)
			r := acquire(t, a, 8)
			fill(r, 1)
			a.Release(r)
			before := a.Stats()
			_, stop := refuse(t, func(op string, _ int) bool { return op == "advise dontneed" || op == "punch" })
			_, err := a.Acquire(3)
			require.ErrorIs(t, err, ErrExhausted)
			require.ErrorIs(t, err, errInjected)
			after := a.Stats()
			require.Equal(t, before.Committed, after.Committed)
			require.Equal(t, before.Free, after.Free)
			require.Zero(t, after.Guarded)
			audit(t, a)
			stop()
			require.True(t, isFilled(acquire(t, a, 3).Bytes(), 0))
			audit(t, a)
		})
	}
}
