package lookaside_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// story is a sequence that a test lives through and draws: who does what to
// whom, and the figures beside each step, read when the step is done. The
// drawings are in docs/lifetimes.md, which TestLifetimesAreDrawnAsTheyAre
// compares with them.
type story struct {
	lanes   []string
	names   []string
	figures []func() any
	text    strings.Builder
}

const laneWidth = 20

// tell begins a story.
func tell(title string, lanes ...string) *story {
	s := &story{lanes: lanes}
	s.text.WriteString(title + "\n\n")
	return s
}

// watch adds a figure.
func (s *story) watch(name string, f func() any) {
	s.names = append(s.names, name)
	s.figures = append(s.figures, f)
}

// head ends the list of figures.
func (s *story) head() {
	var b strings.Builder
	for _, l := range s.lanes {
		fmt.Fprintf(&b, "%-*s", laneWidth, l)
	}
	for _, n := range s.names {
		fmt.Fprintf(&b, "  %s", n)
	}
	s.line(b.String())
}

func (s *story) line(text string) { s.text.WriteString(strings.TrimRight(text, " ") + "\n") }

// step draws what one lane does to another, or, to itself, alone.
func (s *story) step(from, to int, text string) {
	row := []rune(strings.Repeat(" ", laneWidth*len(s.lanes)))
	at := from * laneWidth
	n := copy(row[at:], []rune(text))
	switch {
	case to > from:
		for i := at + n + 1; i < to*laneWidth-2; i++ {
			row[i] = '─'
		}
		row[to*laneWidth-2] = '▶'
	case to < from:
		row[to*laneWidth] = '◀'
		for i := to*laneWidth + 1; i < at-1; i++ {
			row[i] = '─'
		}
	}
	var b strings.Builder
	b.WriteString(string(row))
	for i, f := range s.figures {
		fmt.Fprintf(&b, "  %-*v", utf8.RuneCountInString(s.names[i]), f())
	}
	s.line(b.String())
}

// end returns the drawing.
func (s *story) end() string { return s.text.String() }

// stories are all that are drawn, in the order of docs/lifetimes.md.
var stories = []struct {
	name string
	live func(t testing.TB) string
}{
	{"S1", liveReceived},
	{"S2", liveForwarded},
	{"S3", liveTheirMemory},
	{"S4a", liveOwnMemory},
	{"S4b", liveWrappedMemory},
	{"S5", liveRounds},
	{"phases", liveTwoPhases},
}

func TestScenarios(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) { require.NotEmpty(t, s.live(t)) })
	}
}

// Every drawing of docs/lifetimes.md is what a test lives through, every figure
// included, and none is missing.
func TestLifetimesAreDrawnAsTheyAre(t *testing.T) {
	text, err := os.ReadFile("docs/lifetimes.md")
	require.NoError(t, err)
	doc := strings.ReplaceAll(string(text), "\r\n", "\n")
	var drawn []string
	for _, part := range strings.Split(doc, "```text\n")[1:] {
		drawing, _, ok := strings.Cut(part, "```")
		require.True(t, ok)
		drawn = append(drawn, drawing)
	}
	require.Len(t, drawn, len(stories))
	for i, s := range stories {
		require.Equal(t, s.live(t), drawn[i], "the drawing of %s in docs/lifetimes.md", s.name)
	}
}
