package loops

import (
	"sync"

	"offheap.example/lookaside/bench/work"
)

// lookasideLarson: every thread replaces random blocks of its part, then
// starts a successor on the same part and ends.
func lookasideLarson(h *lookasideHeap, r *work.Run) {
	calls := h.calls()
	t, slots, low := r.Int("t"), r.Int("slots"), r.Int("min")
	span := r.Int("max") - low
	each := r.Int("rounds") * slots
	rnd := work.NewRand(r.Int("seed"), 0)
	tally := work.Tally{}
	all := make([]lookasideBlock, t*slots)
	for i := range all {
		n := low + rnd.Below(span)
		all[i], _ = calls.Alloc(n)
		tally.Bytes += n
	}
	for i := len(all) - 1; i > 0; i-- {
		j := rnd.Below(i + 1)
		all[i], all[j] = all[j], all[i]
	}
	for range 4 * len(all) {
		i := rnd.Below(len(all))
		calls.Free(all[i])
		n := low + rnd.Below(span)
		all[i], _ = calls.Alloc(n)
		tally.Bytes += n
	}
	tally.Allocs, tally.Frees = 5*len(all), 4*len(all)

	var done sync.WaitGroup
	var life func(part []lookasideBlock, rnd work.Rand, left int)
	life = func(part []lookasideBlock, rnd work.Rand, left int) {
		asked := 0
		for range each {
			i := rnd.Below(slots)
			calls.Free(part[i])
			n := low + rnd.Below(span)
			b, _ := calls.Alloc(n)
			p := h.bytes(b)
			p[0], p[1] = 'a', 'b'
			part[i] = b
			asked += n
		}
		r.Count(work.Tally{Allocs: each, Frees: each, Bytes: asked})
		if left > 1 {
			go life(part, rnd, left-1)
			return
		}
		done.Done()
	}
	done.Add(t)
	r.Start()
	for id := range t {
		go life(all[id*slots:(id+1)*slots], work.NewRand(r.Int("seed"), id+1), r.Int("n"))
	}
	done.Wait()
	r.Stop()
	for _, b := range all {
		calls.Free(b)
	}
	tally.Frees += len(all)
	r.Count(tally)
	r.Out.Ops = int64(t * each * r.Int("n"))
}

// lookasideStack is xmalloc-test's list of batches: last in, first out.
type lookasideStack struct {
	mu           sync.Mutex
	gone, filled sync.Cond
	batches      [][]lookasideBlock
}

// lookasideXmalloc: t producers fill batches, t consumers free them.
func lookasideXmalloc(h *lookasideHeap, r *work.Run) {
	n, t, count, size, limit := r.Int("n"), r.Int("t"), r.Int("count"), r.Int("size"), r.Int("limit")
	q := &lookasideStack{batches: make([][]lookasideBlock, 0, limit)}
	q.gone.L, q.filled.L = &q.mu, &q.mu
	r.Parallel(2*t, func(id int) {
		mine := work.Share(n, t, id/2)
		for range mine {
			if id%2 == 0 {
				q.push(lookasideFill(h, count, size), limit)
			} else {
				lookasideDrain(h, q.pop())
			}
		}
		if id%2 == 0 {
			r.Count(work.Tally{Allocs: mine * count, Bytes: mine * count * size})
		} else {
			r.Count(work.Tally{Frees: mine * count})
		}
	})
	r.Out.Ops = int64(n * count)
}

func lookasideFill(h *lookasideHeap, count, size int) []lookasideBlock {
	calls := h.calls()
	batch := h.table(count)
	for i := range batch {
		b, _ := calls.Alloc(size)
		clear(h.bytes(b)[:min(size, 128)])
		batch[i] = b
	}
	return batch
}

func lookasideDrain(h *lookasideHeap, batch []lookasideBlock) {
	calls := h.calls()
	for _, b := range batch {
		calls.Free(b)
	}
	h.freeTable(batch)
}

func (q *lookasideStack) push(batch []lookasideBlock, limit int) {
	q.mu.Lock()
	for len(q.batches) == limit {
		q.gone.Wait()
	}
	q.batches = append(q.batches, batch)
	q.filled.Signal()
	q.mu.Unlock()
}

func (q *lookasideStack) pop() []lookasideBlock {
	q.mu.Lock()
	for len(q.batches) == 0 {
		q.filled.Wait()
	}
	last := len(q.batches) - 1
	batch := q.batches[last]
	q.batches[last] = nil
	q.batches = q.batches[:last]
	q.gone.Signal()
	q.mu.Unlock()
	return batch
}

// lookasideCache: every thread allocates a tiny block and writes to it often.
// With foreign, each begins by freeing one that the main thread allocated
// beside the others'.
func lookasideCache(h *lookasideHeap, r *work.Run) {
	calls := h.calls()
	n, t, size := r.Int("n"), r.Int("t"), r.Int("size")
	touches := r.Int("reps") / t
	foreign := make([]lookasideBlock, t*r.Int("foreign"))
	for i := range foreign {
		foreign[i], _ = calls.Alloc(size)
	}
	r.Parallel(t, func(id int) {
		if len(foreign) > 0 {
			calls.Free(foreign[id])
		}
		for range n {
			b, _ := calls.Alloc(size)
			p := h.bytes(b)
			for range touches {
				for k := range p {
					p[k]++
				}
			}
			calls.Free(b)
		}
		r.Count(work.Tally{Allocs: n, Frees: n, Bytes: n * size})
	})
	r.Count(work.Tally{Allocs: len(foreign), Frees: len(foreign), Bytes: len(foreign) * size})
	r.Out.Ops = int64(t * n * touches * size)
}

// lookasideSimple: glibc-simple. Blocks of one size, all bytes written, the
// first half freed in order and the second in reverse; on the calling
// thread, on another, and on another beside an idle one.
func lookasideSimple(h *lookasideHeap, r *work.Run) {
	calls := h.calls()
	n, size := r.Int("n"), r.Int("size")
	blocks := make([]lookasideBlock, 1600)
	ops := 0
	round := func(int) {
		tally := work.Tally{}
		for _, k := range [...]int{25, 100, 400, 1600} {
			for range max(n/k, 1) {
				for i := range k {
					b, _ := calls.Alloc(size)
					clear(h.bytes(b))
					blocks[i] = b
				}
				for i := range k / 2 {
					calls.Free(blocks[i])
				}
				for i := k - 1; i >= k/2; i-- {
					calls.Free(blocks[i])
				}
			}
			tally.Allocs += max(n/k, 1) * k
		}
		tally.Frees, tally.Bytes = tally.Allocs, tally.Allocs*size
		ops += tally.Allocs
		r.Count(tally)
	}
	r.Start()
	round(0)
	r.Stop()
	r.Parallel(1, round)
	stop := make(chan struct{})
	go func() { <-stop }()
	r.Parallel(1, round)
	close(stop)
	r.Out.Ops = int64(ops)
}

// lookasideThread: glibc-thread. Every thread replaces blocks of a working set,
// sizes and places from tables made before.
func lookasideThread(h *lookasideHeap, r *work.Run) {
	calls := h.calls()
	n, t, set := r.Int("n"), r.Int("t"), r.Int("set")
	rnd := work.NewRand(r.Int("seed"), 0)
	sizes := work.InverseSquare(&rnd, 8000, r.Int("min"), r.Int("max"))
	places := work.Sizes(&rnd, 4096, 0, set-1)
	r.Parallel(t, func(id int) {
		blocks := make([]lookasideBlock, set)
		tally := work.Tally{}
		s, p := id*97%len(sizes), id*89%len(places)
		for range n {
			i := places[p]
			if b := blocks[i]; b != nil {
				calls.Free(b)
				tally.Frees++
			}
			b, _ := calls.Alloc(int(sizes[s]))
			clear(h.bytes(b))
			blocks[i] = b
			tally.Allocs++
			tally.Bytes += int(sizes[s])
			if s++; s == len(sizes) {
				s = 0
			}
			if p++; p == len(places) {
				p = 0
			}
		}
		for _, b := range blocks {
			if b != nil {
				calls.Free(b)
				tally.Frees++
			}
		}
		r.Count(tally)
	})
	r.Out.Ops = int64(n * t)
}
