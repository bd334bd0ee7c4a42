package loops

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/bench/trace"
	"offheap.example/lookaside/bench/work"
)

// events writes the events of the built-in sample, cut short, and returns the file.
func events(t *testing.T) string {
	t.Helper()
	sample := filepath.Join("..", "..", "..", "cmd", "allocstat", "sample.alloctrace.gz")
	if _, err := os.Stat(sample); err != nil {
		t.Skip("no sample trace beside cmd/allocstat")
	}
	tr, err := trace.Open(sample, trace.Options{})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "events")
	require.NoError(t, work.WriteEvents(file, tr))
	require.NoError(t, tr.Close())
	return file
}

// Every workload leaves as much as it found: on lookaside a block that is still
// out is an error of Run, and every heap's tallies must agree.
func TestEveryWorkloadConserves(t *testing.T) {
	specs := append(work.Suite(2, work.Tiny), work.TraceSpecs("sample", events(t), work.Tiny)...)
	bytes := map[string]int64{}
	for _, name := range Names() {
		for _, s := range specs {
			t.Run("impl="+name+"/work="+s.Name, func(t *testing.T) {
				o, err := Run(name, s)
				require.NoError(t, err)
				require.Positive(t, o.Ops)
				require.Equal(t, o.Allocs, o.Frees)
				if s.Int("live") > 0 || s.Kind != "gc" {
					require.Positive(t, o.Allocs)
				}
				if s.Kind == "mstress" {
					return // who gets whose block is a matter of time, but not how many
				}
				if had, ok := bytes[s.Name]; ok {
					require.Equal(t, had, o.Bytes, "another allocator was asked for another sum")
				}
				bytes[s.Name] = o.Bytes
			})
		}
	}
}

func TestEveryKindIsInTheSuite(t *testing.T) {
	used := map[string]bool{"trace": true}
	for _, s := range work.Suite(2, work.Tiny) {
		used[s.Kind] = true
	}
	for _, k := range Kinds() {
		require.True(t, used[k], "no workload uses %s", k)
	}
	require.Len(t, used, len(Kinds()))
}

func TestRunRefuses(t *testing.T) {
	_, err := Run("tcmalloc", work.Spec{Kind: "pair"})
	require.ErrorContains(t, err, `no allocator "tcmalloc"`)
	_, err = Run("lookaside", work.Spec{Kind: "knit"})
	require.ErrorContains(t, err, `no kind of workload "knit"`)
	_, err = Run("lookaside", work.Spec{Kind: "trace", File: filepath.Join(t.TempDir(), "none")})
	require.Error(t, err)
}

// A block that a workload forgets is found when the allocator is closed.
func TestALeakIsFound(t *testing.T) {
	h, err := openLookaside()
	require.NoError(t, err)
	forget := map[string]func(*lookasideHeap, *work.Run){"forget": func(h *lookasideHeap, _ *work.Run) { _, _ = h.Alloc(64) }}
	_, err = run(h, h.close, forget, work.Spec{Kind: "forget"})
	require.ErrorContains(t, err, "64")
}
