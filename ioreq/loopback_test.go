package ioreq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/memory"
)

// started is a request that was sent to lb, and what became of it.
type started struct {
	r    *ioreq.Request
	m    memory.Object
	sent int // -1: not yet
	res  atomic.Pointer[ioreq.Result]
}

// start sends a request for the bytes of text, which a read replaces.
func start(t *testing.T, lb *ioreq.Loopback, op ioreq.Op, text string) *started {
	t.Helper()
	m, err := memory.Wrap([]byte(text))
	require.NoError(t, err)
	s := &started{r: fresh(t), m: m, sent: -1}
	require.NoError(t, s.r.Format(lb, op, m, ioreq.Span{}))
	s.r.OnSent(func(_ *ioreq.Request, n int) { s.sent = n })
	s.r.OnComplete(func(_ *ioreq.Request, res ioreq.Result) { s.res.Store(&res) })
	require.NoError(t, s.r.Send())
	return s
}

func (s *started) is(t *testing.T, text string, n int, err error) {
	t.Helper()
	res := s.res.Load()
	require.NotNil(t, res)
	require.Equal(t, n, res.N)
	require.ErrorIs(t, res.Err, err)
	require.Equal(t, text, string(s.m.Bytes()))
	require.NoError(t, s.r.Delete())
	require.Equal(t, 1, s.m.Refs())
}

// Step by step: reads wait for writes, and get the bytes in order.
func TestLoopbackByHand(t *testing.T) {
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	require.False(t, lb.Step())
	first, second := start(t, lb, ioreq.Read, "......"), start(t, lb, ioreq.Read, "..")
	require.False(t, lb.Step(), "nothing to read")
	w := start(t, lb, ioreq.Write, "abcde")
	require.False(t, lb.Cancel(w.r), "a cancellation that comes late is for an earlier round")
	require.Equal(t, ioreq.LoopbackStats{Waiting: 3}, lb.Stats())
	require.Equal(t, 3, lb.InFlight())
	require.True(t, lb.Step())
	w.is(t, "abcde", 5, nil)
	require.Equal(t, 5, lb.Stats().Bytes)
	require.True(t, lb.Step())
	first.is(t, "abcde.", 5, nil)
	require.False(t, lb.Step())
	w = start(t, lb, ioreq.Write, "fgh")
	require.True(t, lb.Step())
	require.True(t, lb.Step())
	second.is(t, "fg", 2, nil)
	w.is(t, "fgh", 3, nil)
	require.Equal(t, ioreq.LoopbackStats{Bytes: 1}, lb.Stats())
	require.Zero(t, lb.InFlight())
}

// The next one is whichever Order says.
func TestLoopbackOrder(t *testing.T) {
	var asked []int
	pick := 0
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true, Order: func(n int) int {
		asked = append(asked, n)
		return pick
	}})
	a, b, c := start(t, lb, ioreq.Write, "a"), start(t, lb, ioreq.Write, "b"), start(t, lb, ioreq.Write, "c")
	r := start(t, lb, ioreq.Read, "....")
	pick = 2
	require.True(t, lb.Step())
	c.is(t, "c", 1, nil)
	pick = 1
	require.True(t, lb.Step()) // of a, b, and the read, which has something now
	b.is(t, "b", 1, nil)
	pick = 99 // the last
	require.True(t, lb.Step())
	r.is(t, "cb..", 2, nil)
	pick = -1 // the first
	require.True(t, lb.Step())
	a.is(t, "a", 1, nil)
	require.Equal(t, []int{3, 3, 2, 1}, asked)
}

// Failures before and after bytes were transferred, and requests that transfer
// less than they might.
func TestLoopbackFaults(t *testing.T) {
	failure := errors.New("line is down")
	var most int
	var fault error
	cfg := ioreq.LoopbackConfig{Inline: true, Max: 4, Fault: func(op ioreq.Op, size int) (int, error) { return most, fault }}
	lb := ioreq.NewLoopback(cfg)
	most = 100
	start(t, lb, ioreq.Write, "abcdefgh").is(t, "abcdefgh", 4, nil)
	most = 3
	start(t, lb, ioreq.Write, "12345678").is(t, "12345678", 3, nil)
	most, fault = 2, failure
	s := start(t, lb, ioreq.Write, "xyz")
	require.Equal(t, -1, s.sent)
	s.is(t, "xyz", 2, failure)
	most, fault = 100, nil
	start(t, lb, ioreq.Read, "......").is(t, "abcd..", 4, nil)
	start(t, lb, ioreq.Read, "......").is(t, "123x..", 4, nil)
	most, fault = 9, failure
	start(t, lb, ioreq.Read, "......").is(t, "y.....", 1, failure)
	start(t, lb, ioreq.Read, "......").is(t, "......", 0, failure)
	most, fault = -1, nil
	start(t, lb, ioreq.Read, "......").is(t, "......", 0, nil)

	refusal := errors.New("no")
	lb = ioreq.NewLoopback(ioreq.LoopbackConfig{Refuse: func(op ioreq.Op, size int) error {
		require.Equal(t, ioreq.Write, op)
		require.Equal(t, 8, size)
		return refusal
	}})
	_, err := ioreq.SendSync(context.Background(), lb, ioreq.Write, ioreq.Buffer(make([]byte, 8)))
	require.ErrorIs(t, err, refusal)
	require.Zero(t, lb.InFlight())
}

// Sent, and held until Release.
func TestLoopbackTwoPhases(t *testing.T) {
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true, TwoPhase: true})
	require.False(t, lb.Release())
	a, b := start(t, lb, ioreq.Write, "aaa"), start(t, lb, ioreq.Write, "bb")
	require.Equal(t, -1, a.sent)
	require.True(t, lb.Step())
	require.Equal(t, 3, a.sent)
	require.Nil(t, a.res.Load())
	require.Equal(t, 2, a.m.Refs(), "the writer may go on, the memory is still read")
	require.False(t, a.r.Cancel(), "too late")
	require.True(t, lb.Step())
	require.Equal(t, ioreq.LoopbackStats{Held: 2, Bytes: 5}, lb.Stats())
	require.NoError(t, lb.Close(), "what is sent stays with the target")
	require.Nil(t, b.res.Load())
	require.True(t, lb.Release())
	a.is(t, "aaa", 3, nil)
	require.Nil(t, b.res.Load())
	require.True(t, lb.Release())
	b.is(t, "bb", 2, nil)
	require.False(t, lb.Release())
}

// Bounded: the oldest bytes are lost, or writes wait.
func TestLoopbackCapacity(t *testing.T) {
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true, Capacity: 4})
	start(t, lb, ioreq.Write, "abc").is(t, "abc", 3, nil)
	start(t, lb, ioreq.Write, "de").is(t, "de", 2, nil)
	require.Equal(t, ioreq.LoopbackStats{Bytes: 4, Lost: 1}, lb.Stats())
	start(t, lb, ioreq.Read, ".....").is(t, "bcde.", 4, nil)
	start(t, lb, ioreq.Write, "0123456789").is(t, "0123456789", 10, nil)
	start(t, lb, ioreq.Read, ".....").is(t, "6789.", 4, nil)
	require.Equal(t, int64(7), lb.Stats().Lost)

	lb = ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true, Capacity: 4, Block: true})
	start(t, lb, ioreq.Write, "abcdef").is(t, "abcdef", 4, nil)
	w := start(t, lb, ioreq.Write, "gh")
	require.Nil(t, w.res.Load())
	start(t, lb, ioreq.Read, "...").is(t, "abc", 3, nil)
	w.is(t, "gh", 2, nil)
	start(t, lb, ioreq.Read, "....").is(t, "dgh.", 3, nil)
	require.Zero(t, lb.Stats().Lost)
}

// A ring that grows and wraps has the same bytes as a plain buffer.
func TestLoopbackBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(testkit.Seed(t), 1))
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true, Capacity: 20_000, Block: true})
	var want bytes.Buffer
	buf := make([]byte, 9000)
	for range 500 {
		b := buf[:1+rng.IntN(len(buf))]
		if rng.IntN(2) == 0 && want.Len() < 20_000 {
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			n, err := ioreq.SendSync(context.Background(), lb, ioreq.Write, ioreq.Buffer(b))
			require.NoError(t, err)
			want.Write(b[:n])
		} else if want.Len() > 0 {
			n, err := ioreq.SendSync(context.Background(), lb, ioreq.Read, ioreq.Buffer(b))
			require.NoError(t, err)
			require.Equal(t, want.Next(n), b[:n])
		}
		require.Equal(t, want.Len(), lb.Stats().Bytes)
	}
}

// Closed with requests in flight, by hand and with the goroutine at work.
func TestLoopbackClose(t *testing.T) {
	for _, cfg := range []ioreq.LoopbackConfig{{Manual: true}, {Inline: true}, {}, {Delay: time.Hour}} {
		lb := ioreq.NewLoopback(cfg)
		var all []*started
		for range 3 {
			all = append(all, start(t, lb, ioreq.Read, "..."))
		}
		ready := fresh(t)
		require.NoError(t, ready.Format(lb, ioreq.Read, wrapped(t, 8), ioreq.Span{}))
		require.NoError(t, lb.Close())
		lb.Wait()
		for _, s := range all {
			s.is(t, "...", 0, ioreq.ErrClosed)
		}
		require.Zero(t, lb.InFlight())
		require.ErrorIs(t, lb.Close(), ioreq.ErrClosed)
		require.ErrorIs(t, ready.Send(), ioreq.ErrClosed)
		require.Equal(t, ioreq.Formatted, ready.State())
		require.ErrorIs(t, ready.Format(lb, ioreq.Read, wrapped(t, 8), ioreq.Span{}), ioreq.ErrClosed)
		require.NoError(t, ready.Delete())
		require.ErrorIs(t, lb.Submit(ready), ioreq.ErrClosed)
	}
}

func TestLoopbackDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Delay: time.Second, Order: func(n int) int { return n - 1 }})
		begin := time.Now()
		w := start(t, lb, ioreq.Write, "abc")
		time.Sleep(time.Second / 2)
		r := start(t, lb, ioreq.Read, "...")
		time.Sleep(time.Second/2 - 1)
		synctest.Wait()
		require.Nil(t, w.res.Load())
		time.Sleep(1)
		synctest.Wait()
		w.is(t, "abc", 3, nil)
		require.Nil(t, r.res.Load())
		time.Sleep(time.Second / 2)
		synctest.Wait()
		r.is(t, "abc", 3, nil)
		n, err := ioreq.SendSync(t.Context(), lb, ioreq.Write, ioreq.Buffer(make([]byte, 1)))
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, 2500*time.Millisecond, time.Since(begin))
		late := start(t, lb, ioreq.Write, "late")
		require.True(t, late.r.Cancel(), "what waits for its time can be cancelled")
		lb.Wait()
		late.is(t, "late", 0, ioreq.ErrCanceled)
		require.NoError(t, lb.Close())
	})
}

func TestLoopbackConfigIsChecked(t *testing.T) {
	for _, cfg := range []ioreq.LoopbackConfig{{Capacity: -1}, {Max: -1}, {Delay: -1}} {
		require.ErrorIs(t, panicked(func() { ioreq.NewLoopback(cfg) }), ioreq.ErrInvalid)
	}
}

// panicked returns the error that f panics with.
func panicked(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}

func TestGate(t *testing.T) {
	var g ioreq.Gate
	require.NoError(t, g.Enter())
	require.NoError(t, g.Enter())
	require.Equal(t, 2, g.InFlight())
	require.False(t, g.Closed())
	require.True(t, g.Close())
	require.False(t, g.Close())
	require.True(t, g.Closed())
	require.ErrorIs(t, g.Enter(), ioreq.ErrClosed)
	g.Leave()
	var wg sync.WaitGroup
	var waited []string
	wg.Go(func() {
		g.Wait()
		waited = append(waited, "over")
	})
	waited = append(waited, "before")
	g.Leave()
	wg.Wait()
	g.Wait()
	require.Equal(t, []string{"before", "over"}, waited)
	require.ErrorIs(t, panicked(g.Leave), ioreq.ErrInvalid)
}

// Many goroutines through one loopback: every byte arrives once, in some order.
func TestLoopbackCarriesEverything(t *testing.T) {
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Capacity: 64, Block: true, Max: 7})
	const writers, each = 4, 500
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			b := bytes.Repeat([]byte{byte('a' + w)}, each)
			for len(b) > 0 {
				n, err := ioreq.SendSync(context.Background(), lb, ioreq.Write, ioreq.Buffer(b))
				if err != nil {
					t.Error(err)
					return
				}
				b = b[n:]
			}
		})
	}
	counts := map[byte]int{}
	buf := make([]byte, 11)
	for total := 0; total < writers*each; {
		n, err := ioreq.SendSync(t.Context(), lb, ioreq.Read, ioreq.Buffer(buf))
		require.NoError(t, err)
		for _, c := range buf[:n] {
			counts[c]++
		}
		total += n
	}
	wg.Wait()
	require.Equal(t, "map[97:500 98:500 99:500 100:500]", fmt.Sprint(counts))
}
