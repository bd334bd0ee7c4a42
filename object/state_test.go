package object_test

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/object"
)

type ctx struct{ used bool }

// stages makes a fresh object with a parent and a context, brings it to a row
// of the table in doc.go and calls try with it while it is there.
var stages = map[string]func(t *testing.T, try func(object.Object)){
	"live": func(t *testing.T, try func(object.Object)) {
		o := create(t, object.Config{Parent: create(t, object.Config{}), Context: &ctx{}})
		try(o)
	},
	"closing": func(t *testing.T, try func(object.Object)) {
		parent := create(t, object.Config{})
		create(t, object.Config{Parent: parent, Context: &ctx{}, Cleanup: try})
		require.NoError(t, parent.Delete())
	},
	"closed": func(t *testing.T, try func(object.Object)) {
		o := create(t, object.Config{Parent: create(t, object.Config{}), Context: &ctx{}})
		require.NoError(t, o.Ref())
		require.NoError(t, o.Delete())
		try(o)
	},
	"destroyed": func(t *testing.T, try func(object.Object)) {
		o := create(t, object.Config{Parent: create(t, object.Config{}), Context: &ctx{}, Destroy: try})
		require.NoError(t, o.Delete())
	},
	"gone": func(t *testing.T, try func(object.Object)) {
		o := create(t, object.Config{Parent: create(t, object.Config{}), Context: &ctx{}})
		require.NoError(t, o.Delete())
		try(o)
	},
	"none": func(_ *testing.T, try func(object.Object)) { try(object.Object{}) },
}

// word says an outcome in the words of the table.
func word(err error) string {
	switch {
	case err == nil:
		return "yes"
	case errors.Is(err, object.ErrDeleted):
		return "deleted"
	case errors.Is(err, object.ErrInvalid):
		return "invalid"
	}
	return err.Error()
}

func found(ok bool) string {
	if ok {
		return "yes"
	}
	return "none"
}

// events has a column's outcome for an object. Each gets a fresh object.
var events = map[string]func(object.Object) string{
	"refs": func(o object.Object) string { return strconv.Itoa(o.Refs()) },
	"Ref":  func(o object.Object) string { return word(o.Ref()) },
	"Unref": func(o object.Object) (outcome string) {
		before, refs := o.State(), o.Refs()
		defer func() {
			if _, ok := recover().(*object.MisuseError); ok {
				outcome = "misuse"
				if o.State() != before || o.Refs() != refs {
					outcome = "misuse that changes something"
				}
			}
		}()
		o.Unref()
		if o.State() == object.Destroyed && !o.Valid() {
			return "destroys"
		}
		return "yes"
	},
	"Delete": func(o object.Object) string { return word(o.Delete()) },
	"child": func(o object.Object) string {
		if o == (object.Object{}) {
			return "-"
		}
		_, err := object.New(object.Config{Parent: o})
		return word(err)
	},
	"AddContext": func(o object.Object) string {
		_, err := object.AddContext[int](o, object.ContextConfig{})
		return word(err)
	},
	"Adopt":   func(o object.Object) string { return word(o.Adopt(io.NopCloser(nil))) },
	"Context": func(o object.Object) string { _, ok := object.Context[ctx](o); return found(ok) },
	"Parent":  func(o object.Object) string { _, ok := o.Parent(); return found(ok) },
}

// TestStateTable tries every cell of the table in doc.go.
func TestStateTable(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var columns []string
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "//"))
		if len(cells) > 1 && cells[0] == "state" && cells[1] == "refs" {
			columns = cells[1:]
			require.Len(t, columns, len(events))
			continue
		}
		if len(cells) != len(columns)+1 || columns == nil {
			continue
		}
		stage, ok := stages[cells[0]]
		if !ok {
			continue
		}
		rows++
		for i, column := range columns {
			got := "the stage was not reached"
			stage(t, func(o object.Object) {
				got = events[column](o)
			})
			require.Equal(t, cells[i+1], got, "%s: %s", cells[0], column)
		}
	}
	require.Equal(t, len(stages), rows, "rows of the table in doc.go")
}

// TestStateNames brings an object to each row and asks State.
func TestStateNames(t *testing.T) {
	want := map[string]object.State{
		"live": object.Live, "closing": object.Closing, "closed": object.Closed,
		"destroyed": object.Destroyed, "gone": object.Destroyed, "none": object.None,
	}
	require.Len(t, want, len(stages))
	for name, stage := range stages {
		stage(t, func(o object.Object) { require.Equal(t, want[name], o.State(), name) })
	}
}
