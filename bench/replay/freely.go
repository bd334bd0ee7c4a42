package replay

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"offheap.example/lookaside/bench/contender"
	"offheap.example/lookaside/bench/trace"
)

// free is a replay in which every thread goes at its own speed.
type free struct {
	c       contender.Contender
	threads []*freeThread
	last    visitor         // sees the shared blocks that are left
	shared  [][]byte        // the shared blocks
	turns   []atomic.Uint64 // operations done on each
	stop    *atomic.Bool
	failed  atomic.Bool
}

// freeThread is one thread of it.
type freeThread struct {
	*free
	index  int
	part   trace.Part
	v      visitor // nil: a timed pass
	blocks [][]byte
	ids    []uint64
	slots  *trace.Slots
	born   uint64 // own blocks so far
	err    error
}

// newFree prepares a replay of the split trace. Thread i shows its blocks to
// visitorOf(i), unless that is nil; the one after the last thread's sees the
// shared blocks that are left.
func (s *session) newFree(visitorOf func(i int) visitor) *free {
	f := &free{
		stop:   &s.stop,
		last:   visitorOf(len(s.split.Parts)),
		shared: make([][]byte, s.split.Shared),
		turns:  make([]atomic.Uint64, s.split.Shared),
	}
	for i, p := range s.split.Parts {
		t := &freeThread{
			free: f, index: i, part: p, v: visitorOf(i),
			blocks: make([][]byte, p.Slots), slots: trace.NewSlots(p.Slots),
		}
		if t.v != nil {
			t.ids = make([]uint64, p.Slots)
		}
		f.threads = append(f.threads, t)
	}
	return f
}

// play lets all threads run, tells how long they took, and frees what is left.
func (f *free) play(c contender.Contender) (time.Duration, error) {
	f.c = c
	var all sync.WaitGroup
	begin := make(chan struct{})
	for _, t := range f.threads {
		all.Go(func() {
			debug.SetPanicOnFault(true)
			<-begin
			if t.err = guard(t.run); t.err != nil {
				f.failed.Store(true) // Publishes nothing: it only ends the waiting of the others.
			}
		})
	}
	start := time.Now()
	close(begin)
	all.Wait()
	elapsed := time.Since(start)
	return elapsed, f.end()
}

// end returns the first error, or frees what is left.
func (f *free) end() error {
	for _, t := range f.threads {
		if t.err != nil {
			return t.err
		}
	}
	if f.stop.Load() {
		return errInterrupted
	}
	for _, t := range f.threads {
		if err := f.rest(t.blocks, t.v, func(i int) uint64 { return t.ids[i] }); err != nil {
			return err
		}
	}
	return f.rest(f.shared, f.last, func(i int) uint64 { return sharedID | uint64(i) })
}

// rest frees the blocks left in a table.
func (f *free) rest(blocks [][]byte, v visitor, id func(i int) uint64) error {
	if v == nil {
		return freeAll(f.c, blocks)
	}
	for i, b := range blocks {
		if b == nil {
			continue
		}
		s := step{op: trace.Free, block: &blocks[i], id: id(i)}
		if err := guard(func() error { return s.perform(f.c, v) }); err != nil {
			return fmt.Errorf("free of block %s at the end: %w", name(s.id), err)
		}
		if v.enough() {
			return errEnough
		}
	}
	return nil
}

// run performs the thread's part.
func (t *freeThread) run() error {
	for _, seg := range t.part.Segments {
		if t.stop.Load() || t.failed.Load() {
			return nil
		}
		if err := t.segment(seg); err != nil {
			return err
		}
	}
	return nil
}

// segment performs the operations of one segment.
func (t *freeThread) segment(seg []byte) error {
	for i, end := 0, len(seg)-trace.Tail; i < end; {
		op, v, at := trace.Wide(seg, i)
		shared, turn := -1, uint64(0)
		if op == trace.Shared {
			shared = int(v)
			_, turn, at = trace.Wide(seg, at)
			op, v, at = trace.Wide(seg, at)
			if !t.wait(shared, turn) {
				return nil
			}
		}
		s := step{op: op, n: int(v)}
		switch op {
		case trace.Aligned:
			_, v, at = trace.Wide(seg, at)
			s.to = 1 << v
		case trace.Realloc:
			var n uint64
			_, n, at = trace.Wide(seg, at)
			s.n = int(n)
		}
		t.find(&s, shared, uint32(v))
		if err := t.do(&s); err != nil {
			return err
		}
		if shared >= 0 {
			// Publishes: the block and its place in shared. Pairs with: wait.
			t.turns[shared].Store(turn + 1)
		}
		i = at
	}
	return nil
}

// find sets the place and the identity of the step's block; slot is what a free
// or a realloc names.
func (t *freeThread) find(s *step, shared int, slot uint32) {
	if shared >= 0 {
		s.block, s.id = &t.shared[shared], sharedID|uint64(shared)
		return
	}
	if s.op.Allocates() {
		slot = t.slots.Take()
		if t.v != nil {
			t.ids[slot] = ownID(t.index, t.born)
			t.born++
		}
	} else if s.op == trace.Free {
		t.slots.Give(slot)
	}
	s.block = &t.blocks[slot]
	if t.v != nil {
		s.id = t.ids[slot]
	}
}

// do performs one step.
func (t *freeThread) do(s *step) error {
	if t.v != nil {
		err := s.perform(t.c, t.v)
		if err == nil && t.v.enough() {
			err = errEnough
		}
		return err
	}
	if s.op == trace.Free {
		t.c.Free(*s.block)
		*s.block = nil
		return nil
	}
	var b []byte
	var err error
	if s.op == trace.Realloc {
		b, err = t.c.Realloc(*s.block, s.n)
	} else {
		b, err = s.alloc(t.c)
	}
	if err != nil {
		return fmt.Errorf("%v of %d bytes: %w", s.op, s.n, err)
	}
	*s.block = b
	touch(b)
	return nil
}

// wait returns when turn operations were done on a shared block; false when the
// replay is being stopped.
func (t *freeThread) wait(shared int, turn uint64) bool {
	for try := 0; ; try++ {
		// Reads what segment published before it stored the turn.
		if t.turns[shared].Load() == turn {
			return true
		}
		switch {
		case t.stop.Load() || t.failed.Load():
			return false
		case try > 1000:
			time.Sleep(20 * time.Microsecond)
		case try > 30:
			runtime.Gosched()
		}
	}
}
