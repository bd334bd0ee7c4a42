package ioreq_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// hand is a target that does nothing by itself.
type hand struct {
	has     []*ioreq.Request
	told    int
	prepare func(*ioreq.Request) error
	submit  func(*ioreq.Request) error
	cancel  func(*ioreq.Request) bool
}

func (h *hand) Prepare(r *ioreq.Request) error {
	if h.prepare != nil {
		return h.prepare(r)
	}
	return nil
}

func (h *hand) Submit(r *ioreq.Request) error {
	if h.submit != nil {
		if err := h.submit(r); err != nil {
			return err
		}
	}
	h.has = append(h.has, r)
	return nil
}

func (h *hand) Cancel(r *ioreq.Request) bool {
	h.told++
	return h.cancel == nil || h.cancel(r)
}

// finish completes the request that h has had longest.
func (h *hand) finish(t testing.TB, res ioreq.Result) {
	t.Helper()
	r := h.has[0]
	h.has = h.has[1:]
	require.NoError(t, r.Complete(res))
}

// bench is a request on its way to a row of the table, with what it needs.
type bench struct {
	t *testing.T
	r *ioreq.Request
	h *hand
	m memory.Object // what it is formatted with
}

func (b *bench) format() {
	require.NoError(b.t, b.r.Format(b.h, ioreq.Write, b.m, ioreq.Span{}))
	b.r.OnComplete(func(*ioreq.Request, ioreq.Result) {})
}

func (b *bench) send() {
	b.format()
	require.NoError(b.t, b.r.Send())
}

func (b *bench) complete() {
	b.send()
	b.h.finish(b.t, ioreq.Result{})
}

// ownRows brings a request of our own to a row and calls try there.
var ownRows = map[string]func(b *bench, try func()){
	"created":   func(_ *bench, try func()) { try() },
	"formatted": func(b *bench, try func()) { b.format(); try() },
	"preparing": func(b *bench, try func()) {
		b.h.prepare = func(*ioreq.Request) error { b.h.prepare = nil; try(); return nil }
		require.NoError(b.t, b.r.Format(b.h, ioreq.Write, b.m, ioreq.Span{}))
	},
	"sent":        func(b *bench, try func()) { b.send(); try() },
	"completed":   func(b *bench, try func()) { b.complete(); try() },
	"reformatted": func(b *bench, try func()) { b.complete(); b.format(); try() },
	"reused": func(b *bench, try func()) {
		b.complete()
		require.NoError(b.t, b.r.Reuse())
		try()
	},
	"leaving": func(b *bench, try func()) {
		b.send()
		require.NoError(b.t, b.r.Delete())
		try()
	},
	"deleted": func(b *bench, try func()) {
		require.NoError(b.t, b.r.Ref())
		defer b.r.Unref()
		b.format()
		require.NoError(b.t, b.r.Delete())
		try()
	},
	"gone": func(b *bench, try func()) {
		require.NoError(b.t, b.r.Delete())
		try()
	},
}

// receivedRows does the same for a request that was received.
var receivedRows = map[string]func(b *bench, try func()){
	"created":     ownRows["created"],
	"formatted":   ownRows["formatted"],
	"sent":        ownRows["sent"],
	"completed":   ownRows["completed"],
	"reformatted": ownRows["reformatted"],
	"reused":      ownRows["reused"],
	"answered": func(b *bench, try func()) {
		require.NoError(b.t, b.r.Ref())
		defer b.r.Unref()
		require.NoError(b.t, b.r.Complete(ioreq.Result{}))
		try()
	},
	"gone": func(b *bench, try func()) {
		require.NoError(b.t, b.r.Complete(ioreq.Result{}))
		try()
	},
}

var errorWords = map[string]error{
	"ErrNotFormatted": ioreq.ErrNotFormatted, "ErrNotSent": ioreq.ErrNotSent, "ErrSent": ioreq.ErrSent,
	"ErrBusy": ioreq.ErrBusy, "ErrNotReused": ioreq.ErrNotReused, "ErrReceived": ioreq.ErrReceived,
}

// row says in the table's words where a request is.
func (b *bench) row() string {
	switch s := b.r.State(); {
	case s != ioreq.Deleted:
		return s.String()
	case b.r.Object() == object.Object{}:
		return "gone"
	case b.r.Len() > 0 && len(b.h.has) > 0:
		return "leaving"
	}
	return "deleted"
}

func (b *bench) outcome(err error) string {
	if err == nil {
		return b.row()
	}
	for word, e := range errorWords {
		if errors.Is(err, e) {
			return word
		}
	}
	switch {
	case errors.Is(err, ioreq.ErrCompleted):
		return "ErrCompleted"
	case errors.Is(err, ioreq.ErrDeleted):
		return "ErrDeleted"
	}
	return err.Error()
}

// onTarget is the *Request that the target has, or would have.
func (b *bench) onTarget() *ioreq.Request {
	if len(b.h.has) > 0 {
		return b.h.has[0]
	}
	return nil
}

// columns has what each column of the tables does.
var columns = map[string]func(*bench) string{
	"memory": func(b *bench) string { return strconv.Itoa(b.m.Refs() - 1) },
	"Format": func(b *bench) string { return b.outcome(b.r.Format(b.h, ioreq.Write, b.m, ioreq.Span{})) },
	"Send":   func(b *bench) string { return b.outcome(b.r.Send()) },
	"Sent":   func(b *bench) string { return b.outcome(b.r.Sent(1)) },
	"Complete": func(b *bench) string {
		err := b.r.Complete(ioreq.Result{N: 1})
		if err == nil {
			b.h.has = nil
		}
		return b.outcome(err)
	},
	"arrive": func(b *bench) string {
		r := b.onTarget()
		if r == nil {
			return "-"
		}
		err := r.Complete(ioreq.Result{N: 1})
		require.ErrorIs(b.t, r.Complete(ioreq.Result{}), ioreq.ErrDeleted, "the target's handle is gone")
		b.h.has = nil
		return b.outcome(err)
	},
	"Reuse":  func(b *bench) string { return b.outcome(b.r.Reuse()) },
	"Delete": func(b *bench) string { return b.outcome(b.r.Delete()) },
	"Cancel": func(b *bench) string {
		before := b.row()
		took := b.r.Cancel()
		require.Equal(b.t, before, b.row())
		require.Equal(b.t, took, b.h.told == 1)
		switch bit := b.r.CancelRequested(); {
		case bit && took:
			return "bit,told"
		case bit:
			return "bit"
		case took:
			return "told"
		}
		return "-"
	},
	"InputMemory": func(b *bench) string {
		m, err := b.r.InputMemory()
		if err != nil {
			return b.outcome(err)
		}
		again, err := b.r.InputMemory()
		require.NoError(b.t, err)
		require.Equal(b.t, m, again)
		return "yes"
	},
}

// TestStateTables tries every cell of the tables in doc.go.
func TestStateTables(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var rows map[string]func(*bench, func())
	var heads []string
	received, tried := false, map[string]int{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "//"))
		if len(cells) > 2 && cells[1] == "memory" && cells[2] == "Format" {
			received, heads, rows = cells[0] == "received", cells[1:], ownRows
			if received {
				rows = receivedRows
			}
			continue
		}
		if heads == nil || len(cells) != len(heads)+1 || rows[cells[0]] == nil {
			continue
		}
		if received {
			tried["received"]++
		} else {
			tried["own"]++
		}
		for i, head := range heads {
			b := &bench{t: t, h: &hand{}, m: wrapped(t, 8)}
			if received {
				b.r, err = ioreq.Receive(object.Config{}, ioreq.Write, ioreq.Buffer(make([]byte, 8)))
				require.NoError(t, err)
			} else {
				b.r = fresh(t)
			}
			got := "the row was not reached"
			rows[cells[0]](b, func() { got = columns[head](b) })
			require.Equal(t, cells[i+1], got, "received %v, %s: %s", received, cells[0], head)
			b.end()
		}
	}
	require.Equal(t, map[string]int{"own": len(ownRows), "received": len(receivedRows)}, tried, "rows of the tables in doc.go")
}

// end finishes what a cell left, and sees that nothing is left then.
func (b *bench) end() {
	for len(b.h.has) > 0 {
		b.h.finish(b.t, ioreq.Result{})
	}
	if b.r.Delete() != nil {
		_ = b.r.Complete(ioreq.Result{})
	}
	require.Equal(b.t, object.Object{}, b.r.Object(), "the request is gone")
	require.Equal(b.t, 1, b.m.Refs())
	require.NoError(b.t, b.m.Delete())
}

func TestStateNames(t *testing.T) {
	names := []string{"deleted", "created", "formatted", "sent", "completed", "reformatted", "reused", "answered"}
	for i, name := range names {
		require.Equal(t, name, ioreq.State(i).String())
	}
	require.Equal(t, "State(8)", ioreq.State(8).String())
}
