package lookaside_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// refused requires that Complete names who holds a request's memory, and that
// nothing has changed.
func refused(t *testing.T, r *ioreq.Request, m memory.Object, want ...ioreq.Holder) {
	t.Helper()
	refs, state := m.Refs(), r.State()
	err := r.Complete(ioreq.Result{})
	var misuse *ioreq.MisuseError
	require.ErrorAs(t, err, &misuse)
	require.Equal(t, r.ID(), misuse.Request)
	require.Equal(t, "complete", misuse.Op)
	total := 0
	require.Len(t, misuse.Holders, len(want), "%v", err)
	for i, h := range want {
		got := misuse.Holders[i]
		require.Equal(t, h, ioreq.Holder{Kind: got.Kind, ID: got.ID, Name: got.Name, Count: got.Count})
		require.Contains(t, err.Error(), got.Kind)
		total += h.Count
	}
	require.Equal(t, total, misuse.Refs)
	require.Contains(t, err.Error(), fmt.Sprintf("%d references", total))
	var block *slab.MisuseError
	require.ErrorAs(t, err, &block)
	require.Equal(t, slab.UseAfterFree, block.Kind)
	require.Equal(t, refs, m.Refs())
	require.Equal(t, state, r.State())
	again, err := inputOrOutput(r)
	require.NoError(t, err)
	require.Equal(t, m, again)
}

func inputOrOutput(r *ioreq.Request) (memory.Object, error) {
	if m, err := r.InputMemory(); err == nil {
		return m, nil
	}
	return r.OutputMemory()
}

// S1: what came with a request is gone when the request is completed.
func TestScenario1UseAfterComplete(t *testing.T) {
	d := domain(t)
	for _, op := range []ioreq.Op{ioreq.Read, ioreq.Write} {
		r, answer := received(t, d, op, "theirs")
		m, err := inputOrOutput(r)
		require.NoError(t, err)
		require.NoError(t, r.Complete(ioreq.Result{N: 6}))
		res, _ := answer()
		require.Equal(t, ioreq.Result{N: 6}, res)

		require.Nil(t, m.Bytes())
		require.Zero(t, m.Len())
		require.False(t, m.Valid())
		require.ErrorIs(t, m.CopyOut(0, make([]byte, 1)), object.ErrDeleted)
		require.ErrorIs(t, m.CopyIn(0, []byte{1}), object.ErrDeleted)
		require.ErrorIs(t, m.Ref(), object.ErrDeleted)
		_, err = inputOrOutput(r)
		require.ErrorIs(t, err, ioreq.ErrCompleted)
		require.ErrorIs(t, r.Complete(ioreq.Result{}), ioreq.ErrCompleted)
		ours, err := d.NewRequest()
		require.NoError(t, err)
		lb := ioreq.NewLoopback(ioreq.LoopbackConfig{})
		require.ErrorIs(t, ours.Format(lb, ioreq.Write, m, ioreq.Span{}), object.ErrDeleted)
	}
}

// S1: whoever keeps a reference keeps the request from being completed.
func TestScenario1ExtraReference(t *testing.T) {
	d := domain(t)
	r, answer := received(t, d, ioreq.Write, "theirs")
	m, err := r.InputMemory()
	require.NoError(t, err)
	require.NoError(t, m.Ref())
	require.NoError(t, m.Ref())
	l, err := mdl.Of(m)
	require.NoError(t, err)
	_, mine, _ := holders(t, r)
	require.Equal(t, 3, mine)
	require.Equal(t, "theirs", string(m.Bytes()))
	_, ok := answer()
	require.False(t, ok, "a refused Complete answers nobody")
	l.Release()
	m.Unref()
	refused(t, r, m, ioreq.Holder{Kind: "reference", Count: 1})
	m.Unref()
	require.NoError(t, r.Complete(ioreq.Result{N: 6}))
	res, ok := answer()
	require.True(t, ok)
	require.Equal(t, ioreq.Result{N: 6}, res)

	// A reference on the request keeps its handle, and not the memory.
	r, _ = received(t, d, ioreq.Write, "theirs")
	m, err = r.InputMemory()
	require.NoError(t, err)
	require.NoError(t, r.Ref())
	require.NoError(t, r.Complete(ioreq.Result{}))
	require.Equal(t, ioreq.Answered, r.State())
	require.Nil(t, m.Bytes())
	r.Unref()
	require.Equal(t, ioreq.Deleted, r.State())
}

// holders lets Complete say who holds the memory of a request.
func holders(t *testing.T, r *ioreq.Request) (kinds []string, refs int, err error) {
	t.Helper()
	err = r.Complete(ioreq.Result{})
	var misuse *ioreq.MisuseError
	require.ErrorAs(t, err, &misuse)
	for _, h := range misuse.Holders {
		kinds = append(kinds, h.Kind)
	}
	require.Contains(t, kinds, "reference")
	require.Contains(t, kinds, "list")
	return kinds, misuse.Refs, err
}

// S2: a Send that was refused leaves the request with us, who have to complete
// it.
func TestScenario2SendIsRefused(t *testing.T) {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{})
	r, answer := received(t, d, ioreq.Write, "theirs")
	m, err := r.InputMemory()
	require.NoError(t, err)
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	r.OnComplete(func(*ioreq.Request, ioreq.Result) { t.Error("a routine though Send has failed") })
	require.NoError(t, lb.Close())
	require.ErrorIs(t, r.Send(), ioreq.ErrClosed)
	require.Equal(t, ioreq.Formatted, r.State())
	require.Equal(t, 2, m.Refs())
	_, ok := answer()
	require.False(t, ok, "nobody has answered it yet")
	require.NoError(t, r.Complete(ioreq.Result{Err: ioreq.ErrClosed}))
	res, ok := answer()
	require.True(t, ok)
	require.ErrorIs(t, res.Err, ioreq.ErrClosed)
}

// S2: the same, and nobody completes it: the domain's end does.
func TestScenario2SendIsRefusedAndNobodyCompletes(t *testing.T) {
	d, err := lookaside.Open(lookaside.Config{Name: "forgetful"})
	require.NoError(t, err)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Refuse: func(ioreq.Op, int) error { return errors.New("not today") }})
	r, answer := received(t, d, ioreq.Write, "theirs")
	m, err := r.InputMemory()
	require.NoError(t, err)
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	r.OnComplete(func(*ioreq.Request, ioreq.Result) {})
	require.ErrorContains(t, r.Send(), "not today")
	require.Zero(t, lb.InFlight())
	_, ok := answer()
	require.False(t, ok, "its requester waits")
	require.NoError(t, d.Close())
	res, ok := answer()
	require.True(t, ok)
	require.ErrorIs(t, res.Err, ioreq.ErrDeleted)
}

// twice is a target that completes what it gets, and then once more.
type twice struct{ second []error }

func (w *twice) Submit(r *ioreq.Request) error {
	n := r.Len()
	w.second = append(w.second, r.Complete(ioreq.Result{N: n}))
	w.second = append(w.second, r.Complete(ioreq.Result{N: n}))
	return nil
}

func (w *twice) Cancel(*ioreq.Request) bool { return false }

// S2: nobody completes a request that another has, and nobody twice.
func TestScenario2DoubleCompletion(t *testing.T) {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	r, answer := received(t, d, ioreq.Write, "theirs")
	m, err := r.InputMemory()
	require.NoError(t, err)
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	calls := 0
	r.OnComplete(func(r *ioreq.Request, res ioreq.Result) {
		calls++
		require.NoError(t, r.Complete(res))
		require.ErrorIs(t, r.Complete(res), ioreq.ErrCompleted)
		require.Nil(t, m.Bytes(), "and its memory is gone, as in S1")
	})
	require.NoError(t, r.Send())
	require.ErrorIs(t, r.Complete(ioreq.Result{}), ioreq.ErrSent)
	require.Equal(t, "theirs", string(m.Bytes()))
	require.True(t, lb.Step())
	require.Equal(t, 1, calls)
	res, _ := answer()
	require.Equal(t, ioreq.Result{N: 6}, res)

	// A target that completes twice is told so.
	for _, own := range []bool{true, false} {
		w, calls := &twice{}, 0
		if own {
			r, err = d.NewRequest()
		} else {
			r, _ = received(t, d, ioreq.Write, "theirs")
		}
		require.NoError(t, err)
		m, err := memory.Wrap([]byte("bytes"))
		require.NoError(t, err)
		require.NoError(t, r.Format(w, ioreq.Write, m, ioreq.Span{}))
		r.OnComplete(func(*ioreq.Request, ioreq.Result) { calls++ })
		require.NoError(t, r.Send())
		require.Equal(t, 1, calls)
		require.NoError(t, w.second[0])
		require.Error(t, w.second[1])
		require.True(t, errors.Is(w.second[1], ioreq.ErrNotSent) || errors.Is(w.second[1], ioreq.ErrDeleted), "%v", w.second[1])
		require.NoError(t, r.Reuse())
		require.Equal(t, 1, m.Refs())
	}
}

// S2: who sends on what came must hear of its end.
func TestScenario2WithoutRoutine(t *testing.T) {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true})
	r, answer := received(t, d, ioreq.Write, "theirs")
	m, err := r.InputMemory()
	require.NoError(t, err)
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	require.ErrorIs(t, r.Send(), ioreq.ErrNoRoutine)
	require.Equal(t, 2, m.Refs())
	r.OnComplete(func(r *ioreq.Request, res ioreq.Result) { require.NoError(t, r.Complete(res)) })
	require.NoError(t, r.Send())
	res, ok := answer()
	require.True(t, ok)
	require.Equal(t, ioreq.Result{N: 6}, res)
}

// S3: theirs cannot be completed while ours holds its memory; each way to let go
// will do.
func TestScenario3CompleteTooEarly(t *testing.T) {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	other, err := d.NewMemory(8)
	require.NoError(t, err)
	for name, letGo := range map[string]func(ours *ioreq.Request) error{
		"Reuse":  (*ioreq.Request).Reuse,
		"Delete": (*ioreq.Request).Delete,
		"Format": func(ours *ioreq.Request) error {
			return ours.Format(lb, ioreq.Read, other, ioreq.Span{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			theirs, answer := received(t, d, ioreq.Write, "theirs")
			m, err := theirs.InputMemory()
			require.NoError(t, err)
			ours, err := d.NewRequest()
			require.NoError(t, err)
			require.NoError(t, ours.Format(lb, ioreq.Write, m, ioreq.Span{}))
			by := ioreq.Holder{Kind: "request", ID: ours.ID(), Name: "write", Count: 1}
			refused(t, theirs, m, by)
			ours.OnComplete(func(*ioreq.Request, ioreq.Result) { refused(t, theirs, m, by) })
			require.NoError(t, ours.Send())
			refused(t, theirs, m, by)
			require.ErrorIs(t, m.Assign([]byte("others")), memory.ErrNotWrapped, "the buffer under it never changes")
			require.True(t, lb.Step())
			refused(t, theirs, m, by)
			require.NoError(t, letGo(ours))
			require.NoError(t, theirs.Complete(ioreq.Result{N: 6}))
			_, ok := answer()
			require.True(t, ok)
			require.Nil(t, m.Bytes())
		})
	}
}

// S3: several requests of ours on one memory: all are named.
func TestScenario3NamesEveryHolder(t *testing.T) {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	theirs, _ := received(t, d, ioreq.Read, "filled")
	m, err := theirs.OutputMemory()
	require.NoError(t, err)
	var ours []*ioreq.Request
	var want []ioreq.Holder
	for i := range 3 {
		r, err := d.NewRequest()
		require.NoError(t, err)
		require.NoError(t, r.Format(lb, ioreq.Read, m, ioreq.Span{Off: 2 * i, Len: 2}))
		ours = append(ours, r)
		want = append(want, ioreq.Holder{Kind: "request", ID: r.ID(), Name: "read", Count: 1})
	}
	for i, r := range ours {
		refused(t, theirs, m, want[i:]...)
		require.NoError(t, r.Delete())
	}
	require.NoError(t, theirs.Complete(ioreq.Result{}))
}
