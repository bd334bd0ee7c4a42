package loops

import (
	"sync/atomic"

	"offheap.example/lookaside/bench/work"
)

// lookasideWindow is the buffer of the SmartHeap benchmarks: when it is full, a
// fifth of it is kept and the rest is freed, before the kept part in order and
// behind it in reverse; then it is filled again around the kept part, which
// moves on each time.
type lookasideWindow struct {
	h        *lookasideHeap
	calls    *lookasideCalls
	blocks   []lookasideBlock
	at       int
	from, to int // the kept part
	frees    int
}

// newLookasideWindows makes t windows, whose memory is there before the clock
// starts.
func newLookasideWindows(h *lookasideHeap, t, size int) []*lookasideWindow {
	windows := make([]*lookasideWindow, t)
	for i := range windows {
		windows[i] = &lookasideWindow{h: h, calls: h.calls(), blocks: make([]lookasideBlock, size), from: size, to: size}
		clear(windows[i].blocks)
	}
	return windows
}

func (w *lookasideWindow) add(b lookasideBlock) {
	w.blocks[w.at] = b
	if w.at++; w.at == w.from {
		w.at = w.to
	}
	if w.at >= len(w.blocks) {
		w.wrap()
	}
}

func (w *lookasideWindow) wrap() {
	if w.from = w.to; w.from >= len(w.blocks) {
		w.from = 0
	}
	w.to = min(w.from+max(len(w.blocks)/5, 1), len(w.blocks))
	for i := range w.from {
		w.drop(i)
	}
	for i := len(w.blocks) - 1; i >= w.to; i-- {
		w.drop(i)
	}
	if w.at = 0; w.from == 0 {
		w.at = w.to
	}
}

func (w *lookasideWindow) drop(i int) {
	if b := w.blocks[i]; b != nil {
		w.calls.Free(b)
		w.blocks[i] = nil
		w.frees++
	}
}

// empty frees what is left.
func (w *lookasideWindow) empty() {
	for i := range w.blocks {
		w.drop(i)
	}
}

// lookasideSh6: sh6bench. Many sizes below 1,000, small ones more often.
func lookasideSh6(h *lookasideHeap, r *work.Run) {
	calls := h.calls()
	n, t, slots := r.Int("n"), r.Int("t"), r.Int("slots")
	windows := newLookasideWindows(h, t, slots)
	var total atomic.Int64
	r.Parallel(t, func(id int) {
		w := windows[id]
		tally := work.Tally{}
		for range work.Share(n, t, id) {
			for base := 1; base < 1000; base = base*3/2 + 1 {
				for size := base; size > 0; size /= 2 {
					times := work.SH6Times(size)
					for range times {
						b, _ := calls.Alloc(size)
						work.Ends(h.bytes(b))
						w.add(b)
					}
					tally.Allocs += times
					tally.Bytes += times * size
				}
			}
		}
		w.empty()
		tally.Frees = w.frees
		r.Count(tally)
		total.Add(int64(tally.Allocs))
	})
	r.Out.Ops = total.Load()
}

// lookasideSh8: sh8bench. Workers as in sh6bench, with other sizes; meanwhile one
// more thread allocates small blocks, which the workers free as they appear.
func lookasideSh8(h *lookasideHeap, r *work.Run) {
	calls := h.calls()
	n, t := r.Int("n"), r.Int("t")
	extra := make([]lookasideBlock, r.Int("extra")/(t*t)*t*t)
	clear(extra)
	windows := newLookasideWindows(h, t, r.Int("slots")/t)
	freed := make([]int, t) // of each worker's share
	var there, total atomic.Int64
	r.Parallel(t+1, func(id int) {
		if id == t {
			for i := range extra {
				extra[i], _ = calls.Alloc(8)
				if (i+1)%64 == 0 {
					there.Store(int64(i + 1)) // Publishes: the blocks. Pairs with: the workers' Load.
				}
			}
			there.Store(int64(len(extra)))
			r.Count(work.Tally{Allocs: len(extra), Bytes: 8 * len(extra)})
			return
		}
		w := windows[id]
		tally := work.Tally{}
		mine := work.Share(n, t, id)
		most, next := len(extra)/t/max(mine, 1)+1, 0
		for i := range mine {
			x := work.SH8[(i+1)%len(work.SH8)]
			for range x.Count {
				b, _ := calls.Alloc(x.Size)
				work.Ends(h.bytes(b))
				w.add(b)
			}
			tally.Allocs += x.Count
			tally.Bytes += x.Count * x.Size
			have := int(there.Load())
			for range most {
				at := next*t + id
				if at >= have {
					break
				}
				calls.Free(extra[at])
				next++
			}
		}
		freed[id] = next
		tally.Frees = next
		r.Count(tally)
		total.Add(int64(tally.Allocs))
	})
	r.Out.Ops = total.Load() + int64(len(extra))
	tally := work.Tally{}
	for id, w := range windows {
		w.empty()
		tally.Frees += w.frees
		for at := freed[id]*t + id; at < len(extra); at += t {
			calls.Free(extra[at])
			tally.Frees++
		}
	}
	r.Count(tally)
}

// lookasideTable is what one thread of alloc-test works on.
type lookasideTable struct {
	h      *lookasideHeap
	calls  *lookasideCalls
	rnd    work.Rand
	blocks []lookasideBlock
	tally  work.Tally
	sum    uint64
}

// fill allocates and writes a block of 5 to 1,024 bytes, small ones more often.
func (x *lookasideTable) fill(at int) {
	low := 4 << work.Trailing(int(x.rnd.Next()&127)+1)
	size := int(x.rnd.Next())&(low-1) + 1 + low
	b, _ := x.calls.Alloc(size)
	clear(x.h.bytes(b))
	x.blocks[at] = b
	x.tally.Allocs++
	x.tally.Bytes += size
}

// empty reads all words of a block and frees it.
func (x *lookasideTable) empty(at int) {
	b := x.blocks[at]
	for _, w := range work.Words(x.h.bytes(b)) {
		x.sum += w
	}
	x.calls.Free(b)
	x.blocks[at] = nil
	x.tally.Frees++
}

// lookasideAllocTest: alloc-test. A table, half full at first, whose places are
// drawn by a Pareto distribution: what is there is read and freed, what is not
// is allocated and written.
func lookasideAllocTest(h *lookasideHeap, r *work.Run) {
	n, t := r.Int("n"), r.Int("t")
	slots := max(r.Int("slots")/t, 1)
	draw := work.NewPareto(slots)
	tables := make([]*lookasideTable, t)
	for id := range tables { // their memory is there before the clock starts
		tables[id] = &lookasideTable{h: h, calls: h.calls(), rnd: work.NewRand(r.Int("seed"), id), blocks: make([]lookasideBlock, slots)}
		clear(tables[id].blocks)
	}
	r.Parallel(t, func(id int) {
		x := tables[id]
		for i := range slots / 2 {
			x.fill(i)
		}
		for range n {
			if i := draw.Draw(&x.rnd); x.blocks[i] == nil {
				x.fill(i)
			} else {
				x.empty(i)
			}
		}
		for i, b := range x.blocks {
			if b != nil {
				x.empty(i)
			}
		}
		if x.sum != 0 {
			panic("a block was written by somebody else")
		}
		r.Count(x.tally)
	})
	r.Out.Ops = int64(n) * int64(t)
}
