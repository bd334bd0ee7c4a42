package model

import (
	"errors"
	"fmt"
	"time"
)

// do runs one operation.
func (w *worker) do(o Op) error {
	count := int(o.K)%40 + 1
	switch o.Do {
	case Alloc, AllocZeroed, AllocAligned:
		return w.alloc(o)
	case AllocBatch:
		return w.allocBatch(o.Slot, o.N, count)
	case Realloc:
		return w.realloc(o.Slot, o.N)
	case Free:
		return w.freeOne(o.Slot, o.Who%2 == 1)
	case FreeBatch:
		return w.freeSome(w.some(o.Slot, count, toHeap), w.sys.Heap.FreeBatch)
	case OpenLocal, CloseLocal:
		return w.changeLocal(o.Do == OpenLocal)
	case Get:
		return w.get(o.Slot, o.Who)
	case GetBatch:
		return w.getBatch(o.Slot, o.Who, count)
	case PutBatch:
		l, r := w.list(o.Who)
		return w.freeSome(w.some(o.Slot, count, r), l.PutBatch)
	case Trim:
		return w.trim(o.Who)
	case Tune:
		w.clock = w.clock.Add(time.Second)
		w.account(o.Who).Tune(w.clock)
	case Compare:
		if w.alone {
			return errors.Join(w.compare(), w.recount(), w.allWhole())
		}
		_ = w.account(o.Who).Stats()
	case Squeeze:
		return w.squeeze(o.N%512 + 1)
	case Relax:
		if n := len(w.hogs); n > 0 {
			w.sys.Arena.Release(w.hogs[n-1])
			w.hogs = w.hogs[:n-1]
		}
	case Refuse:
		if w.alone {
			w.refuse(int(o.K)%32 + 1)
		}
	case Hand:
		return w.hand(o.Slot, o.K)
	default:
		return w.mistake(o)
	}
	return nil
}

// alloc is Alloc and its kin.
func (w *worker) alloc(o Op) error {
	if w.slots[o.Slot] != nil {
		return nil
	}
	alloc, face, via := w.face(o.Who)
	room, class := w.roomFor(o.N)
	need := pagesFor(room)
	to := 1
	switch o.Do {
	case AllocZeroed:
		alloc = face.AllocZeroed
	case AllocAligned:
		to = 1 << (o.K % 21)
		room, class = w.alignedRoomFor(o.N, to)
		need = pagesFor(room) + to
		alloc = func(n int) ([]byte, error) { return face.AllocAligned(n, to) }
	}
	b, err := alloc(o.N)
	switch {
	case o.N == 0:
		return w.nothing(b, err)
	case err != nil:
		w.book(class, func(a *account) { a.failures++ })
		return w.mayRefuse(err, need)
	case addrOf(b)%uintptr(to) != 0:
		return fmt.Errorf("block at %#x is not at a multiple of %d", addrOf(b), to)
	case o.Do == AllocZeroed && !isZero(b):
		return fmt.Errorf("block of %d bytes does not read zero", len(b))
	}
	return w.enter(o.Slot, via, b, o.N, room, class)
}

// nothing is what an allocation of no bytes must give.
func (w *worker) nothing(b []byte, err error) error {
	if err != nil || len(b) != 0 || b == nil {
		return fmt.Errorf("no bytes asked for: got %d, nil: %v, error %v", len(b), b == nil, err)
	}
	w.sys.Heap.Free(b)
	return nil
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func (w *worker) allocBatch(slot uint8, n, count int) error {
	dst := make([][]byte, count)
	got, err := w.sys.Heap.AllocBatch(dst, n)
	if n == 0 {
		if got != count || err != nil {
			return fmt.Errorf("batch of %d empty blocks: got %d, error %v", count, got, err)
		}
		return nil
	}
	room, class := w.roomFor(n)
	return w.enterBatch(slot, toHeap, dst, got, err, n, room, class, func() { w.book(class, func(a *account) { a.failures++ }) })
}

// enterBatch takes a batch into the books. What finds no slot is freed at once.
func (w *worker) enterBatch(slot uint8, via route, dst [][]byte, got int, err error, n, room, class int, failed func()) error {
	if err != nil {
		failed()
		if err := w.mayRefuse(err, pagesFor(room)); err != nil {
			return err
		}
	}
	if got < 0 || got > len(dst) || (got < len(dst)) != (err != nil) {
		return fmt.Errorf("batch of %d: got %d, error %v", len(dst), got, err)
	}
	for _, b := range dst[:got] {
		s, ok := w.free(slot)
		if !ok {
			w.count(&block{b: b, via: via, class: class}, (*account).get)
			w.freer(via, false)(b)
			w.count(&block{b: b, via: via, class: class}, (*account).put)
			continue
		}
		if via.isList() && w.setup.Lists[via.list()].Zero && !isZero(b) {
			return fmt.Errorf("block of %d bytes does not read zero", len(b))
		}
		if err := w.enter(s, via, b, n, room, class); err != nil {
			return err
		}
	}
	return nil
}

// realloc is Realloc of a block of the allocator or of a tag.
func (w *worker) realloc(slot uint8, n int) error {
	x := w.slots[slot]
	if x == nil || x.via.isList() {
		return nil
	}
	face := Face(w.sys.Heap)
	if x.via.isTag() {
		face = w.faces[x.via-toTag]
	}
	if err := x.whole(); err != nil {
		return err
	}
	c, err := face.Realloc(x.b, n)
	room, class := w.roomFor(n)
	switch {
	case n == 0:
		if err != nil || len(c) != 0 {
			return fmt.Errorf("realloc to nothing: %d bytes, error %v", len(c), err)
		}
		w.leave(slot)
		return nil
	case err != nil:
		w.book(class, func(a *account) { a.failures++ })
		if n <= cap(x.b) {
			return fmt.Errorf("realloc to %d bytes failed, and the block holds %d: %w", n, cap(x.b), err)
		}
		return errors.Join(w.mayRefuse(err, pagesFor(room)), x.whole())
	case len(c) != n:
		return fmt.Errorf("realloc to %d bytes gave %d", n, len(c))
	}
	if err := x.verify(c[:min(n, len(x.b))]); err != nil {
		return fmt.Errorf("realloc to %d bytes: %w", n, err)
	}
	if addrOf(c) == x.addr {
		return w.inPlace(slot, c, class)
	}
	moved := *x
	if err := w.enter(slot, x.via, c, n, room, class); err != nil { // while the old one is still in the books
		return fmt.Errorf("realloc: %w", err)
	}
	w.count(&moved, (*account).put)
	w.forget(&moved)
	w.stale = append(w.stale, moved.b[:0])
	return nil
}

// inPlace is what a Realloc that did not move the block did.
func (w *worker) inPlace(slot uint8, c []byte, class int) error {
	x := w.slots[slot]
	was, is := cap(x.b), cap(c)
	if is != was && (x.class != 0 || is < was || is%w.page != 0) {
		return fmt.Errorf("realloc in place made %d bytes out of %d", is, was)
	}
	if len(c) < was/2 {
		w.book(class, func(a *account) { a.hidden++ })
	}
	w.forget(x)
	x.b = c
	if err := w.insert(x); err != nil { // it may have grown into another
		return fmt.Errorf("realloc in place: %w", err)
	}
	grow := func(a *account) { a.bytes += int64(is - was) }
	w.book(x.class, grow)
	if x.via.isTag() {
		grow(&w.tags[x.via-toTag])
	}
	w.fill(x)
	return nil
}

// freeOne frees the block of a slot by whom it belongs to.
func (w *worker) freeOne(slot uint8, local bool) error {
	x := w.slots[slot]
	if x == nil {
		return nil
	}
	if err := x.whole(); err != nil {
		return err
	}
	w.freer(x.via, local)(x.b[:len(x.b)/2])
	w.leave(slot)
	return nil
}

// freeSome frees a batch.
func (w *worker) freeSome(of []uint8, free func([][]byte)) error {
	for _, s := range of {
		if err := w.slots[s].whole(); err != nil {
			return err
		}
	}
	free(w.blocks(of))
	for _, s := range of {
		w.leave(s)
	}
	return nil
}

func (w *worker) get(slot, who uint8) error {
	if w.slots[slot] != nil {
		return nil
	}
	l, r := w.list(who)
	b, err := l.Get()
	size := w.setup.Lists[r.list()].Size
	if err != nil {
		w.lists[r.list()].failures++
		return w.mayRefuse(err, pagesFor(size))
	}
	if w.setup.Lists[r.list()].Zero && !isZero(b) {
		return fmt.Errorf("block of %d bytes does not read zero", len(b))
	}
	return w.enter(slot, r, b, size, size, size)
}

func (w *worker) getBatch(slot, who uint8, count int) error {
	l, r := w.list(who)
	dst := make([][]byte, count)
	got, err := l.GetBatch(dst)
	size := w.setup.Lists[r.list()].Size
	return w.enterBatch(slot, r, dst, got, err, size, size, size, func() { w.lists[r.list()].failures++ })
}

func (w *worker) changeLocal(open bool) error {
	switch {
	case open && w.local == nil:
		w.local = w.sys.Local()
	case !open && w.local != nil:
		c := w.local
		w.local = nil
		return errors.Join(c.Close(), c.Close())
	}
	return nil
}

// trim is Trim; afterwards nobody parks anything, but for a Local.
func (w *worker) trim(who uint8) error {
	a := w.account(who)
	if n := a.Trim(); n < 0 {
		return fmt.Errorf("trim gave %d bytes back", n)
	}
	if s := a.Stats(); w.alone && s.Parked != 0 && (w.local == nil || who%3 != 0) {
		return fmt.Errorf("trim left %d blocks parked", s.Parked)
	}
	return nil
}

// squeeze takes pages that the others then do not have.
func (w *worker) squeeze(pages int) error {
	run, err := w.sys.Arena.Acquire(pages)
	if err != nil {
		return nil //nolint:nilerr // a full arena is what it is for
	}
	if !isZero(run.Bytes()) {
		w.sys.Arena.Release(run)
		return errors.New("pages of the arena do not read zero")
	}
	w.hogs = append(w.hogs, run)
	return nil
}

// hand gives the block of a slot to another worker, or moves it when there is none, and takes what others gave.
func (w *worker) hand(slot, k uint8) error {
	if w.give == nil {
		if to := slot + k; w.slots[to] == nil {
			w.slots[to], w.slots[slot] = w.slots[slot], nil
		}
		return nil
	}
	if x := w.slots[slot]; x != nil {
		select {
		case w.give <- x:
			w.slots[slot] = nil
			w.forget(x)
		default:
		}
	}
	return w.receive()
}

// receive takes one block that another worker gave, if there is a slot for it.
func (w *worker) receive() error {
	s, ok := w.free(0)
	if !ok {
		return nil
	}
	select {
	case x, open := <-w.take:
		if open {
			w.slots[s] = x
			return w.insert(x)
		}
	default:
	}
	return nil
}
