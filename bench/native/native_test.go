package native

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/bench/trace"
	"offheap.example/lookaside/bench/work"
	"offheap.example/lookaside/bench/work/loops"
)

// built compiles the harness, or skips.
func built(t *testing.T) string {
	t.Helper()
	compiler, err := Compiler()
	if err != nil {
		t.Skip(err)
	}
	program, err := Build(t.Context(), compiler, t.TempDir())
	require.NoError(t, err)
	return program
}

// Every workload in C asks for as many blocks and bytes as its twin in Go.
func TestTwinsDoTheSame(t *testing.T) {
	program := built(t)
	specs := work.Suite(2, work.Tiny)
	sample := filepath.Join("..", "..", "cmd", "allocstat", "sample.alloctrace.gz")
	if tr, err := trace.Open(sample, trace.Options{}); err == nil {
		file := filepath.Join(t.TempDir(), "events of a trace")
		require.NoError(t, work.WriteEvents(file, tr))
		require.NoError(t, tr.Close())
		specs = append(specs, work.TraceSpecs("sample", file, work.Tiny)...)
	}
	for _, s := range specs {
		if s.GoOnly {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			c, err := Shot(t.Context(), program, "", s)
			require.NoError(t, err)
			g, err := loops.Run("lookaside", s)
			require.NoError(t, err)
			require.Equal(t, c.Allocs, c.Frees, "C leaves blocks behind")
			require.Equal(t, g.Ops, c.Ops, "operations")
			require.Equal(t, g.Allocs, c.Allocs, "blocks")
			require.Equal(t, g.Bytes, c.Bytes, "bytes")
			require.Equal(t, g.Live, c.Live, "live bytes")
			require.Equal(t, len(g.Series), len(c.Series), "samples of memory")
			if s.Int("memory") == 0 { // a trace is measured for memory without the clock
				require.Positive(t, c.Ns)
			}
			require.Equal(t, len(g.Bins) > 0, len(c.Bins) > 0)
			require.Positive(t, c.Peak)
		})
	}
}

func TestEveryInstalledAllocatorAnswers(t *testing.T) {
	program := built(t)
	for _, a := range Allocators() {
		t.Run(a.Name, func(t *testing.T) {
			library, err := a.Find()
			if IsMissing(err) {
				t.Skip(err)
			}
			require.NoError(t, err)
			version, err := a.Identify(t.Context(), program, library)
			require.NoError(t, err)
			require.NotEqual(t, a.Answers, version)
			for _, s := range work.Suite(2, work.Tiny) {
				if !s.GoOnly {
					_, err := Shot(t.Context(), program, library, s)
					require.NoError(t, err, s.Name)
				}
			}
		})
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	a := Allocator{"c-none", "libnoneofthese.so*", "libnone-dev", "none "}
	_, err := a.Find()
	require.True(t, IsMissing(err))
	require.EqualError(t, err, "not measured: no libnoneofthese.so (apt install libnone-dev)")

	t.Setenv("PATH", t.TempDir())
	t.Setenv("CC", "")
	_, err = Compiler()
	require.True(t, IsMissing(err))
}

func TestErrorsOfTheHarness(t *testing.T) {
	program := built(t)
	ctx := context.Background()
	_, err := Shot(ctx, program, "", work.Spec{Kind: "knit"})
	require.ErrorContains(t, err, "no such kind of workload")
	_, err = Shot(ctx, program, "", work.Spec{Kind: "trace", File: "/does/not/exist"})
	require.ErrorContains(t, err, "cannot be opened")
	_, err = Allocator{Answers: "mimalloc "}.Identify(ctx, program, "")
	require.ErrorContains(t, err, "malloc is that of glibc")
	_, err = Shot(ctx, filepath.Join(t.TempDir(), "none"), "", work.Spec{Kind: "pair"})
	require.Error(t, err)

	broken := filepath.Join(t.TempDir(), "cc")
	require.NoError(t, os.WriteFile(broken, []byte("#!/bin/sh\necho out of order\nexit 1\n"), 0o755))
	_, err = Build(ctx, broken, t.TempDir())
	require.ErrorContains(t, err, "out of order")
}
