package replay

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"offheap.example/lookaside/bench/contender"
	"offheap.example/lookaside/bench/trace"
)

// timed prepares one timed pass. Of every block the first and the last byte are
// written when it is new and when it was reallocated.
func (s *session) timed(string) prepared {
	if s.split != nil {
		f := s.newFree(func(int) visitor { return nil })
		return func(c contender.Contender, r *Result) error {
			return s.clock(r, func() (time.Duration, error) { return f.play(c) })
		}
	}
	p := &timedPlayer{
		segs:   s.t.Segments(),
		blocks: make([][]byte, s.t.Slots),
		slots:  trace.NewSlots(s.t.Slots),
		stop:   &s.stop,
	}
	return func(c contender.Contender, r *Result) error {
		p.c = c
		return s.clock(r, func() (time.Duration, error) {
			err := p.run(len(s.t.Threads))
			return p.elapsed, err
		})
	}
}

// clock adds a timing of run, which measures itself, to the result.
func (s *session) clock(r *Result, run func() (time.Duration, error)) error {
	var before, after debug.GCStats
	debug.ReadGCStats(&before)
	elapsed, err := run()
	debug.ReadGCStats(&after)
	if errors.Is(err, errInterrupted) || s.stop.Load() {
		return nil
	}
	if err != nil {
		return err
	}
	r.Runs = append(r.Runs, Timing{
		Elapsed:  elapsed,
		GCCycles: after.NumGC - before.NumGC,
		GCPause:  after.PauseTotal - before.PauseTotal,
	})
	return nil
}

// freeAll frees what is left in a table of blocks.
func freeAll(c contender.Contender, blocks [][]byte) error {
	return guard(func() error {
		for _, b := range blocks {
			if b != nil {
				c.Free(b)
			}
		}
		return nil
	})
}

// timedPlayer performs events as fast as can be.
type timedPlayer struct {
	c       contender.Contender
	segs    [][]byte
	seg, i  int // the next word
	thread  int
	blocks  [][]byte // by slot
	slots   *trace.Slots
	stop    *atomic.Bool
	elapsed time.Duration // without the handing over
	err     error
}

// run plays the trace once in the recorded order, and frees what is left.
func (p *timedPlayer) run(threads int) error {
	if err := turns(threads, p); err != nil {
		return err
	}
	if p.err != nil {
		return p.err
	}
	return freeAll(p.c, p.blocks)
}

func (p *timedPlayer) play() (next int) {
	start := time.Now()
	next = over
	for p.seg < len(p.segs) && !p.stop.Load() {
		seg := p.segs[p.seg]
		var more bool
		if next, more = p.segment(seg); more {
			break
		}
		p.seg, p.i = p.seg+1, 0
	}
	p.elapsed += time.Since(start)
	return next
}

// segment performs the events of one segment from p.i. It ends early, with
// early true, for another thread's turn or for an error.
func (p *timedPlayer) segment(seg []byte) (next int, early bool) {
	c, blocks, slots := p.c, p.blocks, p.slots
	var b []byte
	var err error
	for i, end := p.i, len(seg)-trace.Tail; i < end; {
		op, v, at := trace.Wide(seg, i)
		switch op {
		case trace.Alloc:
			b, err = c.Alloc(int(v))
			blocks[slots.Take()] = b
			touch(b)
		case trace.Zeroed:
			b, err = c.AllocZeroed(int(v))
			blocks[slots.Take()] = b
			touch(b)
		case trace.Aligned:
			var to uint64
			_, to, at = trace.Wide(seg, at)
			b, err = c.AllocAligned(int(v), 1<<to)
			blocks[slots.Take()] = b
			touch(b)
		case trace.Free:
			c.Free(blocks[v])
			blocks[v] = nil
			slots.Give(uint32(v))
		case trace.Realloc:
			var n uint64
			_, n, at = trace.Wide(seg, at)
			b, err = c.Realloc(blocks[v], int(n))
			blocks[v] = b
			touch(b)
		case trace.Thread:
			if int(v) != p.thread {
				p.thread, p.i = int(v), at
				return p.thread, true
			}
		}
		if err != nil {
			p.err = fmt.Errorf("%v: %w", op, err)
			return over, true
		}
		i = at
	}
	return over, false
}

// touch writes the first and the last byte, as the least that a program does
// with a block.
func touch(b []byte) {
	if n := len(b); n > 0 {
		b[0], b[n-1] = 1, 1
	}
}
