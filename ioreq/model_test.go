package ioreq_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/object"
)

// check compares everything that can be seen.
func (w *world) check() {
	want, got := w.want[w.compared:], w.got[w.compared:]
	// Embedded memory has no callback to tell of its end.
	kept := want[:0]
	for _, s := range want {
		if !embeddedEnds(s) {
			kept = append(kept, s)
		}
	}
	w.want = w.want[:w.compared+len(kept)]
	w.must(fmt.Sprint(kept) == fmt.Sprint(got), "heard %q, want %q", got, kept)
	w.compared = len(w.want)
	for _, m := range w.memories {
		w.must(m.real.Refs() == m.ideal.refs, "%s has %d references, want %d", m.ideal.name, m.real.Refs(), m.ideal.refs)
	}
	for _, r := range w.requests {
		refs, state := r.ideal.refs, r.ideal.state
		if state != ioreq.Answered && r.ideal.deleted || r.ideal.dead {
			state = ioreq.Deleted
		}
		w.must(r.real.State() == state, "%s is %v, want %v", r.ideal.name, r.real.State(), state)
		w.must(r.real.Object().Refs() == refs, "%s has %d references, want %d", r.ideal.name, r.real.Object().Refs(), refs)
		w.must(r.ideal.dead || r.real.CancelRequested() == r.ideal.bit, "%s: the cancel bit is not %v", r.ideal.name, r.ideal.bit)
	}
}

func embeddedEnds(s string) bool {
	var n int
	_, err := fmt.Sscanf(s, "r%d's destroyed", &n)
	return err == nil
}

// end lets everything go, in the ideal and in reality, and expects nothing to
// be left.
func (w *world) end() {
	for range 3 + len(w.requests) { // what one lets go may free another
		for _, r := range w.requests {
			if low := w.flights[r.ideal]; low != nil {
				delete(w.flights, r.ideal)
				got := low.Complete(ioreq.Result{})
				w.same("arrive", w.arrive(r.ideal, 0, nil), got)
			}
			if !r.ideal.received {
				got := r.real.Delete()
				w.same("delete", w.delete(r.ideal), got)
			} else {
				got := r.real.Reuse()
				w.same("reuse", w.reuse(r.ideal), got)
			}
		}
		for _, m := range w.memories {
			for m.ideal.refs-w.heldBy(m.ideal) > 1 || m.ideal.refs-w.heldBy(m.ideal) == 1 && !m.ideal.live {
				m.real.Unref()
				w.unrefMemory(m.ideal)
			}
		}
		for _, r := range w.requests {
			if r.ideal.received {
				got := r.real.Complete(ioreq.Result{})
				w.same("answer", w.answer(r.ideal, 0), got)
			}
			for !r.ideal.dead && r.ideal.refs > 0 && r.ideal.deleted {
				r.real.Unref()
				w.unref(r.ideal)
			}
		}
		w.check()
	}
	for _, r := range w.requests {
		w.must(r.ideal.dead && r.ideal.received == (r.ideal.answered == 1), "%s is left", r.ideal.name)
	}
	for _, m := range w.memories {
		w.must((m.real.Delete() == nil) == w.deleteMemory(m.ideal), "delete")
		w.must(!m.real.Valid(), "%s is left", m.ideal.name)
	}
	w.check()
}

// run runs a program and returns what is wrong.
func run(program []byte) (wrong error) {
	w := &world{program: program, flights: map[*idealRequest]*ioreq.Request{}}
	defer func() {
		if d, ok := recover().(differ); ok {
			wrong = errors.New(d.what)
		}
	}()
	for range 2 {
		f, err := object.New(object.Config{})
		w.must(err == nil, "%v", err)
		w.families = append(w.families, pair[idealFamily, object.Object]{&idealFamily{live: true}, f})
	}
	w.newMemory()
	w.newRequest(false)
	for w.pc < len(w.program) {
		w.step()
	}
	w.end()
	return nil
}

func FuzzRequests(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(testkit.Bytes(testkit.Rand(seed, 1), 400))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		if err := run(program); err != nil {
			t.Fatal(err)
		}
	})
}

// Random programs, by one goroutine and by several, each with its own world.
func TestPrograms(t *testing.T) {
	seed := testkit.Seed(t)
	n := 300
	if testing.Short() || race.Enabled {
		n = 40
	}
	for _, goroutines := range []int{1, 4} {
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				rng := testkit.Rand(seed, uint64(10*goroutines+g))
				for range n / goroutines {
					program := testkit.Bytes(rng, 200+rng.IntN(1500))
					if err := run(program); err != nil {
						t.Errorf("%v\nprogram %v", err, program)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// The model finds a difference when there is one.
func TestTheModelCanFail(t *testing.T) {
	w := &world{flights: map[*idealRequest]*ioreq.Request{}}
	w.newMemory()
	w.memories[0].ideal.refs++
	require.Panics(t, w.check)
	w.memories[0].ideal.refs--
	w.check()
	w.say("nobody says so")
	require.Panics(t, w.check)
}
