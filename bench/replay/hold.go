package replay

import (
	"context"
	"errors"
	"fmt"

	"offheap.example/lookaside/bench/contender"
	"offheap.example/lookaside/bench/trace"
)

// Held is a contender as a trace left it, with the blocks live that were never
// freed.
type Held struct {
	w *walk
	k *checker
}

// Hold replays the trace on a fresh contender up to its end and keeps what is
// live then, so that somebody can look at it. The trace is not needed any more.
// When ctx ends before, the error wraps its cause.
func Hold(ctx context.Context, t *trace.Trace, spec contender.Spec) (*Held, error) {
	s := &session{t: t}
	defer context.AfterFunc(ctx, func() { s.stop.Store(true) })()
	if ctx.Err() != nil {
		s.stop.Store(true) // at once: the function above runs when it may
	}
	k := &checker{}
	w := s.newWalk(k, spec.Name, "hold")
	c, err := spec.Open()
	if err != nil {
		return nil, err
	}
	err = w.replay(c)
	w.cur = nil
	h := &Held{w, k}
	if errors.Is(err, errInterrupted) {
		err = context.Cause(ctx)
	}
	if err != nil {
		h.Release()
		return nil, fmt.Errorf("hold: %s: %w", spec.Name, err)
	}
	return h, nil
}

// Live is how many blocks are held, and how many bytes were asked for.
func (h *Held) Live() (blocks int, bytes int64) {
	for _, b := range h.w.blocks {
		if b != nil {
			blocks++
			bytes += int64(len(b))
		}
	}
	return blocks, bytes
}

// Release verifies and frees the blocks and closes the contender. The error
// names the first thing found wrong.
func (h *Held) Release() error {
	err := h.w.finish()
	if len(h.k.found) > 0 {
		err = errors.New(h.k.found[0])
	}
	return errors.Join(err, guard(h.w.c.Close))
}
