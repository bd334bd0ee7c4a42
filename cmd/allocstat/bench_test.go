package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/bench/native"
	"offheap.example/lookaside/bench/record"
	"offheap.example/lookaside/bench/work"
)

// benched runs the command in this process.
func benched(args ...string) (status int, out, errout string) {
	var o, e bytes.Buffer
	status = benchCommand(args, &o, &e)
	return status, o.String(), e.String()
}

func TestBenchRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.alloctrace")
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"-nonsense"}, "flag provided but not defined"},
		{[]string{"-n", "0"}, "-n 0: must be 1 to 1000"},
		{[]string{"-n", "1001"}, "-n 1001: must be 1 to 1000"},
		{[]string{"larson"}, `"larson" is no flag`},
		{[]string{"-work", "larsen"}, `-work: no workload "larsen": there are pair-64`},
		{[]string{"-work", "["}, "syntax error in pattern"},
		{[]string{"-against", "hoard"}, `-against: no contender "hoard": there are lookaside, goheap`},
		{[]string{"-against", "["}, "syntax error in pattern"},
		{[]string{"-trace", missing, "-work", "trace"}, "none.alloctrace"},
		{[]string{"-trace", "a/x.gz", "-trace", "b/x.alloctrace"}, "two traces are named x"},
	} {
		status, out, errout := benched(row.args...)
		require.Equal(t, exitUsage, status, "%v", row.args)
		require.Empty(t, out, "%v", row.args)
		require.Contains(t, errout, row.want, "%v", row.args)
		require.True(t, strings.HasPrefix(errout, "allocstat: bench: "), errout)
	}
}

func TestBenchHelpAndList(t *testing.T) {
	status, out, errout := benched("-h")
	require.Equal(t, exitOK, status)
	require.Empty(t, errout)
	require.Equal(t, helpBench, out)
	status, out, _ = benched("-list", "-against", "c-*")
	require.Equal(t, exitOK, status)
	for _, s := range work.Suite(runtime.GOMAXPROCS(0), work.Full) {
		require.Contains(t, out, s.Name)
	}
	require.Contains(t, out, "trace-sample-memory")
	require.Contains(t, out, "c-jemalloc (c)")
	require.NotContains(t, out, "mcache")
}

// shortTrace is a trace of a few hundred events.
func shortTrace(t *testing.T) string {
	t.Helper()
	return file(t, "# alloctrace v1\n"+strings.Repeat("a 100\na 20\nz 4000\nf 1\nr 2 300\nf 0\nf 2\n", 50))
}

// Workloads of all kinds of metrics, interleaved, with all files.
func TestBenchWritesRecords(t *testing.T) {
	dir := t.TempDir()
	page, data := filepath.Join(dir, "page.html"), filepath.Join(dir, "data.json")
	status, out, errout := benched("-tiny", "-in-process", "-n", "2", "-work", "micro,larson,latency,memory,collector,trace", "-against", "goheap", "-trace", shortTrace(t), "-json", data, "-html", page, "-out", filepath.Join(dir, "record"))
	require.Equal(t, exitOK, status, errout)
	f, err := os.Open(data)
	require.NoError(t, err)
	defer f.Close()
	r, err := record.Read(f)
	require.NoError(t, err)
	require.Equal(t, 2, r.Rounds)
	require.Equal(t, "tiny", r.Scale)
	require.NotEmpty(t, r.Commit)
	require.Greater(t, len(r.Works), 15)
	for _, w := range r.Works {
		require.Len(t, w.Results, 2, w.Name)
		for _, x := range w.Results {
			require.Empty(t, x.Failed)
			require.NotEmpty(t, x.Values)
			for m, v := range x.Values {
				require.Len(t, v, 2, "%s of %s on %s", m, w.Name, x.Contender)
			}
		}
		require.Contains(t, out, "\n"+w.Name+": ")
	}
	require.Contains(t, out, "pair, 64 B, against make")
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(html), "larson")
	for _, ext := range []string{".json", ".html"} {
		_, err := os.Stat(filepath.Join(dir, "record", r.Path()+ext))
		require.NoError(t, err)
	}
	require.NotContains(t, string(html)+out, dir, "a folder of this machine")
}

// Shots in processes of their own, of Go and of C, and JSON instead of tables.
func TestBenchInProcessesOfItsOwn(t *testing.T) {
	against := "goheap"
	if _, err := native.Compiler(); err == nil {
		against += ",c-*"
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	r := run(t, "", "bench", "-tiny", "-n", "1", "-work", "pair-64,larson,grow-shrink,trace", "-against", against, "-trace", shortTrace(t), "-json", "-")
	require.Equal(t, exitOK, r.status, r.errout)
	var got record.Record
	require.NoError(t, json.Unmarshal([]byte(r.out), &got), "nothing but JSON")
	require.Len(t, got.Works, 5)
	for _, w := range got.Works {
		for _, x := range w.Results {
			require.Empty(t, x.Failed, "%s on %s", w.Name, x.Contender)
		}
	}
	measured := 0
	for _, c := range got.Contenders {
		if c.Missing == "" {
			measured++
		} else {
			require.Contains(t, c.Missing, "not measured: no ")
		}
	}
	require.Len(t, got.Works[0].Results, measured)
}

// Without a compiler, a go command and a checkout everything but the module's own
// contenders is missing, and that is no failure.
func TestBenchSaysWhatIsMissing(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATH", t.TempDir())
	t.Setenv("CC", "")
	status, out, errout := benched("-tiny", "-in-process", "-n", "1", "-work", "pair-64", "-against", "*")
	require.Equal(t, exitOK, status, errout)
	for _, name := range []string{"c-glibc", "c-mimalloc", "c-jemalloc", "c-tcmalloc"} {
		if runtime.GOOS == "linux" {
			require.Contains(t, out, name+": not measured: no C compiler (apt install gcc libc6-dev)\n")
		} else {
			require.Contains(t, out, name+": not measured: no Linux")
		}
	}
	for _, name := range []string{"modernc", "mcache", "bytebufferpool", "go-buffer-pool", "arrow", "grpc-mem", "cgo-mimalloc", "cgo-jemalloc"} {
		require.Contains(t, out, name+": not measured: no bench/rivals here (run it in a checkout, or name the folder with -rivals)\n")
	}
	require.Contains(t, out, "mimalloc by cgo")

	module := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(module, "go.mod"), nil, 0o644))
	_, out, _ = benched("-tiny", "-in-process", "-n", "1", "-work", "pair-64", "-against", "mcache", "-rivals", module)
	require.Contains(t, out, "mcache: not measured: no go command (install Go, to build the rivals)\n")
	_, out, _ = benched("-tiny", "-in-process", "-n", "1", "-work", "pair-64", "-against", "mcache", "-rivals", t.TempDir())
	require.Contains(t, out, "mcache: not measured: no go.mod")
}

func TestOneShot(t *testing.T) {
	status, out, _ := benched("-shot", "lookaside", "pair n=100 t=2 size=64")
	require.Equal(t, exitOK, status)
	o, err := work.ReadOutcome(strings.NewReader(out))
	require.NoError(t, err)
	require.EqualValues(t, 100, o.Ops)
	for _, line := range []string{"", "knit n=1", "pair n"} {
		status, out, _ = benched("-shot", "lookaside", line)
		require.Equal(t, exitFailed, status)
		require.True(t, strings.HasPrefix(out, "error "), out)
	}
}

// A contender that fails is told and left out; only lookaside's failure is the
// command's.
func TestBenchTellsFailures(t *testing.T) {
	var out, errout bytes.Buffer
	b := &bench{ctx: t.Context(), o: &benchFlags{rounds: 2}, stdout: &out, stderr: &errout}
	count := 0
	good := func() (work.Outcome, error) { return work.Outcome{Ops: 1, Ns: 5}, nil }
	b.fighters = []*fighter{
		fighterOf(record.Self, good),
		fighterOf("leaky", func() (work.Outcome, error) { count++; return work.Outcome{Ops: 1, Ns: 5, Allocs: 3, Frees: 2}, nil }),
	}
	spec := work.Suite(1, work.Tiny)[0]
	b.measure(spec)
	require.False(t, b.failed)
	require.Equal(t, 1, count, "it is not asked again")
	require.Contains(t, errout.String(), "pair-64 on leaky: 3 blocks were allocated and 2 freed")
	require.Contains(t, out.String(), "leaky")
	b.fighters[0] = fighterOf(record.Self, func() (work.Outcome, error) { return work.Outcome{}, os.ErrClosed })
	b.measure(spec)
	require.True(t, b.failed)
}

func fighterOf(name string, shot func() (work.Outcome, error)) *fighter {
	return &fighter{
		info: record.Contender{Name: name, Language: "go"},
		shot: func(context.Context, work.Spec) (work.Outcome, error) { return shot() },
	}
}
