package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// bar is a line on a terminal that tells how far a replay is.
type bar struct {
	out   *os.File // nil: silent
	name  string
	drawn time.Time
	width int
}

// newBar returns a bar that is drawn only if standard error is a terminal.
func (t *tool) newBar(o *replayFlags, name string) *bar {
	b := &bar{name: name}
	if info, err := t.stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && !o.quiet {
		b.out = t.stderr
	}
	return b
}

const barCells = 24

// show draws the bar, at most ten times a second.
func (b *bar) show(what string, share float64) {
	if b.out == nil || time.Since(b.drawn) < 100*time.Millisecond {
		return
	}
	b.drawn = time.Now()
	full := int(share * barCells)
	line := fmt.Sprintf("%s %s%s %3.0f%% %s", b.name,
		strings.Repeat("█", full), strings.Repeat("░", barCells-full), 100*share, what)
	n := len([]rune(line))
	fmt.Fprintf(b.out, "\r%s%s", line, strings.Repeat(" ", max(b.width-n, 0)))
	b.width = n
}

// clear removes the bar.
func (b *bar) clear() {
	if b.out != nil && b.width > 0 {
		fmt.Fprintf(b.out, "\r%s\r", strings.Repeat(" ", b.width))
	}
}
