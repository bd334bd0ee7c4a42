package model

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/slab"
)

// end ends a program as its setup says, and compares for the last time.
func (w *worker) end() error {
	w.allow()
	if err := errors.Join(w.compare(), w.recount(), w.allWhole()); err != nil {
		return err
	}
	switch w.setup.End {
	case Leak:
		return w.endLeak()
	case ArenaFirst:
		return w.endArenaFirst()
	}
	if err := w.freeEverything(); err != nil {
		return err
	}
	return w.endEmpty()
}

// freeEverything frees all that this worker has.
func (w *worker) freeEverything() error {
	for slot := range slots {
		if err := w.freeOne(uint8(slot), slot%3 == 0); err != nil {
			return err
		}
	}
	for _, run := range w.hogs {
		w.sys.Arena.Release(run)
	}
	w.hogs = nil
	return w.changeLocal(false)
}

// endEmpty closes a system of which nothing is out: nothing may be left.
func (w *worker) endEmpty() error {
	if err := errors.Join(w.compare(), w.recount()); err != nil {
		return err
	}
	for _, a := range w.accounts() {
		a.Trim()
		if s := a.Stats(); s.Live != 0 || s.Parked != 0 || s.Slabs != 0 || s.HeldBytes != 0 {
			return fmt.Errorf("all is free and trimmed, and something is left: %+v", s)
		}
	}
	if err := w.recount(); err != nil {
		return err
	}
	if n := w.sys.Arena.Stats().InUse; n != 0 {
		return fmt.Errorf("all is free and trimmed, and %d bytes of the arena are in use", n)
	}
	for _, a := range w.accounts() {
		before := a.Stats()
		if err := errors.Join(a.Close(), a.Close()); err != nil {
			return err
		}
		if s := a.Stats(); s.Gets != before.Gets || s.Puts != before.Puts || s.Live != 0 {
			return fmt.Errorf("closing changed the account from %+v to %+v", before, s)
		}
	}
	if err := w.afterClose(); err != nil {
		return err
	}
	return errors.Join(w.sys.Arena.Close(), w.sys.Arena.Close())
}

func (w *worker) accounts() []Account {
	return []Account{w.sys.Lists[0], w.sys.Heap, w.sys.Lists[1]}
}

// endLeak closes everything with blocks out: each is reported, and keeps its bytes until the arena goes.
func (w *worker) endLeak() error {
	mine := []func(route) bool{
		func(r route) bool { return r == toFirst },
		func(r route) bool { return !r.isList() },
		func(r route) bool { return r == toSecond },
	}
	for i, a := range w.accounts() {
		want := w.leaks(mine[i])
		if err := sameLeaks(a.Close(), want); err != nil {
			return err
		}
		if err := a.Close(); err != nil {
			return fmt.Errorf("the second Close: %w", err)
		}
		if n := a.Stats().Live; len(want) == 0 && n != 0 || len(want) > 0 && n == 0 {
			return fmt.Errorf("closed with %d leaks, the account says %d live", len(want), n)
		}
	}
	if err := errors.Join(w.allWhole(), w.afterClose()); err != nil {
		return err
	}
	return w.sys.Arena.Close()
}

// sameLeaks compares what Close returned with what is out.
func sameLeaks(err error, want map[slab.Leak]bool) error {
	var e *slab.LeakError
	switch {
	case len(want) == 0:
		return err
	case !errors.As(err, &e):
		return fmt.Errorf("close with %d leaks: %v", len(want), err)
	case len(e.Leaks) != len(want):
		return fmt.Errorf("close reports %d leaks, there are %v: %w", len(e.Leaks), want, err)
	}
	var blocks, bytes int64
	for i, l := range e.Leaks {
		if !want[l] {
			return fmt.Errorf("close reports a leak %+v, there are %v", l, want)
		}
		if i > 0 && l.Bytes > e.Leaks[i-1].Bytes {
			return fmt.Errorf("the leaks are not in order: %w", err)
		}
		blocks, bytes = blocks+l.Blocks, bytes+l.Bytes
	}
	if blocks != e.Blocks || bytes != e.Bytes {
		return fmt.Errorf("the leaks add up to %d (%d bytes): %w", blocks, bytes, err)
	}
	return nil
}

// endArenaFirst closes the arena under everything: from then on all is closed, and nothing faults.
func (w *worker) endArenaFirst() error {
	before := w.sys.Heap.Stats()
	if err := w.sys.Arena.Close(); err != nil {
		return err
	}
	if s := w.sys.Heap.Stats(); s.Gets != before.Gets || s.Puts != before.Puts || s.Live != before.Live {
		return fmt.Errorf("closing the arena changed the account from %+v to %+v", before, s)
	}
	if err := w.afterClose(); err != nil {
		return err
	}
	for _, a := range w.accounts() {
		if err := a.Close(); err != nil {
			return fmt.Errorf("close after the arena: %w", err)
		}
	}
	return nil
}

// afterClose uses everything after it was closed.
func (w *worker) afterClose() error {
	for i, f := range w.closedGets() {
		b, err := f()
		if !errors.Is(err, slab.ErrClosed) || b != nil {
			return fmt.Errorf("use %d after close: %d bytes, error %v", i, len(b), err)
		}
	}
	for _, a := range w.accounts() {
		a.Tune(w.clock)
		if n := a.Trim(); n != 0 {
			return fmt.Errorf("trim after close gave %d bytes back", n)
		}
		if err := a.Audit(); !errors.Is(err, slab.ErrClosed) {
			return fmt.Errorf("audit after close: %v", err)
		}
	}
	gone := append([][]byte{make([]byte, 16)}, w.stale...)
	for _, x := range w.order {
		gone = append(gone, x.b)
	}
	for i, b := range gone {
		asked := route(i % (int(toTag) + len(w.faces)))
		if err := w.caught(asked, b, func() { w.freer(asked, i%2 == 1)(b) }, slab.UseAfterClose); err != nil {
			return fmt.Errorf("after close: %w", err)
		}
		if free := w.batchOf(asked); free != nil {
			if err := w.caught(asked, b, func() { free([][]byte{b}) }, slab.UseAfterClose); err != nil {
				return fmt.Errorf("batch after close: %w", err)
			}
		}
	}
	if w.local != nil {
		return errors.Join(w.local.Close(), w.local.Close())
	}
	return nil
}

// closedGets are all the ways to ask something closed for memory.
func (w *worker) closedGets() []func() ([]byte, error) {
	h, t := w.sys.Heap, w.faces[0]
	var live []byte
	if i := len(w.order); i > 0 && !w.order[i-1].via.isList() {
		live = w.order[i-1].b
	}
	gets := []func() ([]byte, error){
		func() ([]byte, error) { return h.Alloc(0) },
		func() ([]byte, error) { return h.Alloc(64) },
		func() ([]byte, error) { return h.Alloc(1 << 17) },
		func() ([]byte, error) { return h.AllocZeroed(100) },
		func() ([]byte, error) { return h.AllocAligned(100, 64) },
		func() ([]byte, error) { return h.AllocAligned(100, 1<<15) },
		func() ([]byte, error) { return h.Realloc(live, 100) },
		func() ([]byte, error) { return h.Realloc(nil, 100) },
		func() ([]byte, error) { return t.Alloc(64) },
		func() ([]byte, error) { return t.AllocZeroed(1 << 17) },
		func() ([]byte, error) { return t.Realloc(live, 64) },
		func() ([]byte, error) { _, err := h.AllocBatch(make([][]byte, 2), 64); return nil, err },
	}
	if w.local != nil {
		gets = append(gets, func() ([]byte, error) { return w.local.Alloc(64) })
	}
	for _, l := range w.sys.Lists {
		gets = append(gets, l.Get, func() ([]byte, error) { _, err := l.GetBatch(make([][]byte, 2)); return nil, err })
	}
	return gets
}
