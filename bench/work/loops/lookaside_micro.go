package loops

import (
	"sync/atomic"

	"offheap.example/lookaside/bench/work"
)

// lookasidePair: allocate, write a byte, free.
func lookasidePair(h *lookasideHeap, r *work.Run) {
	calls := h.calls()
	n, t, size := r.Int("n"), r.Int("t"), r.Int("size")
	r.Parallel(t, func(id int) {
		mine := work.Share(n, t, id)
		for range mine {
			b, _ := calls.Alloc(size)
			h.bytes(b)[0] = 1
			calls.Free(b)
		}
		r.Count(work.Tally{Allocs: mine, Frees: mine, Bytes: mine * size})
	})
	r.Out.Ops = int64(n)
}

// lookasideBatch: allocate count blocks, then free them in an order of 0
// allocation, 1 reversed, 2 shuffled.
func lookasideBatch(h *lookasideHeap, r *work.Run) {
	calls := h.calls()
	n, t, count := r.Int("n"), r.Int("t"), r.Int("count")
	rnd := work.NewRand(r.Int("seed"), 0)
	sizes := work.Sizes(&rnd, count, r.Int("min"), r.Int("max"))
	order := rnd.Permutation(count)
	for i := range order {
		switch r.Int("order") {
		case 0:
			order[i] = int32(i)
		case 1:
			order[i] = int32(count - 1 - i)
		}
	}
	asked := 0
	for _, size := range sizes {
		asked += int(size)
	}
	rounds := max(n/count, 1)
	r.Parallel(t, func(id int) {
		blocks := make([]lookasideBlock, count)
		mine := work.Share(rounds, t, id)
		for range mine {
			for i, size := range sizes {
				b, _ := calls.Alloc(int(size))
				h.bytes(b)[0] = 1
				blocks[i] = b
			}
			for _, i := range order {
				calls.Free(blocks[i])
			}
		}
		r.Count(work.Tally{Allocs: mine * count, Frees: mine * count, Bytes: mine * asked})
	})
	r.Out.Ops = int64(rounds * count)
}

// lookasideBlocks: count blocks of one size by one call, and back by one call.
func lookasideBlocks(h *lookasideHeap, r *work.Run) {
	n, t, count, size := r.Int("n"), r.Int("t"), r.Int("count"), r.Int("size")
	rounds := max(n/count, 1)
	r.Parallel(t, func(id int) {
		blocks := make([]lookasideBlock, count)
		mine := work.Share(rounds, t, id)
		for range mine {
			h.allocBatch(blocks, size)
			for _, b := range blocks {
				h.bytes(b)[0] = 1
			}
			h.freeBatch(blocks)
		}
		r.Count(work.Tally{Allocs: mine * count, Frees: mine * count, Bytes: mine * count * size})
	})
	r.Out.Ops = int64(rounds * count)
}

// lookasideLocal: pairs by the allocator's own way for one goroutine.
func lookasideLocal(h *lookasideHeap, r *work.Run) {
	n, t, size := r.Int("n"), r.Int("t"), r.Int("size")
	r.Parallel(t, func(id int) {
		mine := work.Share(n, t, id)
		h.localPairs(mine, size)
		r.Count(work.Tally{Allocs: mine, Frees: mine, Bytes: mine * size})
	})
	r.Out.Ops = int64(n)
}

// lookasideTyped: pairs of a zeroed value of 64 bytes.
func lookasideTyped(h *lookasideHeap, r *work.Run) {
	n, t := r.Int("n"), r.Int("t")
	r.Parallel(t, func(id int) {
		mine := work.Share(n, t, id)
		h.typedPairs(mine)
		r.Count(work.Tally{Allocs: mine, Frees: mine, Bytes: mine * 64})
	})
	r.Out.Ops = int64(n)
}

// lookasideRing is a queue from one goroutine to one other.
type lookasideRing struct {
	head   atomic.Uint64 // Publishes: places taken. Pairs with: lookasideProduce.
	_      [120]byte
	tail   atomic.Uint64 // Publishes: places filled. Pairs with: lookasideConsume.
	_      [120]byte
	places []lookasideBlock
}

// lookasideProduce fills the ring with n blocks.
func lookasideProduce(h *lookasideHeap, q *lookasideRing, n, size int) {
	calls := h.calls()
	mask, room := uint64(len(q.places)-1), uint64(len(q.places))
	var at, head uint64
	for at < uint64(n) {
		for tries := 0; at+work.RingStep > head+room; tries = work.Spin(tries) {
			head = q.head.Load()
		}
		for range work.RingStep {
			b, _ := calls.Alloc(size)
			h.bytes(b)[0] = 1
			q.places[at&mask] = b
			at++
		}
		q.tail.Store(at)
	}
}

// lookasideConsume frees n blocks from the ring and returns the sum of their
// first bytes.
func lookasideConsume(h *lookasideHeap, q *lookasideRing, n int) (sum int) {
	calls := h.calls()
	mask := uint64(len(q.places) - 1)
	var at, tail uint64
	for at < uint64(n) {
		for tries := 0; at == tail; tries = work.Spin(tries) {
			tail = q.tail.Load()
		}
		for ; at < tail; at++ {
			b := q.places[at&mask]
			sum += int(h.bytes(b)[0])
			calls.Free(b)
			if at%work.RingStep == work.RingStep-1 {
				q.head.Store(at + 1)
			}
		}
	}
	return sum
}

// lookasideProdCons: t pairs of a producer and a consumer, each with a ring.
func lookasideProdCons(h *lookasideHeap, r *work.Run) {
	t, size := r.Int("t"), r.Int("size")
	mine := max(r.Int("n")/t, 1) / work.RingStep * work.RingStep
	rings := make([]lookasideRing, t)
	for i := range rings {
		rings[i].places = make([]lookasideBlock, r.Int("ring"))
	}
	r.Parallel(2*t, func(id int) {
		q := &rings[id/2]
		if id%2 == 0 {
			lookasideProduce(h, q, mine, size)
			r.Count(work.Tally{Allocs: mine, Bytes: mine * size})
			return
		}
		if sum := lookasideConsume(h, q, mine); sum != mine {
			panic("a block came through the ring with other contents")
		}
		r.Count(work.Tally{Frees: mine})
	})
	r.Out.Ops = int64(mine * t)
}
