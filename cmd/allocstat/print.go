package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"offheap.example/lookaside/bench/replay"
)

// table is rows of cells; the first column is aligned to the left, the others
// to the right.
type table struct{ rows [][]string }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the rows with two spaces between the columns.
func (t *table) print(w io.Writer) {
	var widths []int
	for _, r := range t.rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, r := range t.rows {
		var b strings.Builder
		for i, c := range r {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if i == 0 {
				b.WriteString(c + space)
			} else {
				b.WriteString("  " + space + c)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// printReport writes the tables of one trace.
func printReport(w io.Writer, r *replay.Report, verify bool) {
	fmt.Fprintf(w, "%s\n", r.Trace)
	for _, c := range r.Comments {
		fmt.Fprintf(w, "  %s\n", c)
	}
	order := "in recorded order"
	if r.FreeRunning {
		order = "running freely"
	}
	fmt.Fprintf(w, "  %d operations, %s %s; at the peak %d blocks, %s\n\n",
		r.Ops, plural(r.Threads, "thread"), order, r.PeakBlocks, bytesText(r.PeakLive))
	if r.Interrupted {
		fmt.Fprint(w, "INTERRUPTED: what follows is what was complete by then.\n\n")
	}
	var t table
	t.add("contender", "ops/s", "ns/op", "time", "peak live", "resident", "ratio", "GCs", "pause", "runs", "verified")
	for _, x := range r.Results {
		t.add(resultCells(r, &x, verify)...)
	}
	t.print(w)
	fmt.Fprintln(w)
	printClasses(w, r)
}

// none stands where there is no figure.
const none = "–"

// resultCells is the line of one contender.
func resultCells(r *replay.Report, x *replay.Result, verify bool) []string {
	speed := []string{none, none, none}
	pauses := []string{none, none}
	if len(x.Runs) > 0 {
		speed = []string{rateText(x.OpsPerSecond), fmt.Sprintf("%.1f", x.NsPerOp), fmt.Sprintf("%.2f", x.Ratio)}
		pauses = []string{fmt.Sprintf("%g", x.GCCycles), durationText(x.GCPause)}
	}
	memory := []string{none, none}
	if x.PeakResident >= 0 {
		memory = []string{bytesText(x.PeakResident), fmt.Sprintf("%.2f", x.ResidentRatio)}
	}
	state := "yes"
	switch {
	case len(x.Failures) > 0:
		state = "FAILED"
	case !verify:
		state = "not asked"
	case !x.Verified:
		state = "no"
	}
	cells := append([]string{x.Contender}, speed...)
	cells = append(append(cells, bytesText(r.PeakLive)), memory...)
	return append(append(cells, pauses...), fmt.Sprint(len(x.Runs)), state)
}

// printClasses writes lookaside's size classes.
func printClasses(w io.Writer, r *replay.Report) {
	if len(r.Classes) == 0 {
		return
	}
	fmt.Fprintln(w, "lookaside's size classes at the peak of live bytes")
	var t table
	t.add("size", "live", "parked", "slabs", "gets", "hit rate", "held", "waste")
	var sum replay.Class
	for _, c := range r.Classes {
		size := "large"
		if c.Size > 0 {
			size = fmt.Sprint(c.Size)
		}
		t.add(append([]string{size}, classCells(c)...)...)
		sum.HitRate = sum.HitRate*float64(sum.Gets) + c.HitRate*float64(c.Gets)
		sum.Gets += c.Gets
		sum.HitRate /= max(float64(sum.Gets), 1)
		sum.Live += c.Live
		sum.Parked += c.Parked
		sum.Slabs += c.Slabs
		sum.LiveBytes += c.LiveBytes
		sum.Asked += c.Asked
		sum.HeldBytes += c.HeldBytes
	}
	t.add(append([]string{"all"}, classCells(sum)...)...)
	t.print(w)
	fmt.Fprintln(w)
}

func classCells(c replay.Class) []string {
	waste := none
	if c.LiveBytes > 0 {
		waste = percent(c.Waste())
	}
	return []string{
		fmt.Sprint(c.Live), fmt.Sprint(c.Parked), fmt.Sprint(c.Slabs), fmt.Sprint(c.Gets),
		percent(c.HitRate), bytesText(c.HeldBytes), waste,
	}
}

func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// bytesText is a number of bytes for people.
func bytesText(n int64) string {
	if n < 0 {
		return "-" + bytesText(-n)
	}
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/(1<<10), 0
	for v >= 1023.95 && unit < 4 {
		v, unit = v/(1<<10), unit+1
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGTP"[unit])
}

// rateText is a number per second for people.
func rateText(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.1f M", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.1f k", v/1e3)
	}
	return fmt.Sprintf("%.0f", v)
}

// durationText is a time in three digits or so.
func durationText(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d == 0:
		return "0"
	}
	return d.Round(time.Microsecond).String()
}
