//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/stats"
)

// longTrace takes long enough to be interrupted.
func longTrace() string {
	return "# alloctrace v1\n" + strings.Repeat("a 1000\nf 0\n", 200_000)
}

func TestInterrupt(t *testing.T) {
	for _, format := range []string{"tables", "json"} {
		args := []string{"replay", "-n", "1000", file(t, longTrace())}
		if format == "json" {
			args = append(args, "-json")
		}
		c := command(args...)
		var out, errout bytes.Buffer
		c.Stdout, c.Stderr = &out, &errout
		require.NoError(t, c.Start())
		time.Sleep(700 * time.Millisecond) // any moment will do
		require.NoError(t, c.Process.Signal(os.Interrupt))
		_ = c.Wait()
		if status := c.ProcessState.ExitCode(); status == -1 {
			t.Skip("the machine was too slow: the signal came before the command had begun")
		}
		require.Equal(t, 130, c.ProcessState.ExitCode(), errout.String())
		require.Equal(t, "allocstat: interrupted\n", errout.String())
		if format == "json" {
			var d document
			require.NoError(t, json.Unmarshal(out.Bytes(), &d))
			require.True(t, d.Interrupted)
			require.True(t, d.Traces[0].Interrupted)
			continue
		}
		require.Contains(t, out.String(), "INTERRUPTED: what follows is what was complete by then.")
	}
}

// A process that holds is seen from outside, running and stopped.
func TestHoldAndSnapshot(t *testing.T) {
	if runtime.GOOS != "linux" || raceEnabled {
		t.Skip("needs published counters: Linux, and no race build")
	}
	c := command("replay", "-n", "1", "-hold", file(t, tiny))
	pipe, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	line, err := bufio.NewReader(pipe).ReadString('\n')
	require.NoError(t, err)
	pid := regexp.MustCompile(`allocstat snapshot (\d+)`).FindStringSubmatch(line)
	require.NotNil(t, pid, line)
	require.Equal(t, strconv.Itoa(c.Process.Pid), pid[1])

	r := run(t, "", "snapshot", pid[1])
	require.Equal(t, 0, r.status, r.errout)
	require.Contains(t, r.out, `arena "replay"`)
	require.Regexp(t, `\nresident: blocks \d+.* KiB, metadata \d.*B, counters \d.*B\n\n`, r.out)
	require.NoError(t, c.Process.Signal(syscall.SIGSTOP))
	r = run(t, "", "snapshot", pid[1], "-json")
	require.Equal(t, 0, r.status, r.errout)
	var all []stats.Snapshot
	require.NoError(t, json.Unmarshal([]byte(r.out), &all))
	require.Len(t, all, 1, "the trace's own arena is closed by then")
	require.Positive(t, all[0].Arena.Resident)
	require.Positive(t, all[0].Arena.MetadataResident)
	require.Positive(t, all[0].Arena.CountersResident)
	require.LessOrEqual(t, all[0].Arena.Resident, all[0].Arena.Committed)
	require.Empty(t, all[0].Arena.ResidentUnknown)
	require.Equal(t, stats.Allocator, all[0].Lists[0].Kind)
	require.EqualValues(t, 2, all[0].Lists[0].Live)
	require.GreaterOrEqual(t, all[0].Lists[0].Gets, uint64(4))

	require.NoError(t, c.Process.Signal(syscall.SIGCONT))
	require.NoError(t, c.Process.Signal(os.Interrupt))
	require.NoError(t, c.Wait())
	r = run(t, "", "snapshot", pid[1])
	require.Equal(t, 2, r.status)
	require.Contains(t, r.errout, "no such file or directory")
}

func TestSnapshotOfSomebodyElse(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	r := run(t, "", "snapshot", strconv.Itoa(os.Getpid()))
	require.Equal(t, 2, r.status)
	require.Equal(t, "allocstat: snapshot: process "+strconv.Itoa(os.Getpid())+" publishes no counters (an arena on the Go heap has none)\n", r.errout)
	require.Empty(t, r.out)
}
