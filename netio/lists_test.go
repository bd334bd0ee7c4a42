package netio_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/slab"
)

// list makes a list with the given text, in parts of the given lengths, taken
// in turns. The list has the only references on its memory.
func list(t testing.TB, h *slab.Allocator, text string, lengths ...int) *mdl.List {
	t.Helper()
	l := mdl.New()
	for i := 0; text != ""; i++ {
		n := min(len(text), lengths[i%len(lengths)])
		m := block(t, h, text[:n])
		require.NoError(t, l.Append(m, 0, n))
		require.NoError(t, m.Delete())
		text = text[n:]
	}
	return l
}

// content is the text of a list.
func content(t testing.TB, l *mdl.List) string {
	t.Helper()
	b := make([]byte, l.Len())
	if len(b) > 0 {
		require.NoError(t, l.CopyOut(0, b))
	}
	return string(b)
}

// owned are objects to delete together.
type owned []memory.Object

func (o *owned) block(t testing.TB, h *slab.Allocator, text string) memory.Object {
	m := block(t, h, text)
	*o = append(*o, m)
	return m
}

func (o *owned) gone(t testing.TB) {
	t.Helper()
	for _, m := range *o {
		gone(t, m)
	}
}
