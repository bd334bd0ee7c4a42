package replay

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/bench/contender"
	"offheap.example/lookaside/bench/trace"
)

// visitor looks at blocks in the passes that are not timed. id says which block
// of the trace it is.
type visitor interface {
	// fresh sees a new block for which n bytes were asked for; to is its
	// alignment, or 0.
	fresh(b []byte, id uint64, n int, op trace.Op, to int)
	// moved sees a block after a realloc from old to n bytes.
	moved(b []byte, id uint64, old, n int)
	// gone sees a block that is about to be freed.
	gone(b []byte, id uint64)
	// enough tells that the pass should end.
	enough() bool
}

// step is one operation on one block.
type step struct {
	op    trace.Op
	block *[]byte // its place in the table
	id    uint64
	n     int // size asked for
	to    int // alignment asked for
}

// perform does the operation and shows the block to v.
func (s *step) perform(c contender.Contender, v visitor) error {
	switch s.op {
	case trace.Free:
		v.gone(*s.block, s.id)
		c.Free(*s.block)
		*s.block = nil
		return nil
	case trace.Realloc:
		old := len(*s.block)
		b, err := c.Realloc(*s.block, s.n)
		if err != nil {
			return fmt.Errorf("realloc of block %s from %d to %d bytes: %w", name(s.id), old, s.n, err)
		}
		*s.block = b
		v.moved(b, s.id, old, s.n)
		return nil
	}
	b, err := s.alloc(c)
	if err != nil {
		return fmt.Errorf("alloc of block %s, %d bytes: %w", name(s.id), s.n, err)
	}
	*s.block = b
	v.fresh(b, s.id, s.n, s.op, s.to)
	return nil
}

// alloc does the operations that make a block.
func (s *step) alloc(c contender.Contender) ([]byte, error) {
	switch s.op {
	case trace.Zeroed:
		return c.AllocZeroed(s.n)
	case trace.Aligned:
		return c.AllocAligned(s.n, s.to)
	}
	return c.Alloc(s.n)
}

// errInterrupted ends a pass that was stopped; it is no failure.
var errInterrupted = errors.New("interrupted")

// errEnough ends a pass whose visitor has seen enough.
var errEnough = errors.New("enough seen")

// look is how many operations a walk does between two looks at the world.
const look = 4096

// walk plays a trace in its recorded order before a visitor.
type walk struct {
	c       contender.Contender
	v       visitor
	cur     *trace.Cursor
	threads int
	thread  uint32
	blocks  [][]byte // by slot
	ids     []uint64 // by slot
	at      step     // the operation under way
	ops     int64
	err     error
	after   func(ops int64, blocks [][]byte) error // called after every operation, unless nil
	looking func(ops int64) error                  // called now and then
}

// newWalk prepares a walk.
func (s *session) newWalk(v visitor, title, what string) *walk {
	total := max(float64(s.t.Totals.Ops()), 1)
	return &walk{
		v:       v,
		threads: len(s.t.Threads),
		cur:     s.t.Cursor(),
		blocks:  make([][]byte, s.t.Slots),
		ids:     make([]uint64, s.t.Slots),
		looking: func(ops int64) error {
			if s.stop.Load() {
				return errInterrupted
			}
			s.progress(title, what, float64(ops)/total)
			return nil
		},
	}
}

// run walks to the end of the trace with contender c and frees what is left. A
// panic is reported with the operation.
func (w *walk) run(c contender.Contender) error {
	if err := w.replay(c); err != nil {
		return err
	}
	return w.finish()
}

// replay walks to the end of the trace.
func (w *walk) replay(c contender.Contender) error {
	w.c = c
	if err := turns(w.threads, w); err != nil {
		return fmt.Errorf("%v of block %s: %w", w.at.op, name(w.at.id), err)
	}
	return w.err
}

func (w *walk) play() (next int) {
	var e trace.Event
	for w.cur.Next(&e) {
		if e.Op == trace.Thread && e.Thread != w.thread {
			w.thread = e.Thread
			return int(e.Thread)
		}
		if !e.Op.Moves() {
			continue
		}
		if w.err = w.event(&e); w.err != nil {
			return over
		}
	}
	return over
}

// event performs one operation.
func (w *walk) event(e *trace.Event) error {
	w.at = step{op: e.Op, block: &w.blocks[e.Slot], id: uint64(e.Number), n: int(e.Size), to: int(e.Align)}
	w.ids[e.Slot] = w.at.id
	if err := w.at.perform(w.c, w.v); err != nil {
		return err
	}
	w.ops++
	if w.after != nil {
		if err := w.after(w.ops, w.blocks); err != nil {
			return err
		}
	}
	if w.v.enough() {
		return errEnough
	}
	if w.ops%look == 0 {
		return w.looking(w.ops)
	}
	return nil
}

// finish frees what is still live, before the visitor.
func (w *walk) finish() error {
	for i, b := range w.blocks {
		if b == nil {
			continue
		}
		w.at = step{op: trace.Free, block: &w.blocks[i], id: w.ids[i]}
		if err := guard(func() error { return w.at.perform(w.c, w.v) }); err != nil {
			return fmt.Errorf("free of block %s at the end: %w", name(w.at.id), err)
		}
		if w.v.enough() {
			return errEnough
		}
	}
	return nil
}
