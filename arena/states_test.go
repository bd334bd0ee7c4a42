package arena

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// table reads the table of doc.go whose heading begins with the given words: row, column, cell.
func table(t *testing.T, heading ...string) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var columns []string
	rows := map[string]map[string]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(strings.TrimPrefix(line, "//"))
		switch {
		case columns == nil && strings.Join(words, " ") == strings.Join(heading, " "):
			columns = words
		case columns != nil && len(words) == 0:
			return rows
		case columns != nil:
			require.Len(t, words, len(columns))
			rows[words[0]] = map[string]string{}
			for i, word := range words {
				rows[words[0]][columns[i]] = word
			}
		}
	}
	t.Fatalf("doc.go has no table %q", heading)
	return nil
}

// stateOf is the state of a page as doc.go names it.
func stateOf(a *Arena, page uint32) string {
	p := a.pieces[0]
	_, _, state := a.runAt(p, page)
	switch {
	case page >= p.ever:
		return "reserved"
	case state == PageUsed:
		return "used"
	case state == PageForeign:
		return "guard"
	case p.dirty.has(page):
		return "dirty"
	}
	return "clean"
}

// scene is an arena with one page in a known state, and the run just before that page.
type scene struct {
	a      *Arena
	page   uint32
	before Run // the run that ends, guard page included, at the page, or whose guard page it is
	own    Run // the run that the page belongs to, if it does
}

// stage brings a page into a state.
func stage(t *testing.T, state string) scene {
	a := open(t, Config{Guard: true})
	s := scene{a: a, before: acquire(t, a, 1)}
	s.own = s.before
	s.page = s.before.first + 2
	if state != "reserved" && state != "guard" {
		s.own = acquire(t, a, 1)
		fill(s.own, 1)
		acquire(t, a, 1)
	}
	switch state {
	case "guard":
		s.page = s.before.first + 1
	case "dirty", "clean":
		a.Release(s.own)
		s.own = s.before
	}
	if state == "clean" {
		a.Purge(0)
	}
	require.Equal(t, state, stateOf(a, s.page))
	return s
}

// TestStatesOfAPage crosses every state with every call, and compares what becomes of the page with the table in
// doc.go.
func TestStatesOfAPage(t *testing.T) {
	calls := map[string]func(s scene){
		"Acquire": func(s scene) { acquire(t, s.a, 1) },
		"Extend":  func(s scene) { s.a.Extend(s.before, 3) },
		"Release": func(s scene) { s.a.Release(s.own) },
		"Purge":   func(s scene) { s.a.Purge(0) },
	}
	rows := table(t, "state", "Acquire", "Extend", "Release", "Purge")
	require.Len(t, rows, 5)
	for state, row := range rows {
		for name, call := range calls {
			t.Run(state+" "+name, func(t *testing.T) {
				want, ok := row[name]
				require.True(t, ok)
				if want == "-" {
					want = state
				}
				s := stage(t, state)
				call(s)
				require.Equal(t, want, stateOf(s.a, s.page))
				audit(t, s.a)
			})
		}
	}
}

// TestWhatStatesMean compares the other columns with what can be seen from outside.
func TestWhatStatesMean(t *testing.T) {
	seen := map[string]PageState{
		"reserved": PageForeign, "used": PageUsed, "dirty": PageFree, "clean": PageFree, "guard": PageForeign,
	}
	for state, want := range seen {
		s := stage(t, state)
		p := s.a.pieces[0]
		_, got := s.a.Record(p.at(s.page))
		require.Equal(t, want, got, state)
		if state == "clean" {
			require.True(t, isFilled(p.bytes(s.page, 1), 0))
		}
		if state == "dirty" {
			require.True(t, isFilled(p.bytes(s.page, 1), 1))
		}
	}
}
