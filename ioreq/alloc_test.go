package ioreq_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// sink completes what it is given at once.
type sink struct{}

func (sink) Submit(r *ioreq.Request) error { return r.Complete(ioreq.Result{N: r.Len()}) }
func (sink) Cancel(*ioreq.Request) bool    { return false }

// rounds are what must not allocate in steady state, and what is measured.
func rounds(t testing.TB) map[string]func() {
	m, err := memory.Wrap(make([]byte, 64))
	require.NoError(t, err)
	list := mdl.New()
	for range 20 {
		require.NoError(t, list.Append(m, 0, 8))
	}
	lb := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true})
	async := ioreq.NewLoopback(ioreq.LoopbackConfig{})
	r := fresh(t)
	calls := 0
	count := func(*ioreq.Request, ioreq.Result) { calls++ }
	done := make(chan struct{})
	tell := func(*ioreq.Request, ioreq.Result) { done <- struct{}{} }
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	pass := func(r *ioreq.Request, res ioreq.Result) { must(r.Complete(res)) }
	round := func(target ioreq.Target, op ioreq.Op) {
		must(r.Format(target, op, m, ioreq.Span{}))
		r.OnComplete(count)
		must(r.Send())
		must(r.Reuse())
	}
	return map[string]func(){
		"new+delete": func() {
			r, err := ioreq.New(object.Config{})
			must(err)
			must(r.Delete())
		},
		"round": func() { round(sink{}, ioreq.Write) },
		"loopback": func() {
			round(lb, ioreq.Write)
			round(lb, ioreq.Read)
		},
		"goroutine": func() {
			for _, op := range []ioreq.Op{ioreq.Write, ioreq.Read} {
				must(r.Format(async, op, m, ioreq.Span{}))
				r.OnComplete(tell)
				must(r.Send())
				<-done
				must(r.Reuse())
			}
		},
		"timeout": func() {
			must(r.SetTimeout(time.Hour))
			round(sink{}, ioreq.Write)
		},
		"list": func() {
			must(r.FormatList(sink{}, ioreq.Write, list))
			must(r.Send())
			must(r.Reuse())
		},
		"cancel": func() {
			must(r.Format(lb, ioreq.Read, m, ioreq.Span{}))
			r.OnComplete(count)
			must(r.Send())
			if !r.Cancel() {
				t.Fatal("not cancelled")
			}
			must(r.Reuse())
		},
		"sync": func() {
			_, err := ioreq.SendSync(context.Background(), sink{}, ioreq.Write, ioreq.Memory(m, ioreq.Span{}))
			must(err)
		},
		"receive": func() {
			r, err := ioreq.Receive(object.Config{}, ioreq.Write, ioreq.Memory(m, ioreq.Span{}))
			must(err)
			in, err := r.InputMemory()
			must(err)
			if in.Len() != 64 {
				t.Fatal("length")
			}
			must(r.Complete(ioreq.Result{N: 64}))
		},
		"forward": func() {
			r, err := ioreq.Receive(object.Config{}, ioreq.Write, ioreq.Memory(m, ioreq.Span{}))
			must(err)
			in, err := r.InputMemory()
			must(err)
			must(r.Format(sink{}, ioreq.Write, in, ioreq.Span{}))
			r.OnComplete(pass)
			must(r.Send())
		},
	}
}

func TestNoAllocationsInSteadyState(t *testing.T) {
	if race.Enabled {
		t.Skip("race builds allocate")
	}
	for name, f := range rounds(t) {
		for range 5000 { // until handles come round again
			f()
		}
		require.Zero(t, testing.AllocsPerRun(1000, f), name)
	}
}

func BenchmarkRound(b *testing.B) {
	for name, f := range rounds(b) {
		b.Run("work="+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
