package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// commandEnv makes the test binary the command.
const commandEnv = "ALLOCSTAT_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(commandEnv) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// command is the command with arguments, not yet started.
func command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), commandEnv+"=1")
	return c
}

// result is what a run of the command left.
type result struct {
	status      int
	out, errout string
}

func run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	c := command(args...)
	var out, errout bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errout
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return result{c.ProcessState.ExitCode(), out.String(), errout.String()}
}

const tiny = "# alloctrace v1\n# prog: tiny\na 100\nz 50\nm 64 64\nT 1\nf 2\nr 1 500\nT 0\nf 0\na 100000\n"

// file writes a trace into a file.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.alloctrace")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestWithoutArguments(t *testing.T) {
	if testing.Short() && raceEnabled {
		t.Skip("short")
	}
	r := run(t, "")
	require.Equal(t, 0, r.status, r.errout)
	require.Empty(t, r.errout, "no progress in a pipe")
	for _, word := range []string{"built-in sample", "lookaside", "goheap", "syncpool", "hit rate", "waste", "allocstat snapshot PID"} {
		require.Contains(t, r.out, word)
	}
	require.NotContains(t, r.out, "FAILED")
	require.NotContains(t, r.out, "\r")
	require.Less(t, len(sample), 300_000)
}

func TestReplay(t *testing.T) {
	for name, args := range map[string][]string{
		"file":         {"replay", "-n", "2", file(t, tiny)},
		"flags behind": {"replay", file(t, tiny), "-n", "2"},
		"stdin":        {"replay", "-n", "2", "-"},
		"free":         {"replay", "-n", "2", "-free-running", "-"},
		"two":          {"replay", "-n", "2", file(t, tiny), file(t, tiny)},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, tiny, args...)
			require.Equal(t, 0, r.status, r.errout)
			require.Empty(t, r.errout)
			require.Contains(t, r.out, "prog: tiny")
			require.Contains(t, r.out, "7 operations, 2 threads")
			require.NotContains(t, r.out, "INTERRUPTED")
			require.Equal(t, name == "free", strings.Contains(r.out, "running freely"))
		})
	}
}

func TestReplayOfOneContender(t *testing.T) {
	r := run(t, tiny, "replay", "-contender", "goheap", "-verify=false", "-n", "1", "-")
	require.Equal(t, 0, r.status, r.errout)
	require.Contains(t, r.out, "not asked")
	require.NotContains(t, r.out, "lookaside")
}

func TestJSON(t *testing.T) {
	r := run(t, tiny, "replay", "-json", "-n", "3", "-")
	require.Equal(t, 0, r.status, r.errout)
	var d document
	dec := json.NewDecoder(strings.NewReader(r.out))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&d))
	require.False(t, dec.More(), "one document")
	require.True(t, d.Verified)
	require.False(t, d.Interrupted)
	require.Equal(t, 1, d.Version)
	require.Len(t, d.Traces, 1)
	require.EqualValues(t, 100_500, d.Traces[0].PeakLive)
	require.Len(t, d.Traces[0].Results, 3)
	for _, x := range d.Traces[0].Results {
		require.Len(t, x.Runs, 3)
		require.True(t, x.Verified)
	}
	require.NotEmpty(t, d.Traces[0].Classes)
	r = run(t, tiny, "replay", "-json", "-verify=false", "-n", "1", "-")
	require.Equal(t, 0, r.status)
	require.Contains(t, r.out, `"verified": false`)
}

// What is wrong with the input or the usage is one line on standard error, exit
// status 2, and nothing on standard output.
func TestBadInput(t *testing.T) {
	good := file(t, tiny)
	bad := file(t, "# alloctrace v1\na 5\nf 0\nf 0\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"replay", bad}, bad + ":4: free of block 0, which is already free"},
		{[]string{"replay", "-json", bad}, bad + ":4: free of block 0, which is already free"},
		{[]string{"replay", good, bad}, bad + ":4: free of block 0, which is already free"},
		{[]string{"replay", "-"}, `stdin:1: empty file: the first line must be "# alloctrace v1"`},
		{[]string{"replay", "/nowhere/x"}, "open /nowhere/x: no such file or directory"},
		{[]string{"replay", "-limit", "100KB", good}, `replay: invalid value "100KB" for flag -limit: no unit "KB": there are KiB, MiB, GiB and TiB`},
		{[]string{"replay", "-limit", "x", good}, `replay: invalid value "x" for flag -limit: must be a number of bytes, such as 4096 or 512MiB`},
		{[]string{"replay", "-limit", "0", good}, `replay: invalid value "0" for flag -limit: must be positive and fit 63 bits`},
		{[]string{"replay", "-limit", "1000", good}, good + ":11: size 100000 exceeds the limit of 1000"},
		{[]string{"replay", "-n", "0", good}, "replay: -n 0: must be 1 to 1000"},
		{[]string{"replay", "-contender", "tcmalloc", good}, `replay: -contender: no contender "tcmalloc": there are lookaside, goheap, syncpool`},
		{[]string{"replay", "-frobnicate"}, "replay: flag provided but not defined: -frobnicate"},
		{[]string{"frobnicate"}, `no command "frobnicate": there are replay, bench, snapshot, cut and help`},
		{[]string{"help", "frobnicate"}, `help: no command "frobnicate": there are replay, bench, snapshot, cut and help`},
		{[]string{"snapshot"}, "snapshot: 0 arguments: must be one, the number of a process"},
		{[]string{"snapshot", "x"}, `snapshot: "x" is no number of a process`},
		{[]string{"snapshot", "-json", "0"}, `snapshot: "0" is no number of a process`},
		{[]string{"cut"}, "cut: 0 files: must be one"},
		{[]string{"cut", "-ops", "0", good}, "cut: -from 0 -ops 0: must be at least 0 and 1"},
		{[]string{"cut", bad}, bad + ":4: free of block 0, which is already free"},
	} {
		t.Run(strings.Join(c.args[:min(2, len(c.args))], " "), func(t *testing.T) {
			r := run(t, "", c.args...)
			require.Equal(t, 2, r.status)
			require.Empty(t, r.out)
			require.Equal(t, "allocstat: "+c.want+"\n", strings.Replace(r.errout, "The system cannot find the path specified.", "no such file or directory", 1))
		})
	}
}

func TestCut(t *testing.T) {
	r := run(t, "", "cut", "-ops", "4", file(t, tiny))
	require.Equal(t, 0, r.status, r.errout)
	require.Equal(t, "# alloctrace v1\n# prog: tiny\n# cut: operations 0 to 4 of x.alloctrace, without those on older blocks\n"+
		"a 100\nz 50\nm 64 64\nT 1\nf 2\n# end: allocs=3 frees=1 reallocs=0 xthread_frees=1 leaked_objs=2\n", r.out)
	again := run(t, r.out, "replay", "-n", "1", "-")
	require.Equal(t, 0, again.status, again.errout)
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"help", "replay"}, {"replay", "-h"}, {"help", "snapshot"}, {"help", "bench"}, {"cut", "-h"}} {
		r := run(t, "", args...)
		require.Equal(t, 0, r.status)
		require.Contains(t, r.out, "allocstat")
		require.Empty(t, r.errout)
	}
}

// Every flag that is there is in the help.
func TestHelpNamesEveryFlag(t *testing.T) {
	for _, name := range []string{"contender", "n", "verify", "free-running", "limit", "json", "hold", "hold-stdin", "q"} {
		require.Contains(t, helpReplay, "-"+name)
	}
}

func TestHoldUntilEndOfInput(t *testing.T) {
	r := run(t, "", "replay", "-n", "1", "-hold-stdin", file(t, tiny))
	require.Equal(t, 0, r.status, r.errout)
	require.Contains(t, r.errout, "holding 2 blocks (98.1 KiB) until the end of standard input; process ")
	require.Contains(t, r.errout, "look with: allocstat snapshot ")
}
