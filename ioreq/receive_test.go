package ioreq_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// receive makes a received request or fails the test.
func receive(t testing.TB, op ioreq.Op, d ioreq.Descriptor) *ioreq.Request {
	t.Helper()
	r, err := ioreq.Receive(object.Config{}, op, d)
	require.NoError(t, err)
	return r
}

// The memory of a received request: which way, the same every time, and gone
// when the request is completed.
func TestEmbeddedMemory(t *testing.T) {
	m := wrapped(t, 16)
	list, err := mdl.Of(m)
	require.NoError(t, err)
	for name, d := range map[string]ioreq.Descriptor{
		"buffer": ioreq.Buffer([]byte("....12345678....")[4:12]),
		"memory": ioreq.Memory(m, ioreq.Span{Off: 4, Len: 8}),
		"list":   ioreq.Scatter(list),
	} {
		require.NoError(t, m.CopyIn(4, []byte("12345678")), name)
		refs := m.Refs()
		w := receive(t, ioreq.Write, d)
		require.Equal(t, ioreq.Write, w.Op())
		in, err := w.InputMemory()
		require.NoError(t, err)
		again, err := w.InputMemory()
		require.NoError(t, err)
		require.Equal(t, in, again)
		parent, ok := in.Parent()
		require.True(t, ok)
		require.Equal(t, w.Object(), parent)
		require.Equal(t, w.Len(), in.Len())
		require.Contains(t, string(in.Bytes()), "12345678")
		require.ErrorIs(t, in.CopyIn(0, []byte("x")), memory.ErrReadOnly, "what is written is not to be changed")
		_, err = w.OutputMemory()
		require.ErrorIs(t, err, ioreq.ErrDirection)
		_, err = w.OutputBuffer(0)
		require.ErrorIs(t, err, ioreq.ErrDirection)
		b, err := w.InputBuffer(w.Len())
		require.NoError(t, err)
		require.Equal(t, in.Bytes(), b)
		_, err = w.InputBuffer(w.Len() + 1)
		require.ErrorIs(t, err, memory.ErrBufferTooSmall)
		if name == "memory" {
			require.Equal(t, refs+1, m.Refs(), "memory objects are referenced")
		} else {
			require.Equal(t, refs, m.Refs(), "the others are not")
		}
		require.NoError(t, w.Complete(ioreq.Result{N: w.Len()}))
		require.Equal(t, refs, m.Refs())
		require.False(t, in.Valid())
		require.ErrorIs(t, in.CopyOut(0, make([]byte, 1)), object.ErrDeleted)
		_, err = w.InputMemory()
		require.ErrorIs(t, err, ioreq.ErrCompleted)
		require.ErrorIs(t, err, ioreq.ErrDeleted)
		require.ErrorIs(t, w.Complete(ioreq.Result{}), ioreq.ErrCompleted)

		r := receive(t, ioreq.Read, d)
		_, err = r.InputMemory()
		require.ErrorIs(t, err, ioreq.ErrDirection)
		_, err = r.InputBuffer(1)
		require.ErrorIs(t, err, ioreq.ErrDirection)
		out, err := r.OutputMemory()
		require.NoError(t, err)
		require.NoError(t, out.CopyIn(0, []byte("answer")))
		require.NoError(t, r.Complete(ioreq.Result{N: 6}))
		at := map[string]int{"memory": 4, "list": 0}
		if off, ok := at[name]; ok {
			require.Equal(t, "answer", string(m.Bytes()[off:off+6]), name)
		}
	}
	require.Equal(t, 2, m.Refs())
}

func TestReceiveRefuses(t *testing.T) {
	m, gone := wrapped(t, 8), wrapped(t, 8)
	require.NoError(t, gone.Delete())
	readOnly := wrapped(t, 8, memory.ReadOnly())
	released := mdl.New()
	released.Release()
	readOnlyList, err := mdl.Of(readOnly)
	require.NoError(t, err)
	parent, err := object.New(object.Config{})
	require.NoError(t, err)
	require.NoError(t, parent.Delete())
	for name, c := range map[string]struct {
		err error
		cfg object.Config
		op  ioreq.Op
		d   ioreq.Descriptor
	}{
		"no descriptor":    {ioreq.ErrInvalid, object.Config{}, ioreq.Read, ioreq.Descriptor{}},
		"operation":        {ioreq.ErrInvalid, object.Config{}, 3, ioreq.Buffer(nil)},
		"no memory":        {ioreq.ErrInvalid, object.Config{}, ioreq.Read, ioreq.Memory(memory.Object{}, ioreq.Span{})},
		"stale memory":     {object.ErrDeleted, object.Config{}, ioreq.Read, ioreq.Memory(gone, ioreq.Span{})},
		"span":             {ioreq.ErrSpan, object.Config{}, ioreq.Read, ioreq.Memory(m, ioreq.Span{Off: 4, Len: 5})},
		"read-only":        {memory.ErrReadOnly, object.Config{}, ioreq.Read, ioreq.Memory(readOnly, ioreq.Span{})},
		"read-only list":   {memory.ErrReadOnly, object.Config{}, ioreq.Read, ioreq.Scatter(readOnlyList)},
		"no list":          {ioreq.ErrInvalid, object.Config{}, ioreq.Read, ioreq.Scatter(nil)},
		"released list":    {object.ErrDeleted, object.Config{}, ioreq.Read, ioreq.Scatter(released)},
		"parent is gone":   {object.ErrDeleted, object.Config{Parent: parent}, ioreq.Read, ioreq.Memory(m, ioreq.Span{})},
		"context no *T":    {ioreq.ErrInvalid, object.Config{Context: 1}, ioreq.Read, ioreq.Memory(m, ioreq.Span{})},
		"context nil list": {ioreq.ErrInvalid, object.Config{Context: (*int)(nil)}, ioreq.Write, ioreq.Scatter(readOnlyList)},
	} {
		_, err := ioreq.Receive(c.cfg, c.op, c.d)
		require.ErrorIs(t, err, c.err, name)
		require.Equal(t, 1, m.Refs(), name)
		require.Equal(t, 2, readOnly.Refs(), name)
	}
	require.NoError(t, receive(t, ioreq.Read, ioreq.Memory(m, ioreq.Span{})).Complete(ioreq.Result{}))
}

func TestReceivedWithoutContiguousBytes(t *testing.T) {
	m := wrapped(t, 8)
	list := mdl.New()
	empty, none, parts := mdl.New(), []byte{}, list
	require.NoError(t, list.Append(m, 0, 2))
	require.NoError(t, list.Append(m, 4, 2))
	for name, c := range map[string]struct {
		err error
		d   ioreq.Descriptor
	}{
		"nil":        {memory.ErrBufferTooSmall, ioreq.Buffer(nil)},
		"empty":      {memory.ErrBufferTooSmall, ioreq.Buffer(none)},
		"empty span": {memory.ErrBufferTooSmall, ioreq.Memory(m, ioreq.Span{Off: 8})},
		"empty list": {memory.ErrBufferTooSmall, ioreq.Scatter(empty)},
		"scattered":  {ioreq.ErrScattered, ioreq.Scatter(parts)},
	} {
		r := receive(t, ioreq.Read, c.d)
		_, err := r.OutputMemory()
		require.ErrorIs(t, err, c.err, name)
		_, err = r.OutputBuffer(0)
		require.ErrorIs(t, err, c.err, name)
		require.ErrorIs(t, r.Complete(ioreq.Result{N: 5}), ioreq.ErrInvalid, name)
		require.NoError(t, r.Complete(ioreq.Result{}), name)
	}
	r := receive(t, ioreq.Read, ioreq.Scatter(parts))
	n := 0
	for p := range r.Segments() {
		n += copy(p, "abcd"[n:])
	}
	require.NoError(t, r.Complete(ioreq.Result{N: n}))
	require.Equal(t, "ab\x00\x00cd\x00\x00", string(m.Bytes()))
	own := fresh(t)
	_, err := own.InputMemory()
	require.ErrorIs(t, err, ioreq.ErrNotReceived)
	require.ErrorIs(t, own.Notify(nil), ioreq.ErrNotReceived)
	require.NoError(t, own.Delete())
}

// Complete while others hold the memory: who they are, and nothing changes.
func TestCompleteNamesTheHolders(t *testing.T) {
	buf := []byte("received")
	h := &hand{}
	answers := 0
	r := receive(t, ioreq.Write, ioreq.Buffer(buf))
	require.NoError(t, r.Notify(func(ioreq.Result) { answers++ }))
	in, err := r.InputMemory()
	require.NoError(t, err)

	own := fresh(t)
	require.NoError(t, own.Format(h, ioreq.Write, in, ioreq.Span{}))
	require.NoError(t, in.Ref())
	require.NoError(t, in.Ref())
	list, err := mdl.Of(in)
	require.NoError(t, err)

	for range 2 {
		err = r.Complete(ioreq.Result{N: 8})
		var misuse *ioreq.MisuseError
		require.ErrorAs(t, err, &misuse)
		require.Equal(t, r.ID(), misuse.Request)
		require.Equal(t, 4, misuse.Refs)
		require.ElementsMatch(t, []ioreq.Holder{
			{Kind: "request", ID: own.ID(), Name: "write", Count: 1},
			{Kind: "list", Count: 1},
			{Kind: "reference", Count: 2},
		}, merge(misuse.Holders))
		var block *slab.MisuseError
		require.ErrorAs(t, err, &block)
		require.Contains(t, block.Error(), misuse.Holders[0].String())
		require.Contains(t, err.Error(), misuse.Holders[0].String())
		require.Regexp(t, `reference × \d at receive_test.go:\d+`, err.Error(), "a plain reference is known by its place")
		require.Equal(t, ioreq.Created, r.State())
		require.Equal(t, 5, in.Refs())
		require.Equal(t, "received", string(in.Bytes()))
		require.Zero(t, answers)
	}
	in.Unref()
	in.Unref()
	list.Release()
	var misuse *ioreq.MisuseError
	require.ErrorAs(t, r.Complete(ioreq.Result{N: 8}), &misuse)
	require.Equal(t, []ioreq.Holder{{Kind: "request", ID: own.ID(), Name: "write", Count: 1}}, misuse.Holders)

	// The request that holds it goes, one way or the other, and Complete works.
	require.NoError(t, own.Send())
	h.finish(t, ioreq.Result{N: 8})
	require.Error(t, r.Complete(ioreq.Result{N: 8}), "completed is not reused")
	require.NoError(t, own.Reuse())
	require.NoError(t, r.Complete(ioreq.Result{N: 8}))
	require.Equal(t, 1, answers)
	require.NoError(t, own.Delete())
}

// merge adds up holders that are told one by one.
func merge(all []ioreq.Holder) []ioreq.Holder {
	var out []ioreq.Holder
next:
	for _, h := range all {
		h.Where = ""
		for i := range out {
			if o := out[i]; o.Kind == h.Kind && o.ID == h.ID && o.Name == h.Name {
				out[i].Count += h.Count
				continue next
			}
		}
		out = append(out, h)
	}
	return out
}

// Memory that was deleted under the request, and is still held, is named too.
func TestEmbeddedMemoryDeletedByHand(t *testing.T) {
	r := receive(t, ioreq.Read, ioreq.Buffer(make([]byte, 8)))
	out, err := r.OutputMemory()
	require.NoError(t, err)
	require.NoError(t, out.Ref())
	require.NoError(t, out.Delete())
	var misuse *ioreq.MisuseError
	require.ErrorAs(t, r.Complete(ioreq.Result{}), &misuse)
	require.Equal(t, 1, misuse.Refs)
	out.Unref()
	require.NoError(t, r.Complete(ioreq.Result{}))
}

// Complete: what is wrong with a result, and what happens in which order.
func TestAnswer(t *testing.T) {
	var order []string
	note := func(what string) func(object.Object) { return func(object.Object) { order = append(order, what) } }
	failure := errors.New("failure")
	m := wrapped(t, 8)
	r, err := ioreq.Receive(object.Config{Cleanup: note("cleanup"), Destroy: note("destroy")},
		ioreq.Read, ioreq.Memory(m, ioreq.Span{}))
	require.NoError(t, err)
	_, err = object.New(object.Config{Parent: r.Object(), Cleanup: note("child cleanup"), Destroy: note("child destroy")})
	require.NoError(t, err)
	require.NoError(t, r.Notify(func(res ioreq.Result) {
		require.Equal(t, ioreq.Result{N: 9, Err: failure}, res)
		require.Equal(t, 1, m.Refs(), "the memory is its sender's again")
		order = append(order, "answer")
	}))
	for _, res := range []ioreq.Result{{N: -1}, {N: 9}, {N: -1, Err: failure}} {
		require.ErrorIs(t, r.Complete(res), ioreq.ErrInvalid)
		require.Equal(t, ioreq.Created, r.State())
		require.Empty(t, order)
	}
	require.ErrorIs(t, r.Delete(), ioreq.ErrReceived)
	require.NoError(t, r.Complete(ioreq.Result{N: 9, Err: failure}))
	require.Equal(t, []string{"child cleanup", "cleanup", "child destroy", "destroy", "answer"}, order)
	require.ErrorIs(t, r.Notify(nil), ioreq.ErrCompleted)
	require.ErrorIs(t, r.Delete(), ioreq.ErrCompleted)
	require.ErrorIs(t, r.Send(), ioreq.ErrCompleted)
}

// A reference keeps the handle past completion, not the memory.
func TestReferenceOnAnAnsweredRequest(t *testing.T) {
	r := receive(t, ioreq.Write, ioreq.Buffer([]byte("12345678")))
	in, err := r.InputMemory()
	require.NoError(t, err)
	require.NoError(t, r.Ref())
	require.NoError(t, r.Complete(ioreq.Result{N: 8}))
	require.Equal(t, ioreq.Answered, r.State())
	require.Equal(t, ioreq.Result{N: 8}, r.Result())
	require.False(t, in.Valid())
	_, err = r.InputMemory()
	require.ErrorIs(t, err, ioreq.ErrCompleted)
	require.ErrorIs(t, r.Complete(ioreq.Result{}), ioreq.ErrCompleted)
	require.False(t, r.Cancel())
	r.Unref()
	require.Equal(t, ioreq.Deleted, r.State())
	require.ErrorIs(t, r.Complete(ioreq.Result{}), ioreq.ErrCompleted)
}
