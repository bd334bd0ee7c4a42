package ioreq_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/object"
)

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

// The target's name for a request has no past.
func TestForwardUnderAUsedName(t *testing.T) {
	h, m := &hand{}, wrapped(t, 8)
	for range 9000 { // every *Request there is was completed once
		r, err := ioreq.Receive(object.Config{}, ioreq.Read, ioreq.Memory(m, ioreq.Span{}))
		if err != nil || r.Complete(ioreq.Result{}) != nil {
			t.Fatal("receive or complete failed")
		}
	}
	r := receive(t, ioreq.Read, ioreq.Memory(m, ioreq.Span{}))
	require.NoError(t, r.Format(h, ioreq.Read, m, ioreq.Span{}))
	r.OnComplete(func(*ioreq.Request, ioreq.Result) {})
	require.NoError(t, r.Send())
	low := h.has[0]
	h.finish(t, ioreq.Result{})
	err := low.Complete(ioreq.Result{})
	require.ErrorIs(t, err, ioreq.ErrDeleted)
	require.NotErrorIs(t, err, ioreq.ErrCompleted)
	require.NoError(t, r.Complete(ioreq.Result{}))
	require.Equal(t, 1, m.Refs())
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
