package lookaside_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside"
	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// domain is a domain that must close without a leak.
func domain(t testing.TB) *lookaside.Domain {
	t.Helper()
	d, err := lookaside.Open(lookaside.Config{Name: "lifetimes"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// received is a request from somebody who wants to write text, or to have as
// many bytes filled.
func received(t testing.TB, d *lookaside.Domain, op ioreq.Op, text string) (r *ioreq.Request, answer func() (ioreq.Result, bool)) {
	t.Helper()
	r, err := ioreq.Receive(object.Config{Parent: d.Root()}, op, ioreq.Buffer([]byte(text)))
	require.NoError(t, err)
	var got *ioreq.Result
	require.NoError(t, r.Notify(func(res ioreq.Result) {
		require.Nil(t, got, "an answer for the second time")
		got = &res
	}))
	return r, func() (ioreq.Result, bool) {
		if got == nil {
			return ioreq.Result{}, false
		}
		return *got, true
	}
}

// watchMemory and watchRequest are the figures of most stories.
func (s *story) watchMemory(m *memory.Object) { s.watch("refs", func() any { return m.Refs() }) }

func (s *story) watchRequest(name string, r *ioreq.Request) {
	s.watch(name, func() any { return r.State() })
}

// S1: a request comes, is worked on where it is, and goes back.
func liveReceived(t testing.TB) string {
	d := domain(t)
	s := tell("S1  receive, process, complete", "requester", "we", "request")
	r, answer := received(t, d, ioreq.Write, "six by nine")
	var m memory.Object
	s.watchMemory(&m)
	s.watchRequest("request  ", r)
	s.head()
	s.step(0, 1, "Write(its bytes)")
	var err error
	m, err = r.InputMemory()
	require.NoError(t, err)
	s.step(1, 2, "InputMemory")
	require.Equal(t, "six by nine", string(m.Bytes()))
	again, err := r.InputMemory()
	require.NoError(t, err)
	require.Equal(t, m, again)
	s.step(1, 1, "Bytes, CopyOut")
	require.NoError(t, r.Complete(ioreq.Result{N: 11}))
	s.step(1, 2, "Complete")
	res, ok := answer()
	require.True(t, ok)
	require.Equal(t, ioreq.Result{N: 11}, res)
	s.step(2, 0, "its bytes are back")
	return s.end()
}

// S2: a request comes and is sent on.
func liveForwarded(t testing.TB) string {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	s := tell("S2  receive, forward, complete in the routine", "requester", "we", "request", "target")
	r, answer := received(t, d, ioreq.Write, "pass it on")
	var m memory.Object
	s.watchMemory(&m)
	s.watchRequest("request  ", r)
	s.head()
	s.step(0, 1, "Write(its bytes)")
	var err error
	m, err = r.InputMemory()
	require.NoError(t, err)
	s.step(1, 2, "InputMemory")
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	s.step(1, 2, "Format")
	r.OnComplete(func(r *ioreq.Request, res ioreq.Result) {
		s.step(3, 1, "Complete: routine")
		require.NoError(t, r.Complete(res))
		s.step(1, 2, "Complete, in it")
	})
	require.NoError(t, r.Send())
	s.step(1, 3, "OnComplete, Send")
	require.True(t, lb.Step())
	res, ok := answer()
	require.True(t, ok)
	require.Equal(t, ioreq.Result{N: 10}, res)
	s.step(2, 0, "its bytes are back")
	return s.end()
}

// S3: a request of our own works on the memory of one that came.
func liveTheirMemory(t testing.TB) string {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	s := tell("S3  our request, their memory", "requester", "we", "theirs", "ours", "target")
	theirs, answer := received(t, d, ioreq.Write, "borrowed bytes")
	var m memory.Object
	ours, err := d.NewRequest()
	require.NoError(t, err)
	s.watchMemory(&m)
	s.watchRequest("theirs  ", theirs)
	s.watchRequest("ours     ", ours)
	s.head()
	s.step(0, 1, "Write(its bytes)")
	m, err = theirs.InputMemory()
	require.NoError(t, err)
	s.step(1, 2, "InputMemory")
	require.NoError(t, ours.Format(lb, ioreq.Write, m, ioreq.Span{Off: 9}))
	s.step(1, 3, "Format, a span of it")
	ours.OnComplete(func(ours *ioreq.Request, res ioreq.Result) {
		require.Equal(t, ioreq.Result{N: 5}, res)
		s.step(4, 1, "Complete: routine")
		var misuse *ioreq.MisuseError
		require.ErrorAs(t, theirs.Complete(ioreq.Result{N: 14}), &misuse)
		require.Equal(t, 1, misuse.Refs)
		s.step(1, 2, "Complete: refused")
		require.NoError(t, ours.Reuse())
		s.step(1, 3, "Reuse")
		require.NoError(t, theirs.Complete(ioreq.Result{N: 14}))
		s.step(1, 2, "Complete")
	})
	require.NoError(t, ours.Send())
	s.step(1, 4, "OnComplete, Send")
	require.True(t, lb.Step())
	res, ok := answer()
	require.True(t, ok)
	require.Equal(t, ioreq.Result{N: 14}, res)
	s.step(2, 0, "its bytes are back")
	require.NoError(t, ours.Delete())
	s.step(1, 3, "Delete")
	return s.end()
}

// S4a: the memory object owns its bytes, and may be deleted at any time.
func liveOwnMemory(t testing.TB) string {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	s := tell("S4a  new memory that the object owns", "we", "request", "target")
	r, err := d.NewRequest()
	require.NoError(t, err)
	var m memory.Object
	s.watchMemory(&m)
	s.watch("blocks", func() any { return d.Allocator().Stats().Live })
	s.watchRequest("request  ", r)
	s.head()
	m, err = d.NewMemory(64)
	require.NoError(t, err)
	s.step(0, 0, "NewMemory")
	require.NoError(t, m.CopyIn(0, []byte("kept alive")))
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{Len: 10}))
	s.step(0, 1, "Format")
	r.OnComplete(func(r *ioreq.Request, res ioreq.Result) {
		require.Equal(t, ioreq.Result{N: 10}, res)
		s.step(2, 0, "Complete: routine")
		require.Equal(t, "kept alive", string(m.Bytes()[:10]))
		s.step(0, 0, "Bytes, still there")
		require.NoError(t, r.Reuse())
		s.step(0, 1, "Reuse")
	})
	require.NoError(t, r.Send())
	s.step(0, 2, "OnComplete, Send")
	require.NoError(t, m.Delete())
	s.step(0, 0, "Delete the memory")
	require.True(t, lb.Step())
	require.Nil(t, m.Bytes())
	require.NoError(t, r.Delete())
	s.step(0, 1, "Delete")
	return s.end()
}

// S4b: the bytes are ours, and we have to keep them.
func liveWrappedMemory(t testing.TB) string {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	s := tell("S4b  new memory around bytes of our own", "we", "request", "target")
	r, err := d.NewRequest()
	require.NoError(t, err)
	var m memory.Object
	s.watchMemory(&m)
	s.watchRequest("request  ", r)
	s.head()
	bytes, other := []byte("mine"), []byte("others")
	m, err = memory.Wrap(bytes)
	require.NoError(t, err)
	s.step(0, 0, "Wrap(bytes)")
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	s.step(0, 1, "Format")
	r.OnComplete(func(r *ioreq.Request, _ ioreq.Result) {
		s.step(2, 0, "Complete: routine")
		require.NoError(t, r.Reuse())
		s.step(0, 1, "Reuse")
	})
	require.NoError(t, r.Send())
	s.step(0, 2, "OnComplete, Send")
	require.ErrorIs(t, m.Assign(other), memory.ErrInUse)
	s.step(0, 0, "Assign: ErrInUse")
	require.True(t, lb.Step())
	require.NoError(t, m.Assign(other))
	s.step(0, 0, "Assign(others)")
	require.NoError(t, m.Revoke())
	s.step(0, 0, "Revoke: all are ours")
	require.NoError(t, m.Delete())
	s.step(0, 0, "Delete the memory")
	require.NoError(t, r.Delete())
	return s.end()
}

// S5: one request, round after round.
func liveRounds(t testing.TB) string {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	s := tell("S5  one request, round after round", "we", "request", "target")
	r, err := d.NewRequest()
	require.NoError(t, err)
	m, err := d.NewMemory(16)
	require.NoError(t, err)
	s.watchMemory(&m)
	s.watchRequest("request  ", r)
	s.head()
	s.step(0, 0, "NewRequest, NewMemory")
	for round := range 2 {
		if round > 0 {
			require.NoError(t, r.Reuse())
			s.step(0, 1, "Reuse")
		}
		require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
		s.step(0, 1, "Format")
		calls := 0
		r.OnComplete(func(*ioreq.Request, ioreq.Result) {
			calls++
			s.step(2, 0, "Complete: routine")
		})
		s.step(0, 1, "OnComplete")
		require.NoError(t, r.Send())
		s.step(0, 2, "Send")
		require.True(t, lb.Step())
		require.Equal(t, 1, calls)
	}
	require.NoError(t, r.Delete())
	s.step(0, 1, "Delete")
	require.NoError(t, m.Delete())
	s.step(0, 0, "Delete the memory")
	return s.end()
}

// Sent and completed are two moments for a target that does not copy.
func liveTwoPhases(t testing.TB) string {
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true, TwoPhase: true})
	s := tell("Two phases  a target that reads the memory where it is", "we", "request", "target")
	r, err := d.NewRequest()
	require.NoError(t, err)
	m, err := d.NewMemory(16)
	require.NoError(t, err)
	s.watchMemory(&m)
	s.watchRequest("request  ", r)
	s.head()
	s.step(0, 0, "NewMemory")
	require.NoError(t, r.Format(lb, ioreq.Write, m, ioreq.Span{}))
	s.step(0, 1, "Format")
	sent := 0
	r.OnSent(func(_ *ioreq.Request, n int) {
		sent = n
		s.step(2, 0, "Sent: OnSent's")
	})
	r.OnComplete(func(r *ioreq.Request, _ ioreq.Result) {
		require.Equal(t, 16, sent)
		s.step(2, 0, "Complete: routine")
		require.NoError(t, r.Reuse())
		s.step(0, 1, "Reuse")
	})
	require.NoError(t, r.Send())
	s.step(0, 2, "Send")
	require.NoError(t, m.Delete())
	s.step(0, 0, "Delete the memory")
	require.True(t, lb.Step())
	require.ErrorIs(t, r.Reuse(), ioreq.ErrSent)
	s.step(0, 0, "Reuse: ErrSent")
	require.True(t, lb.Release())
	require.NoError(t, r.Delete())
	return s.end()
}

// A round of S5 allocates nothing on the Go heap.
func TestScenarioRoundsAllocateNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	d := domain(t)
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true, Capacity: 4096})
	r, err := d.NewRequest()
	require.NoError(t, err)
	m, err := d.NewMemory(64)
	require.NoError(t, err)
	done, failed := 0, 0
	routine := func(_ *ioreq.Request, res ioreq.Result) {
		if done++; res != (ioreq.Result{N: 64}) {
			failed++
		}
	}
	round := func() {
		if r.Reuse() != nil || r.Format(lb, ioreq.Write, m, ioreq.Span{}) != nil {
			failed++
		}
		r.OnComplete(routine)
		if r.Send() != nil {
			failed++
		}
	}
	for range 100 {
		round()
	}
	done = 0
	require.Zero(t, testing.AllocsPerRun(1000, round))
	require.Equal(t, 1001, done)
	require.Zero(t, failed)
	require.NoError(t, r.Delete())
	require.NoError(t, m.Delete())
}
