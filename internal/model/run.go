package model

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/slab"
)

// Failure is a program on which the real thing and the reference do not agree.
type Failure struct {
	Program Program
	At      int // number of the operation; len(Program.Ops) for the end
	Reason  error
}

// Error tells what happened where, and the program.
func (f *Failure) Error() string {
	where := "at the end"
	if f.At < len(f.Program.Ops) {
		where = fmt.Sprintf("operation %d, %#v", f.At, f.Program.Ops[f.At])
	}
	return fmt.Sprintf("model: %s: %v\n%#v", where, f.Reason, f.Program)
}

// Unwrap is the reason.
func (f *Failure) Unwrap() error { return f.Reason }

// runs orders programs: the faults they ask for are the whole process's.
var runs sync.Mutex

// Run runs p on a system from open and returns where it goes wrong, or nil. One program runs at a time.
func Run(p Program, open Opener) *Failure {
	runs.Lock()
	defer runs.Unlock()
	held := sys.Held()
	s, err := open(p.Setup)
	if err != nil {
		return &Failure{p, 0, fmt.Errorf("open: %w", err)}
	}
	w := &worker{world: newWorld(p.Setup, s.Arena.PageSize(), 0), sys: s, alone: true}
	w.openTags()
	for i, o := range p.Ops {
		counters, recount := checkEvery(len(p.Ops), i)
		if err := w.step(o, counters, recount); err != nil {
			w.abandon()
			return &Failure{p, i, err}
		}
	}
	if err := recovered(w.end); err != nil {
		w.abandon()
		return &Failure{p, len(p.Ops), err}
	}
	if now := sys.Held(); now != held {
		return &Failure{p, len(p.Ops), fmt.Errorf("%d bytes are still mapped", now-held)}
	}
	return nil
}

// checkEvery says what to compare after the i-th of n operations: small programs are watched closely.
func checkEvery(n, i int) (counters, recount bool) {
	return n <= 200 || i%16 == 0, n <= 40 || i%64 == 0
}

// worker runs operations on the real thing and on its part of the reference.
type worker struct {
	*world
	sys   *System
	alone bool // nobody else uses the system: everything can be predicted
	faces []Face
	local Own
	hogs  []arena.Run
	clock time.Time

	restore func() // takes the fault hook away
	refused int    // operations that it stays for

	give chan<- *block // to another worker; nil when alone
	take <-chan *block
}

func (w *worker) openTags() {
	for i := range w.setup.Tags {
		w.faces = append(w.faces, w.sys.Tagged(tagNumber(i)))
	}
}

// abandon gives the arena back when a program ends early. What was found before is what counts.
func (w *worker) abandon() {
	w.allow()
	_ = recovered(w.sys.Arena.Close)
}

// step is one operation with what is compared behind it.
func (w *worker) step(o Op, counters, recount bool) error {
	if w.refused > 0 {
		if w.refused--; w.refused == 0 {
			w.allow()
		}
	}
	if err := recovered(func() error { return w.do(o) }); err != nil {
		return err
	}
	if counters {
		if err := recovered(w.compare); err != nil {
			return err
		}
	}
	if recount {
		return recovered(w.recount)
	}
	return nil
}

// recovered is f, with a panic turned into an error.
func recovered(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
			if cause, ok := r.(error); ok {
				err = fmt.Errorf("panic: %w", cause)
			}
		}
	}()
	return f()
}

// face is by whom an allocation of the allocator is made; r is whom the block belongs to.
func (w *worker) face(who uint8) (alloc func(int) ([]byte, error), f Face, r route) {
	switch i := int(who) % (2 + len(w.faces)); {
	case i == 1 && w.local != nil:
		return w.local.Alloc, w.sys.Heap, toHeap
	case i < 2:
		return w.sys.Heap.Alloc, w.sys.Heap, toHeap
	default:
		return w.faces[i-2].Alloc, w.faces[i-2], toTag + route(i-2)
	}
}

// freer is by whom blocks of a route are freed.
func (w *worker) freer(r route, local bool) func([]byte) {
	switch {
	case r.isList():
		return w.sys.Lists[r.list()].Put
	case r.isTag():
		return w.faces[r-toTag].Free
	case local && w.local != nil:
		return w.local.Free
	}
	return w.sys.Heap.Free
}

// account is the allocator for 0, else a list.
func (w *worker) account(who uint8) Account {
	if i := int(who) % 3; i > 0 {
		return w.sys.Lists[i-1]
	}
	return w.sys.Heap
}

// list is the list of an operation and whose its blocks are.
func (w *worker) list(who uint8) (List, route) {
	i := int(who) % 2
	return w.sys.Lists[i], toFirst + route(i)
}

var errInjected = errors.New("injected refusal")

// refuse makes the kernel refuse memory for the next n operations.
func (w *worker) refuse(n int) {
	w.allow()
	w.restore = sys.SetFault(func(op string) error {
		switch op {
		case "reserve", "commit", "map", "memfd", "truncate":
			return errInjected
		}
		return nil
	})
	w.refused = n
}

// allow ends refuse.
func (w *worker) allow() {
	if w.restore != nil {
		w.restore()
		w.restore, w.refused = nil, 0
	}
}

// mayRefuse says whether err is an answer that the system may give to one who asks for up to need bytes of pages.
func (w *worker) mayRefuse(err error, need int) error {
	switch {
	case !errors.Is(err, slab.ErrNoMemory):
		return fmt.Errorf("refused, and not for want of memory: %w", err)
	case w.refused > 0:
		return nil
	case !errors.Is(err, arena.ErrLimit) && !errors.Is(err, arena.ErrExhausted):
		return fmt.Errorf("refused, and the arena did not: %w", err)
	case w.alone && w.sys.Arena.Stats().InUse+int64(need) <= w.setup.Limit:
		return fmt.Errorf("refused, though %d bytes of %d are in use and at most %d are needed: %w",
			w.sys.Arena.Stats().InUse, w.setup.Limit, need, err)
	}
	return nil
}

// pagesFor bounds the bytes of pages that a block of room bytes can need: its own, or a slab of its size.
func pagesFor(room int) int { return max(256<<10, 16*room) }
