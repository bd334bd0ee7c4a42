package ioreq_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// shared is a request that many goroutines use, and what was heard of it.
type shared struct {
	mu                                    sync.Mutex // held from setting the routine to sending, and by those who take it away
	r                                     *ioreq.Request
	received                              bool
	completions, sents                    atomic.Int64
	cleanups, destroys, answers, accepted atomic.Int64
}

func share(t *testing.T, parent object.Object, received bool, m memory.Object) *shared {
	s := &shared{received: received}
	cfg := object.Config{
		Parent:  parent,
		Cleanup: func(object.Object) { s.cleanups.Add(1) },
		Destroy: func(object.Object) { s.destroys.Add(1) },
	}
	var err error
	if received {
		s.r, err = ioreq.Receive(cfg, ioreq.Read, ioreq.Memory(m, ioreq.Span{}))
		require.NoError(t, err)
		err = s.r.Notify(func(ioreq.Result) { s.answers.Add(1) })
	} else {
		s.r, err = ioreq.New(cfg)
	}
	require.NoError(t, err)
	return s
}

// send sends the request with a routine. s.mu is held.
func (s *shared) send() {
	s.r.OnComplete(func(*ioreq.Request, ioreq.Result) { s.completions.Add(1) })
	s.r.OnSent(func(*ioreq.Request, int) { s.sents.Add(1) })
	if s.r.Send() == nil {
		s.accepted.Add(1)
	}
}

// Goroutines that do whatever comes to their minds with the same requests. The
// requests differ in what they find, but in the end the sums are right: a send
// that succeeded is one completion, an answer is heard once, callbacks run once,
// and nobody holds any memory.
func TestStress(t *testing.T) {
	seed := testkit.Seed(t)
	rounds, calls := 60, 400
	if testing.Short() {
		rounds, calls = 10, 200
	}
	accepted := int64(0)
	for round := range rounds {
		parent, err := object.New(object.Config{})
		require.NoError(t, err)
		cfg := ioreq.LoopbackConfig{Max: 5, TwoPhase: round%3 == 1, Inline: round%3 == 2}
		lb := ioreq.NewLoopback(cfg)
		memories := []memory.Object{wrapped(t, 8), wrapped(t, 8)}
		var all []*shared
		for i := range 6 {
			all = append(all, share(t, parent, i%3 == 2, memories[0]))
		}
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				rng := testkit.Rand(seed, uint64(round*4+g))
				for range calls {
					disturb(t, rng, all[rng.IntN(len(all))], lb, memories)
				}
			})
		}
		wg.Wait()
		require.NoError(t, parent.Delete())
		require.NoError(t, lb.Close())
		for lb.Release() {
		}
		lb.Wait()
		for i, s := range all {
			require.Equal(t, s.accepted.Load(), s.completions.Load(), "round %d, request %d", round, i)
			accepted += s.accepted.Load()
			require.EqualValues(t, 1, s.cleanups.Load())
			require.EqualValues(t, 1, s.destroys.Load(), "round %d, request %d", round, i)
			require.LessOrEqual(t, s.sents.Load(), s.accepted.Load())
			if s.received {
				require.EqualValues(t, 1, s.answers.Load())
			}
			require.Equal(t, ioreq.Deleted, s.r.State())
		}
		for _, m := range memories {
			require.Equal(t, 1, m.Refs(), "round %d", round)
			require.NoError(t, m.Delete())
		}
		require.Zero(t, lb.InFlight())
	}
	require.Greater(t, accepted, int64(20*rounds), "requests were really sent")
	t.Logf("%d requests sent", accepted)
}

// disturb makes one call.
func disturb(t *testing.T, rng *rand.Rand, s *shared, lb *ioreq.Loopback, memories []memory.Object) {
	r := s.r
	m := memories[rng.IntN(len(memories))]
	op := ioreq.Op(1 + rng.IntN(2))
	switch rng.IntN(17) {
	case 0, 1, 2:
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = r.Format(lb, op, m, ioreq.Span{Off: rng.IntN(8)})
	case 3:
		l, err := mdl.Of(m)
		if err != nil {
			t.Error(err)
			return
		}
		s.mu.Lock()
		_ = r.FormatList(lb, op, l)
		s.mu.Unlock()
		l.Release()
	case 4, 5, 6:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.send()
	case 7, 8:
		r.Cancel()
	case 9:
		// A whole round at once, so that there are many.
		s.mu.Lock()
		if r.Reuse() == nil && r.Format(lb, op, m, ioreq.Span{}) == nil {
			s.send()
		}
		s.mu.Unlock()
	case 10:
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = r.Reuse()
	case 16:
		if rng.IntN(200) == 0 {
			_ = r.Delete()
		}
	case 11:
		if r.Ref() == nil {
			_ = r.State()
			r.Unref()
		}
	case 12:
		lb.Release()
	case 13:
		_ = r.SetTimeout(1)
		_, _ = r.Deadline()
	case 14:
		if e, err := r.OutputMemory(); err == nil && e.TryRef() {
			_ = r.Complete(ioreq.Result{})
			e.Unref()
		}
	case 15:
		if rng.IntN(200) == 0 {
			var misuse *ioreq.MisuseError
			if err := r.Complete(ioreq.Result{}); errors.As(err, &misuse) && misuse.Refs == 0 {
				t.Error("misuse by nobody")
			}
		}
	}
}
