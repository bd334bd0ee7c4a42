package lookaside_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// S4a: memory that the object owns lives until the last request lets go,
// whether it came from the allocator or from a list.
func TestScenario4OwnedMemoryOutlivesItsDelete(t *testing.T) {
	d := domain(t)
	blocks, err := d.NewLookaside("blocks", 64, lookaside.Zeroed())
	require.NoError(t, err)
	for name, make := range map[string]func() (memory.Object, error){
		"New":           func() (memory.Object, error) { return d.NewMemory(64) },
		"FromLookaside": func() (memory.Object, error) { return memory.FromLookaside(blocks) },
	} {
		t.Run(name, func(t *testing.T) {
			live := func() int64 { return d.Allocator().Stats().Live + blocks.Stats().Live }
			lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
			m, err := make()
			require.NoError(t, err)
			require.NoError(t, m.CopyIn(0, []byte("kept")))
			r, err := d.NewRequest()
			require.NoError(t, err)
			require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{Len: 4}))
			require.NoError(t, r.Send())
			require.NoError(t, m.Delete())
			require.ErrorIs(t, m.Delete(), object.ErrDeleted)
			require.Equal(t, int64(1), live())
			require.True(t, lb.Step())
			require.Equal(t, int64(1), live(), "until Reuse or Delete, as in a routine")
			require.NoError(t, r.Delete())
			require.Zero(t, live())
			got, err := memory.Wrap([]byte("...."))
			require.NoError(t, err)
			back, err := readBack(lb, got)
			require.NoError(t, err)
			require.Equal(t, "kept", back, "what was sent is what it was when it was deleted")
		})
	}
}

// readBack reads what was written to a loopback.
func readBack(lb *ioreq.Loopback, m memory.Object) (string, error) {
	r, err := ioreq.New(object.Config{})
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Delete() }()
	done := make(chan ioreq.Result, 1)
	if err := r.Format(lb, ioreq.Read, m, ioreq.Span{}); err != nil {
		return "", err
	}
	r.OnComplete(func(_ *ioreq.Request, res ioreq.Result) { done <- res })
	if err := r.Send(); err != nil {
		return "", err
	}
	lb.Step()
	res := <-done
	return string(m.Bytes()[:res.N]), res.Err
}

// S4b: wrapped bytes are their owner's to keep. The object says when they are
// free: Assign and Revoke work then, and not before.
func TestScenario4WrappedMemoryIsInUse(t *testing.T) {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	bytes, err := d.Alloc(16)
	require.NoError(t, err)
	m, err := memory.Wrap(bytes)
	require.NoError(t, err)
	require.True(t, m.IsWrapped())
	r, err := d.NewRequest()
	require.NoError(t, err)
	busy := func() {
		t.Helper()
		require.ErrorIs(t, m.Assign(make([]byte, 16)), memory.ErrInUse)
		require.ErrorIs(t, m.Revoke(), memory.ErrInUse)
		require.Equal(t, &bytes[0], &m.Bytes()[0], "nothing has changed")
	}
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	busy()
	r.OnComplete(func(*ioreq.Request, ioreq.Result) { busy() })
	require.NoError(t, r.Send())
	busy()
	require.True(t, lb.Step())
	busy()
	require.NoError(t, r.Reuse())
	require.NoError(t, m.Revoke())
	d.Free(bytes) // now nobody has them
	require.Nil(t, m.Bytes())
	require.ErrorIs(t, m.CopyOut(0, make([]byte, 1)), memory.ErrBufferTooSmall)
	require.NoError(t, m.Delete())
	owned, err := d.NewMemory(16)
	require.NoError(t, err)
	require.ErrorIs(t, owned.Assign(make([]byte, 16)), memory.ErrNotWrapped)
	require.NoError(t, owned.Delete())
}

// S4: bytes that nobody keeps alive are for those who wait.
func TestScenario4BorrowedBytesAreRefused(t *testing.T) {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true})
	borrowed, err := mdl.Describe([]byte("on somebody's stack"))
	require.NoError(t, err)
	m, err := d.NewMemory(4)
	require.NoError(t, err)
	mixed, err := mdl.Of(m)
	require.NoError(t, err)
	require.NoError(t, mixed.AppendBuffer([]byte("on another's")))
	for name, l := range map[string]*mdl.List{"all of it": borrowed, "a part of it": mixed} {
		r, err := d.NewRequest()
		require.NoError(t, err)
		require.NoError(t, r.FormatList(lb, ioreq.Write, l), name)
		r.OnComplete(func(*ioreq.Request, ioreq.Result) { t.Error("a routine though nothing was sent") })
		require.ErrorIs(t, r.Send(), ioreq.ErrBorrowed, name)
		require.Equal(t, ioreq.Formatted, r.State())
		n, err := ioreq.SendSync(context.Background(), lb, ioreq.Write, ioreq.Scatter(l))
		require.NoError(t, err, "whoever waits keeps them alive")
		require.Equal(t, l.Len(), n)
		require.NoError(t, r.Delete())
	}
	n, err := ioreq.SendSync(context.Background(), lb, ioreq.Write, ioreq.Buffer([]byte("raw")))
	require.NoError(t, err)
	require.Equal(t, 3, n)
	mixed.Release()
	borrowed.Release()

	// What came as a raw buffer has embedded memory, which an asynchronous request may use: its requester waits.
	theirs, _ := received(t, d, ioreq.Write, "raw")
	embedded, err := theirs.InputMemory()
	require.NoError(t, err)
	require.NoError(t, theirs.Format(lb, ioreq.Write, embedded, ioreq.Span{}))
	theirs.OnComplete(func(r *ioreq.Request, res ioreq.Result) { require.NoError(t, r.Complete(res)) })
	require.NoError(t, theirs.Send())
}

// S5: every step of a round belongs to it.
func TestScenario5RoundsOutOfOrder(t *testing.T) {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	r, err := d.NewRequest()
	require.NoError(t, err)
	m, err := d.NewMemory(4)
	require.NoError(t, err)
	calls := 0
	routine := func(*ioreq.Request, ioreq.Result) { calls++ }
	require.ErrorIs(t, r.Send(), ioreq.ErrNotFormatted)
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	r.OnComplete(routine)
	require.NoError(t, r.Send())

	// While the target has it.
	require.ErrorIs(t, r.Reuse(), ioreq.ErrSent)
	require.ErrorIs(t, r.Send(), ioreq.ErrSent)
	require.ErrorIs(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}), ioreq.ErrSent)
	require.Equal(t, 2, m.Refs())
	require.Equal(t, 1, lb.InFlight())
	require.True(t, lb.Step())
	require.Equal(t, 1, calls)

	// Again without Reuse, also when it is formatted anew.
	require.ErrorIs(t, r.Send(), ioreq.ErrNotReused)
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	require.ErrorIs(t, r.Send(), ioreq.ErrNotReused)
	require.Equal(t, 2, m.Refs(), "a second format, one reference")
	require.NoError(t, r.Reuse())
	require.Equal(t, 1, m.Refs())
	require.ErrorIs(t, r.Send(), ioreq.ErrNotFormatted)

	// The routine was that of one round. Nobody hears of this one; its result can be asked for.
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	require.NoError(t, r.Send())
	require.True(t, lb.Step())
	require.Equal(t, 1, calls)
	require.Equal(t, ioreq.Completed, r.State())
	require.Equal(t, ioreq.Result{N: 4}, r.Result())

	// With it set again everything is as in the first round.
	require.NoError(t, r.Reuse())
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	r.OnComplete(routine)
	require.NoError(t, r.Send())
	require.True(t, lb.Step())
	require.Equal(t, 2, calls)

	// A received request that is sent a second time without one is refused.
	theirs, answer := received(t, d, ioreq.Write, "theirs")
	for round := range 2 {
		require.NoError(t, theirs.Reuse())
		require.NoError(t, theirs.Format(lb, ioreq.Write, m, ioreq.Span{}))
		if round == 0 {
			theirs.OnComplete(routine)
			require.NoError(t, theirs.Send())
			require.True(t, lb.Step())
		}
	}
	require.ErrorIs(t, theirs.Send(), ioreq.ErrNoRoutine)
	require.NoError(t, theirs.Complete(ioreq.Result{N: 6}))
	_, ok := answer()
	require.True(t, ok)
	require.Equal(t, 3, calls)
}
