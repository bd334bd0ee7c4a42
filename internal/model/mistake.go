package model

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"offheap.example/lookaside/slab"
)

// caught runs a mistake and says what is wrong with the answer: it must be a panic with a *slab.MisuseError of one of
// the kinds, about the address of b, in the name of the owner asked.
func (w *world) caught(asked route, b []byte, f func(), kinds ...slab.Misuse) error {
	err := recovered(func() error { f(); return nil })
	var e *slab.MisuseError
	switch {
	case err == nil:
		return fmt.Errorf("%v expected about %#x, and nothing was found", kinds, addrOf(b))
	case !errors.As(err, &e):
		return fmt.Errorf("%v expected about %#x: %w", kinds, addrOf(b), err)
	case !slices.Contains(kinds, e.Kind):
		return fmt.Errorf("%v expected about %#x: %w", kinds, addrOf(b), e)
	case e.Addr != addrOf(b):
		return fmt.Errorf("about %#x: the address is another: %w", addrOf(b), e)
	case e.List != w.owner(asked):
		return fmt.Errorf("asked of %q: the name is another: %w", w.owner(asked), e)
	}
	return nil
}

// wrongKind is how freeing a live block of one owner by another must be answered; 0 when it is right.
func wrongKind(belongs, asked route) slab.Misuse {
	switch {
	case belongs == asked:
		return 0
	case belongs.isList() || asked.isList():
		return slab.WrongList
	}
	return slab.WrongTag
}

// mistake runs one of the operations that must be refused.
func (w *worker) mistake(o Op) error {
	switch o.Do {
	case FreeForeign:
		return w.freeForeign(o)
	case FreeStale:
		return w.freeStale(o)
	case BadArguments:
		return w.badArguments(o)
	case FreeNothing:
		return w.freeNothing()
	}
	x := w.slots[o.Slot]
	if x == nil {
		return nil
	}
	switch o.Do {
	case FreeTwice, FreeTrimmed:
		return w.freeTwice(o, x)
	case FreeInside:
		if off := w.offset(x, o.N); off > 0 {
			b := x.b[:cap(x.b)][off:]
			return w.caught(x.via, b, func() { w.freer(x.via, o.Who%2 == 1)(b) }, slab.Misaligned)
		}
	case FreeElsewhere:
		return w.freeElsewhere(o, x)
	case FreeTwiceInBatch:
		return w.freeTwiceInBatch(o, x)
	case FreeMixedBatch:
		return w.freeMixedBatch(o, x)
	case ReallocWrong:
		return w.reallocWrong(o, x)
	}
	return nil
}

// offset is a distance into x; 0 when x is too small.
func (w *worker) offset(x *block, n int) int {
	if cap(x.b) < 2 {
		return 0
	}
	return 1 + n%(cap(x.b)-1)
}

func (w *worker) freeTwice(o Op, x *block) error {
	if !w.alone {
		return nil // somebody else may have the block by then
	}
	local := o.Who%2 == 1
	if err := w.freeOne(o.Slot, local); err != nil {
		return err
	}
	if o.Do == FreeTrimmed {
		w.account(o.Who).Trim()
		if x.via.isList() {
			w.sys.Lists[x.via.list()].Trim()
		}
	}
	return w.caught(x.via, x.b, func() { w.freer(x.via, o.K%2 == 1)(x.b) }, slab.DoubleFree)
}

// freeElsewhere asks any owner to free x. It is no mistake when it happens to be the right one.
func (w *worker) freeElsewhere(o Op, x *block) error {
	asked := route(int(o.K) % (int(toTag) + len(w.faces)))
	kind := wrongKind(x.via, asked)
	if kind == 0 {
		return w.freeOne(o.Slot, o.Who%2 == 1)
	}
	return w.caught(asked, x.b, func() { w.freer(asked, o.Who%2 == 1)(x.b) }, kind)
}

// freeForeign frees memory that no allocator of this arena handed out.
func (w *worker) freeForeign(o Op) error {
	asked := route(int(o.Who) % (int(toTag) + len(w.faces)))
	b, kind := make([]byte, 64+o.N%4096), slab.Foreign
	if o.K%2 == 1 && len(w.hogs) > 0 { // pages of the arena that are a stranger's
		b, kind = w.hogs[0].Bytes(), slab.WrongList
		b = b[o.N%len(b):]
	}
	return w.caught(asked, b, func() { w.freer(asked, o.K%4 > 1)(b) }, kind)
}

// freeStale frees an address that was a block's once. Whatever is there now, but for a block that begins right there,
// it must be found; which kind it is depends on what became of the pages.
func (w *worker) freeStale(o Op) error {
	if !w.alone || len(w.stale) == 0 {
		return nil
	}
	b := w.stale[o.N%len(w.stale)]
	if _, start := w.within(addrOf(b)); start {
		return nil
	}
	asked := route(int(o.Who) % (int(toTag) + len(w.faces)))
	return w.caught(asked, b, func() { w.freer(asked, o.K%2 == 1)(b) },
		slab.DoubleFree, slab.WrongList, slab.Misaligned, slab.Foreign)
}

// batchOf is what frees several blocks of a route at once; nil for tags, which have no batches.
func (w *worker) batchOf(r route) func([][]byte) {
	switch {
	case r == toHeap:
		return w.sys.Heap.FreeBatch
	case r.isList():
		return w.sys.Lists[r.list()].PutBatch
	}
	return nil
}

// freeTwiceInBatch has x twice among others: none of them may be freed.
func (w *worker) freeTwiceInBatch(o Op, x *block) error {
	free := w.batchOf(x.via)
	if free == nil {
		return nil
	}
	batch := w.blocks(w.some(o.Slot, int(o.K)%40+1, x.via)) // x is the first
	batch = slices.Insert(batch, 1+o.N%len(batch), x.b)
	return w.caught(x.via, x.b, func() { free(batch) }, slab.DoubleFree)
}

// freeMixedBatch has one in a batch that does not belong there.
func (w *worker) freeMixedBatch(o Op, x *block) error {
	for asked, free := range map[route]func([][]byte){
		toHeap: w.batchOf(toHeap), toFirst: w.batchOf(toFirst), toSecond: w.batchOf(toSecond),
	} {
		if route(o.Who%3) != asked {
			continue
		}
		wrong, kind := x.b, wrongKind(x.via, asked)
		if kind == 0 {
			wrong, kind = make([]byte, 32), slab.Foreign
		}
		batch := w.blocks(w.some(o.Slot, int(o.K)%40, asked))
		batch = slices.Insert(batch, o.N%(len(batch)+1), wrong)
		return w.caught(asked, wrong, func() { free(batch) }, kind)
	}
	return nil
}

// reallocWrong reallocates what must not be. Nothing may be allocated on the way.
func (w *worker) reallocWrong(o Op, x *block) error {
	b, asked, kind := x.b, route(int(o.Who)%(1+len(w.faces))), slab.Misuse(0)
	if asked != toHeap {
		asked += toTag - 1
	}
	kind = wrongKind(x.via, asked)
	if kind == 0 {
		switch off := w.offset(x, o.N); {
		case o.K%2 == 0 && off > 0:
			b, kind = x.b[:cap(x.b)][off:], slab.Misaligned
		case w.alone:
			kind = slab.DoubleFree
			if err := w.freeOne(o.Slot, false); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	face := Face(w.sys.Heap)
	if asked != toHeap {
		face = w.faces[asked-toTag]
	}
	n := 1 + o.N
	return w.caught(asked, b, func() {
		if c, err := face.Realloc(b, n); err == nil {
			face.Free(c)
		}
	}, kind)
}

// badArguments are sizes and alignments that make no sense, and sizes that nobody has.
func (w *worker) badArguments(o Op) error {
	_, face, _ := w.face(o.Who)
	var kept []byte
	x := w.slots[o.Slot]
	if x != nil && !x.via.isList() {
		kept, face = x.b, Face(w.sys.Heap)
		if x.via.isTag() {
			face = w.faces[x.via-toTag]
		}
	}
	n := 1 + o.N
	invalid := []func() ([]byte, error){
		func() ([]byte, error) { return face.Alloc(-n) },
		func() ([]byte, error) { return face.AllocZeroed(-n) },
		func() ([]byte, error) { return face.AllocAligned(-n, 8) },
		func() ([]byte, error) { return face.AllocAligned(n, 0) },
		func() ([]byte, error) { return face.AllocAligned(n, -8) },
		func() ([]byte, error) { return face.AllocAligned(n, 24) },
		func() ([]byte, error) { return face.AllocAligned(n, math.MinInt) },
		func() ([]byte, error) { return face.Realloc(kept, -n) },
		func() ([]byte, error) { return face.Realloc(nil, math.MinInt) },
		func() ([]byte, error) {
			k, err := w.sys.Heap.AllocBatch(make([][]byte, 3), -n)
			return make([]byte, k), err
		},
	}
	for i, f := range invalid {
		if b, err := f(); !errors.Is(err, slab.ErrInvalid) || len(b) != 0 {
			return fmt.Errorf("bad arguments %d: %d bytes, error %v", i, len(b), err)
		}
	}
	tooMuch := []func() ([]byte, error){
		func() ([]byte, error) { return face.Alloc(math.MaxInt - o.N) },
		func() ([]byte, error) { return face.AllocZeroed(math.MaxInt - o.N) },
		func() ([]byte, error) { return face.AllocAligned(math.MaxInt-o.N, 64) },
		func() ([]byte, error) { return face.AllocAligned(math.MaxInt-o.N, 1<<16) },
		func() ([]byte, error) { return face.Realloc(kept, math.MaxInt-o.N) },
		func() ([]byte, error) { return face.Alloc(reserve + 1) },
	}
	for i, f := range tooMuch {
		if b, err := f(); !errors.Is(err, slab.ErrNoMemory) || b != nil {
			return fmt.Errorf("too much %d: %d bytes, error %v", i, len(b), err)
		}
		w.book(0, func(a *account) { a.failures++ })
	}
	if kept != nil {
		return x.whole()
	}
	return nil
}

// freeNothing frees nil and slices without capacity: an allocator ignores them, a list does not know them.
func (w *worker) freeNothing() error {
	for _, b := range [][]byte{nil, {}, make([]byte, 8)[8:]} {
		w.sys.Heap.Free(b)
		w.sys.Heap.FreeBatch([][]byte{b, nil, b})
		if w.local != nil {
			w.local.Free(b)
		}
		for _, f := range w.faces {
			f.Free(b)
		}
	}
	w.sys.Heap.FreeBatch(nil)
	for i, l := range w.sys.Lists {
		l.PutBatch(nil)
		if n, err := l.GetBatch(nil); n != 0 || err != nil {
			return fmt.Errorf("get batch of none: %d, %v", n, err)
		}
		if err := w.caught(toFirst+route(i), nil, func() { l.Put(nil) }, slab.Foreign); err != nil {
			return err
		}
	}
	return nil
}
