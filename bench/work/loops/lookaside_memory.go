package loops

import (
	"time"

	"offheap.example/lookaside/bench/work"
)

// lookasideLatency: every operation on a table of blocks of mixed sizes is timed
// by itself. The end of one is the beginning of the next.
func lookasideLatency(h *lookasideHeap, r *work.Run) {
	calls := h.calls()
	n, low, high := r.Int("n"), r.Int("min"), r.Int("max")
	rnd := work.NewRand(r.Int("seed"), 0)
	blocks := make([]lookasideBlock, r.Int("slots"))
	hist, clock := new(work.Histogram), new(work.Histogram)
	tally := work.Tally{}
	epoch := time.Now()
	r.Start()
	before := time.Since(epoch)
	for range n {
		i := rnd.Below(len(blocks))
		if b := blocks[i]; b != nil {
			calls.Free(b)
			blocks[i] = nil
			tally.Frees++
		} else {
			size := rnd.Between(low, high)
			b, _ := calls.Alloc(size)
			h.bytes(b)[0] = 1
			blocks[i] = b
			tally.Allocs++
			tally.Bytes += size
		}
		now := time.Since(epoch)
		hist.Add(uint64(now - before))
		before = now
	}
	r.Stop()
	for range 100_000 {
		now := time.Since(epoch)
		clock.Add(uint64(now - before))
		before = now
	}
	for _, b := range blocks {
		if b != nil {
			calls.Free(b)
			tally.Frees++
		}
	}
	r.Count(tally)
	r.Out.Ops = int64(n)
	r.Out.Bins = hist.Bins()
	r.Out.Clock = int64(work.Quantile(clock.Bins(), 0.5))
}

// lookasideGrow: allocate and write until so many bytes are live, free all in
// random order; then see what stays resident, what does after more
// operations, and what after a trim.
func lookasideGrow(h *lookasideHeap, r *work.Run) {
	calls := h.calls()
	low, high := r.Int("min"), r.Int("max")
	rnd := work.NewRand(r.Int("seed"), 0)
	blocks := make([]lookasideBlock, r.Int("n")/((low+high)/2))
	order := rnd.Permutation(len(blocks))
	clear(blocks)
	tally := work.Tally{}
	r.Measure(2 * len(blocks))
	r.Start()
	for i := range blocks {
		size := rnd.Between(low, high)
		b, _ := calls.Alloc(size)
		clear(h.bytes(b))
		blocks[i] = b
		tally.Bytes += size
		r.Step(1)
	}
	r.Out.Live = int64(tally.Bytes)
	r.Stop()
	r.Sample()
	r.Start()
	for _, i := range order {
		calls.Free(blocks[i])
		blocks[i] = nil
		r.Step(1)
	}
	r.Stop()
	r.Out.Residual = r.Sample()
	few := blocks[:min(len(blocks), 1000)]
	for range r.Int("after") / len(few) {
		for i := range few {
			few[i], _ = calls.Alloc(low)
		}
		for i, b := range few {
			calls.Free(b)
			few[i] = nil
		}
		tally.Allocs += len(few)
		tally.Bytes += low * len(few)
	}
	r.Out.Settled = r.Sample()
	h.trim()
	r.Out.Trimmed = r.Sample()
	r.Measured()
	tally.Allocs += len(blocks)
	tally.Frees = tally.Allocs
	r.Count(tally)
	r.Out.Ops = int64(len(blocks))
}

// lookasideShift: so many bytes stay live while their blocks change size: in
// every phase nine tenths are freed, at random, and blocks of the next size
// take their place.
func lookasideShift(h *lookasideHeap, r *work.Run) {
	calls := h.calls()
	goal := r.Int("n")
	rnd := work.NewRand(r.Int("seed"), 0)
	blocks := make([]lookasideBlock, goal/work.ShiftSizes[0]+1)
	clear(blocks)
	sizes := make([]int32, len(blocks))
	clear(sizes)
	count, live := 0, 0
	tally := work.Tally{}
	r.Measure(len(work.ShiftSizes))
	r.Start()
	for _, size := range work.ShiftSizes {
		for range count / 10 * 9 {
			i := rnd.Below(count)
			calls.Free(blocks[i])
			live -= int(sizes[i])
			count--
			blocks[i], sizes[i] = blocks[count], sizes[count]
			blocks[count] = nil
			tally.Frees++
		}
		for ; live+size <= goal && count < len(blocks); count++ {
			b, _ := calls.Alloc(size)
			clear(h.bytes(b))
			blocks[count], sizes[count] = b, int32(size)
			live += size
			tally.Allocs++
			tally.Bytes += size
		}
		r.Out.Live = max(r.Out.Live, int64(live))
		r.Step(1)
	}
	r.Stop()
	for i := range count {
		calls.Free(blocks[i])
		blocks[i] = nil
		tally.Frees++
	}
	r.Out.Residual = r.Sample()
	h.trim()
	r.Out.Trimmed = r.Sample()
	r.Measured()
	r.Count(tally)
	r.Out.Ops = int64(tally.Allocs)
}

// lookasideGC: n collections while so many blocks are live, in several turns,
// and after each turn n with none. The references to the blocks lie where the
// allocator's users can put them, or (refs=1) on the Go heap.
func lookasideGC(h *lookasideHeap, r *work.Run) {
	live, turns := r.Int("live"), max(r.Int("turns"), 1)
	for range turns {
		lookasideGCTurn(h, r, live, r.Int("n")/turns)
		r.Collect(r.Int("n")/turns, false)
	}
	r.Count(work.Tally{Allocs: turns * live, Frees: turns * live, Bytes: turns * live * r.Int("size")})
}

func lookasideGCTurn(h *lookasideHeap, r *work.Run, live, n int) {
	calls := h.calls()
	var blocks []lookasideBlock
	if r.Int("refs") == 1 || live == 0 {
		blocks = make([]lookasideBlock, live)
	} else {
		blocks = h.table(live)
	}
	for i := range blocks {
		b, _ := calls.Alloc(r.Int("size"))
		h.bytes(b)[0] = 1
		blocks[i] = b
	}
	r.Collect(n, true)
	for i, b := range blocks {
		calls.Free(b)
		blocks[i] = nil
	}
	if r.Int("refs") != 1 && live > 0 {
		h.freeTable(blocks)
	}
}

// lookasideTrace: the events of a trace, all on one thread in their recorded
// order. With memory every byte is written and the resident memory sampled
// where the events say so; else the first and the last byte are.
func lookasideTrace(h *lookasideHeap, r *work.Run) {
	calls := h.calls()
	e, err := work.OpenEvents(r.File)
	if err != nil {
		panic(err)
	}
	defer e.Close()
	blocks := make([]lookasideBlock, e.Slots)
	clear(blocks)
	if r.Int("memory") == 1 {
		lookasideReplayMemory(h, r, e, blocks)
		return
	}
	for range r.Int("n") {
		r.Start()
		lookasideReplay(h, e.Words, blocks)
		r.Stop()
		for i, b := range blocks {
			if b != nil {
				calls.Free(b)
				blocks[i] = nil
			}
		}
		r.Count(e.Tally)
		r.Out.Ops += e.Ops
	}
}

// lookasideReplay performs events as fast as can be.
func lookasideReplay(h *lookasideHeap, events []uint64, blocks []lookasideBlock) {
	calls := h.calls()
	for _, e := range events {
		slot, size := work.EventSlot(e), work.EventSize(e)
		var b lookasideBlock
		switch work.EventOp(e) {
		case work.EventAlloc:
			b, _ = calls.Alloc(size)
		case work.EventZeroed:
			b, _ = calls.AllocZeroed(size)
		case work.EventAligned:
			b, _ = calls.AllocAligned(size, work.EventAlign(e))
		case work.EventFree:
			calls.Free(blocks[slot])
			blocks[slot] = nil
			continue
		case work.EventRealloc:
			b, _ = calls.Realloc(blocks[slot], size)
		default:
			continue
		}
		blocks[slot] = b
		if size > 0 {
			work.Ends(h.bytes(b))
		}
	}
}

// lookasideReplayMemory performs events, writes every byte and samples.
func lookasideReplayMemory(h *lookasideHeap, r *work.Run, e *work.Events, blocks []lookasideBlock) {
	calls := h.calls()
	r.Measure(len(e.Words))
	r.Out.Live = e.PeakLive
	done := 0
	for i, v := range e.Words {
		if work.EventOp(v) == work.EventSample {
			r.Advance(i - done)
			done = i
			r.Sample()
			continue
		}
		old := 0
		if work.EventOp(v) == work.EventRealloc {
			old = len(h.bytes(blocks[work.EventSlot(v)]))
		}
		lookasideReplay(h, e.Words[i:i+1], blocks)
		if work.EventOp(v) != work.EventFree {
			p := h.bytes(blocks[work.EventSlot(v)])
			clear(p[min(old, len(p)):])
		}
	}
	r.Measured()
	for i, b := range blocks {
		if b != nil {
			calls.Free(b)
			blocks[i] = nil
		}
	}
	r.Count(e.Tally)
	r.Out.Ops = e.Ops
}
