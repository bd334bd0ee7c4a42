package replay

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"offheap.example/lookaside/bench/contender"
	"offheap.example/lookaside/bench/trace"
)

// Options say what a replay does.
type Options struct {
	Contenders  []contender.Spec
	Runs        int  // timed runs of each contender; 0: none
	Verify      bool // make the verify pass
	FreeRunning bool
	// Progress, unless nil, is called now and then outside the timed
	// passes with what is going on and the share of the whole that is
	// done, between 0 and 1.
	Progress func(what string, share float64)
}

// session is one replay under way.
type session struct {
	t      *trace.Trace
	split  *trace.Split // for FreeRunning
	o      Options
	report *Report
	stop   atomic.Bool
	steps  float64 // passes in all
	done   float64 // passes done
}

// Run replays the trace on every contender. What a contender did wrong is in
// the report; the error is about the replay itself. When ctx ends the replay
// stops at the next segment of events and the report holds what was complete.
func Run(ctx context.Context, t *trace.Trace, o Options) (*Report, error) {
	s := &session{t: t, o: o, report: newReport(t, &o)}
	s.steps = float64(len(o.Contenders) * (1 + o.Runs))
	if o.Verify {
		s.steps += float64(len(o.Contenders))
	}
	defer context.AfterFunc(ctx, func() { s.stop.Store(true) })()
	if ctx.Err() != nil {
		s.stop.Store(true) // at once: the function above runs when it may
	}
	if o.FreeRunning {
		split, err := t.Split()
		if err != nil {
			return nil, err
		}
		defer split.Close()
		s.split = split
	}
	s.passes()
	s.report.Interrupted = ctx.Err() != nil
	s.report.summarize()
	return s.report, nil
}

// passes makes all passes in their order.
func (s *session) passes() {
	for i := range s.o.Contenders {
		if s.o.Verify {
			s.pass(i, "verify", s.verify)
		}
		s.pass(i, "memory", s.memory)
	}
	for range s.o.Runs {
		for i := range s.o.Contenders {
			s.pass(i, "time", s.timed)
		}
	}
}

// prepared is a pass whose tables are allocated. It gets a fresh contender; what
// it returns is a failure of the contender.
type prepared func(contender.Contender, *Result) error

// pass makes one pass of contender i, unless it failed before or the replay is
// being stopped. The pass is prepared first, so that its tables belong to what
// was there before the contender.
func (s *session) pass(i int, what string, prepare func(title string) prepared) {
	r, spec := &s.report.Results[i], s.o.Contenders[i]
	if s.stop.Load() || len(r.Failures) > 0 {
		return
	}
	s.progress(spec.Name, what, 0)
	run := prepare(spec.Name)
	collect()
	c, err := spec.Open()
	if err != nil {
		r.Failures = append(r.Failures, fmt.Sprintf("open: %v", err))
		return
	}
	if err := run(c, r); err != nil {
		r.Failures = append(r.Failures, fmt.Sprintf("%s pass: %v", what, err))
	}
	halfway := len(r.Failures) > 0 || s.stop.Load() // blocks are out, then
	if err := guard(c.Close); err != nil && !halfway {
		r.Failures = append(r.Failures, fmt.Sprintf("%s pass: close: %v", what, err))
	}
	s.done++
	s.progress(spec.Name, what, 0)
}

// collect leaves nothing of earlier passes on the Go heap: what a sync.Pool holds
// lives on for two collections.
func collect() {
	runtime.GC()
	runtime.GC()
	debug.FreeOSMemory()
}

// progress reports a share of the pass under way.
func (s *session) progress(name, what string, share float64) {
	if s.o.Progress != nil && s.steps > 0 {
		s.o.Progress(name+" "+what, min((s.done+share)/s.steps, 1))
	}
}

// guard calls f and makes an error of its panic.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicError(p)
		}
	}()
	return f()
}

// panicError says what a contender panicked with.
func panicError(p any) error {
	if err, ok := p.(error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("panic: %v", p)
}
