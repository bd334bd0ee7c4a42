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
	blocks   []lookasideBlock
	at       int
	from, to int // the kept part
	frees    int
}

func newLookasideWindow(h *lookasideHeap, size int) *lookasideWindow {
	return &lookasideWindow{h: h, blocks: make([]lookasideBlock, size), from: size, to: size}
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
		w.h.free(b)
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

// ends writes the first and the last byte.
func ends(p []byte) { p[0], p[len(p)-1] = 1, 1 }

// lookasideSh6: sh6bench. Many sizes below 1,000, small ones more often.
func lookasideSh6(h *lookasideHeap, r *work.Run) {
	n, t, slots := r.Int("n"), r.Int("t"), r.Int("slots")
	var total atomic.Int64
	r.Parallel(t, func(id int) {
		w := newLookasideWindow(h, slots)
		tally := work.Tally{}
		for range work.Share(n, t, id) {
			for base := 1; base < 1000; base = base*3/2 + 1 {
				for size := base; size > 0; size /= 2 {
					times := 50
					if size < 100 {
						times = 250
					}
					for range times {
						b := h.alloc(size)
						ends(h.bytes(b))
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

// sh8Sizes is how many blocks of which size sh8bench allocates at a time.
var sh8Sizes = [...]struct{ size, count int }{
	{8, 1000}, {16, 5000}, {48, 1000}, {72, 100}, {148, 100}, {200, 100},
	{520, 10}, {1056, 5}, {4096, 3}, {9162, 1}, {34562, 1}, {168524, 1},
}

// lookasideSh8: sh8bench. Workers as in sh6bench, with other sizes; meanwhile one
// more thread allocates small blocks, which the workers free as they appear.
func lookasideSh8(h *lookasideHeap, r *work.Run) {
	n, t := r.Int("n"), r.Int("t")
	extra := make([]lookasideBlock, r.Int("extra")/(t*t)*t*t)
	windows := make([]*lookasideWindow, t)
	freed := make([]int, t) // of each worker's share
	var there, total atomic.Int64
	r.Parallel(t+1, func(id int) {
		if id == t {
			for i := range extra {
				extra[i] = h.alloc(8)
				if (i+1)%64 == 0 {
					there.Store(int64(i + 1)) // Publishes: the blocks. Pairs with: the workers' Load.
				}
			}
			there.Store(int64(len(extra)))
			r.Count(work.Tally{Allocs: len(extra), Bytes: 8 * len(extra)})
			return
		}
		w := newLookasideWindow(h, r.Int("slots")/t)
		windows[id] = w
		tally := work.Tally{}
		mine := work.Share(n, t, id)
		most, next := len(extra)/t/max(mine, 1)+1, 0
		for i := range mine {
			x := sh8Sizes[(i+1)%len(sh8Sizes)]
			for range x.count {
				b := h.alloc(x.size)
				ends(h.bytes(b))
				w.add(b)
			}
			tally.Allocs += x.count
			tally.Bytes += x.count * x.size
			have := int(there.Load())
			for range most {
				at := next*t + id
				if at >= have {
					break
				}
				h.free(extra[at])
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
			h.free(extra[at])
			tally.Frees++
		}
	}
	r.Count(tally)
}

// lookasideAllocTest: alloc-test. A table whose places are drawn by a Pareto
// distribution: what is there is read and freed, what is not is allocated and
// written.
func lookasideAllocTest(h *lookasideHeap, r *work.Run) {
	n, t := r.Int("n"), r.Int("t")
	slots := max(r.Int("slots")/t, 1)
	draw := work.NewPareto(slots)
	r.Parallel(t, func(id int) {
		rnd := work.NewRand(r.Int("seed"), id)
		table := make([]lookasideBlock, slots)
		tally, sum := work.Tally{}, uint64(0)
		for i := range n + slots {
			at := i - n // the first half of the table is filled before, and emptied behind
			if i < slots/2 {
				at = i
			} else if i < n {
				at = draw.Draw(&rnd)
			}
			if b := table[at]; b != nil {
				p := h.bytes(b)
				for _, w := range work.Words(p) {
					sum += w
				}
				h.free(b)
				table[at] = nil
				tally.Frees++
			} else if i < n {
				k := int(rnd.Next()&127) + 1
				low := 4 << trailing(k)
				size := int(rnd.Next())&(low-1) + 1 + low
				b := h.alloc(size)
				clear(h.bytes(b))
				table[at] = b
				tally.Allocs++
				tally.Bytes += size
			}
		}
		if sum != 0 {
			panic("a block was written by somebody else")
		}
		r.Count(tally)
	})
	r.Out.Ops = int64(n) * int64(t)
}
