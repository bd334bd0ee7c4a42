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

// A received request is sent on: the target has it under a name of its own.
func TestForward(t *testing.T) {
	h := &hand{}
	buf := []byte("12345678")
	r := receive(t, ioreq.Write, ioreq.Buffer(buf))
	in, err := r.InputMemory()
	require.NoError(t, err)
	h.prepare = func(seen *ioreq.Request) error {
		require.NotSame(t, r, seen)
		require.Equal(t, 4, seen.Len())
		require.Equal(t, 8, r.Len())
		return nil
	}
	require.NoError(t, r.Format(h, ioreq.Write, in, ioreq.Span{Off: 4}))
	require.Equal(t, 2, in.Refs())
	require.ErrorIs(t, r.Send(), ioreq.ErrNoRoutine)
	require.Equal(t, ioreq.Formatted, r.State())
	answers := 0
	require.NoError(t, r.Notify(func(res ioreq.Result) {
		answers++
		require.Equal(t, ioreq.Result{N: 3}, res)
	}))
	calls := 0
	r.OnComplete(func(got *ioreq.Request, res ioreq.Result) {
		calls++
		require.Same(t, r, got)
		require.Equal(t, 2, in.Refs(), "the target's reference is still there")
		require.NoError(t, r.Complete(res))
		require.False(t, in.Valid())
		require.Equal(t, ioreq.Answered, r.State(), "until the routine has returned")
	})
	require.NoError(t, r.Send())
	low := h.has[0]
	require.NotSame(t, r, low)
	b, ok := low.Bytes()
	require.True(t, ok)
	require.Equal(t, "5678", string(b))
	require.Equal(t, 4, low.Len())
	require.Equal(t, 8, r.Len())
	require.Equal(t, r.ID(), low.ID())

	// While the target has it, it is the target's to complete.
	require.ErrorIs(t, r.Complete(ioreq.Result{}), ioreq.ErrSent)
	require.ErrorIs(t, r.Sent(1), ioreq.ErrNotSent)
	require.ErrorIs(t, r.Format(h, ioreq.Write, in, ioreq.Span{}), ioreq.ErrSent)
	// And nothing else is.
	for name, err := range map[string]error{
		"format": low.Format(h, ioreq.Write, in, ioreq.Span{}), "send": low.Send(), "reuse": low.Reuse(),
		"delete": low.Delete(), "ref": low.Ref(), "notify": low.Notify(nil), "timeout": low.SetTimeout(1),
	} {
		require.ErrorIs(t, err, ioreq.ErrInvalid, name)
	}
	require.False(t, low.Cancel())
	require.Equal(t, object.Object{}, low.Object())
	low.OnComplete(nil)
	require.Zero(t, calls)
	require.NoError(t, low.Sent(3))
	require.NoError(t, low.Complete(ioreq.Result{N: 3}))
	require.Equal(t, []int{1, 1}, []int{calls, answers})
	require.ErrorIs(t, low.Complete(ioreq.Result{}), ioreq.ErrDeleted)
	require.ErrorIs(t, r.Complete(ioreq.Result{}), ioreq.ErrCompleted)
}

// Somebody else holds the memory of a request that is formatted with its own:
// only he is named, and the format stands.
func TestCompleteFormatted(t *testing.T) {
	h := &hand{}
	r := receive(t, ioreq.Read, ioreq.Buffer(make([]byte, 8)))
	out, err := r.OutputMemory()
	require.NoError(t, err)
	require.NoError(t, r.Format(h, ioreq.Read, out, ioreq.Span{}))
	require.NoError(t, out.Ref())
	var misuse *ioreq.MisuseError
	require.ErrorAs(t, r.Complete(ioreq.Result{}), &misuse)
	require.Equal(t, 1, misuse.Refs)
	require.Equal(t, ioreq.Formatted, r.State())
	require.Equal(t, 3, out.Refs())
	out.Unref()

	// In a list it is its own all the same.
	list := mdl.New()
	require.NoError(t, list.Append(out, 0, 4))
	require.NoError(t, list.Append(out, 4, 4))
	require.NoError(t, r.FormatList(h, ioreq.Read, list))
	require.ErrorAs(t, r.Complete(ioreq.Result{}), &misuse)
	require.Equal(t, 2, misuse.Refs, "the list's")
	list.Release()
	require.Equal(t, 2, out.Refs())
	require.NoError(t, r.Complete(ioreq.Result{}))
	require.False(t, out.Valid())
}

// Sent on in stages, as far as one goes: Reuse, Format, Send, and in the end
// the sum.
func TestForwardInStages(t *testing.T) {
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true, Max: 3})
	r := receive(t, ioreq.Write, ioreq.Buffer([]byte("12345678")))
	in, err := r.InputMemory()
	require.NoError(t, err)
	sum, answered := 0, ioreq.Result{}
	require.NoError(t, r.Notify(func(res ioreq.Result) { answered = res }))
	var stage func(*ioreq.Request, ioreq.Result)
	stage = func(r *ioreq.Request, res ioreq.Result) {
		if sum += res.N; sum == in.Len() {
			require.NoError(t, r.Complete(ioreq.Result{N: sum}))
			return
		}
		require.NoError(t, r.Reuse())
		require.NoError(t, r.Format(lb, ioreq.Write, in, ioreq.Span{Off: sum}))
		r.OnComplete(stage)
		require.NoError(t, r.Send())
	}
	require.NoError(t, r.Format(lb, ioreq.Write, in, ioreq.Span{}))
	r.OnComplete(stage)
	require.NoError(t, r.Send())
	require.Equal(t, ioreq.Result{N: 8}, answered)
	require.Equal(t, 8, lb.Stats().Bytes)
}

// A received request whose parent is deleted: whoever sent it hears of it, at
// once or when the target has let go.
func TestParentOfAReceivedRequest(t *testing.T) {
	for _, flight := range []bool{false, true} {
		parent, err := object.New(object.Config{})
		require.NoError(t, err)
		h, m := &hand{}, wrapped(t, 8)
		r, err := ioreq.Receive(object.Config{Parent: parent}, ioreq.Read, ioreq.Memory(m, ioreq.Span{}))
		require.NoError(t, err)
		out, err := r.OutputMemory()
		require.NoError(t, err)
		var answers []error
		require.NoError(t, r.Notify(func(res ioreq.Result) { answers = append(answers, res.Err) }))
		calls := 0
		if flight {
			require.NoError(t, r.Format(h, ioreq.Read, out, ioreq.Span{}))
			r.OnComplete(func(*ioreq.Request, ioreq.Result) {
				calls++
				require.Empty(t, answers)
				require.True(t, out.Valid())
			})
			require.NoError(t, r.Send())
		}
		require.NoError(t, parent.Delete())
		if flight {
			require.Empty(t, answers)
			require.Equal(t, 2, m.Refs())
			h.finish(t, ioreq.Result{N: 1})
			require.Equal(t, 1, calls)
		}
		require.Equal(t, []error{ioreq.ErrDeleted}, answers)
		require.False(t, out.Valid())
		require.Equal(t, 1, m.Refs())
		require.ErrorIs(t, r.Complete(ioreq.Result{}), ioreq.ErrDeleted)
	}
}

// The same, and the routine answers.
func TestAnswerAfterTheParentIsGone(t *testing.T) {
	parent, err := object.New(object.Config{})
	require.NoError(t, err)
	h := &hand{}
	r, err := ioreq.Receive(object.Config{Parent: parent}, ioreq.Read, ioreq.Buffer(make([]byte, 8)))
	require.NoError(t, err)
	var answers []ioreq.Result
	require.NoError(t, r.Notify(func(res ioreq.Result) { answers = append(answers, res) }))
	out, err := r.OutputMemory()
	require.NoError(t, err)
	require.NoError(t, r.Format(h, ioreq.Read, out, ioreq.Span{}))
	r.OnComplete(func(r *ioreq.Request, res ioreq.Result) { require.NoError(t, r.Complete(res)) })
	require.NoError(t, r.Send())
	require.NoError(t, parent.Delete())
	h.finish(t, ioreq.Result{N: 2})
	require.Equal(t, []ioreq.Result{{N: 2}}, answers)
}

// Deleted by its object, without an answer: a reference on it keeps only the
// handle.
func TestReceivedAndAbandoned(t *testing.T) {
	r := receive(t, ioreq.Read, ioreq.Buffer(make([]byte, 8)))
	require.NoError(t, r.Ref())
	require.NoError(t, r.Object().Delete())
	require.ErrorIs(t, r.Complete(ioreq.Result{}), ioreq.ErrDeleted)
	_, err := r.OutputMemory()
	require.ErrorIs(t, err, ioreq.ErrDeleted)
	r.Unref()
}
