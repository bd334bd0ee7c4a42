package main

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/bench/contender"
	"offheap.example/lookaside/bench/replay"
	"offheap.example/lookaside/bench/trace"
	"offheap.example/lookaside/stats"
)

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", -2048: "-2.0 KiB", 1 << 20: "1.0 MiB", 1<<20 - 1: "1.0 MiB",
		3 << 29: "1.5 GiB", 1 << 40: "1.0 TiB", 1 << 50: "1.0 PiB", 1 << 62: "4096.0 PiB",
	} {
		require.Equal(t, want, bytesText(n))
	}
}

func TestOtherTexts(t *testing.T) {
	require.Equal(t, "12.3 M", rateText(12.34e6))
	require.Equal(t, "12.3 k", rateText(12345))
	require.Equal(t, "12", rateText(12.3))
	require.Equal(t, "0", durationText(0))
	require.Equal(t, "12µs", durationText(12345))
	require.Equal(t, "12.35ms", durationText(12345678))
	require.Equal(t, "12.35s", durationText(12345678901))
	require.Equal(t, "1 thread", plural(1, "thread"))
	require.Equal(t, "2 threads", plural(2, "thread"))
}

func TestSize(t *testing.T) {
	for text, want := range map[string]size{"4096": 4096, "4096B": 4096, "1K": 1024, "1KiB": 1024, "2MiB": 2 << 20, "3G": 3 << 30, "1TiB": 1 << 40} {
		var s size
		require.NoError(t, s.Set(text))
		require.Equal(t, want, s)
	}
	for _, text := range []string{"", "K", "-1", "0", "1.5M", "9223372036854775807K", "1KK", "1iB", "1 K", "1MB"} {
		var s size
		require.Error(t, s.Set(text), text)
	}
	require.Positive(t, memory())
}

// The failing contender is named in the table, on standard error and in the
// exit status.
func TestFailureShows(t *testing.T) {
	spec := contender.Spec{Name: "broken", Open: func() (contender.Contender, error) {
		c, err := contender.OpenGoHeap()
		return &broken{c}, err
	}}
	var out bytes.Buffer
	errout, err := os.CreateTemp(t.TempDir(), "stderr")
	require.NoError(t, err)
	defer errout.Close()
	tl := &tool{ctx: t.Context(), stdout: &out, stderr: errout}
	tr, err := trace.Open(file(t, tiny), trace.Options{})
	require.NoError(t, err)
	o := &replayFlags{runs: 1, verify: true}
	require.Equal(t, 1, tl.replayAll(o, []contender.Spec{spec}, []*trace.Trace{tr}))
	require.Contains(t, out.String(), "FAILED")
	text, err := os.ReadFile(errout.Name())
	require.NoError(t, err)
	require.Contains(t, string(text), "broken: block 1 of 50 bytes must read zero: byte 7 is 0x01\n")
}

type broken struct{ contender.Contender }

func (b *broken) AllocZeroed(n int) ([]byte, error) {
	x := make([]byte, n)
	x[7] = 1
	return x, nil
}

// Columns stand under each other, words to the left and figures to the right.
func TestTable(t *testing.T) {
	var tab table
	tab.add("name", "x", "yy")
	tab.add("a", "100", "µ")
	var out bytes.Buffer
	tab.print(&out)
	require.Equal(t, "name    x  yy\na     100   µ\n", out.String())
}

func TestReportWithoutRuns(t *testing.T) {
	var out bytes.Buffer
	printReport(&out, &replay.Report{Trace: "x", Threads: 1, Interrupted: true,
		Results: []replay.Result{{Contender: "c", PeakResident: -1}}}, true)
	require.Contains(t, out.String(), "INTERRUPTED")
	require.Regexp(t, `c +– +– +– +0 B +– +– +– +– +0 +no\n`, out.String())
}

func TestBarIsSilentInAFile(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "stderr")
	require.NoError(t, err)
	defer f.Close()
	b := (&tool{stderr: f}).newBar(&replayFlags{}, "x")
	b.show("y", 0.5)
	b.clear()
	info, err := f.Stat()
	require.NoError(t, err)
	require.Zero(t, info.Size())
	loud := &bar{out: f, name: "x"}
	loud.show("y", 0.5)
	loud.show("y", 0.6) // too soon
	loud.drawn = time.Time{}
	loud.show("", 1)
	loud.clear()
	text, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.Equal(t, 4, bytes.Count(text, []byte("\r")))
	require.Contains(t, string(text), " 50% y")
	require.Contains(t, string(text), "100%")
}

func TestPrintSnapshotTellsWhatIsUnknown(t *testing.T) {
	var b bytes.Buffer
	printSnapshot(&b, stats.Snapshot{Arena: stats.Arena{
		Resident: -1, MetadataResident: -1, CountersResident: 4096, ResidentUnknown: "the reason"}})
	require.Contains(t, b.String(), "\nresident: blocks unknown, metadata unknown, counters 4.0 KiB\nthe reason\n\nlist")
}
