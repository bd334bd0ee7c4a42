package loops

import (
	"sync/atomic"

	"offheap.example/lookaside/bench/work"
)

// lookasideParcel is a number of blocks on their way to another thread.
type lookasideParcel struct {
	next   *lookasideParcel
	blocks [128]lookasideBlock
	n      int
}

// lookasideTester is one thread of rptest.
type lookasideTester struct {
	h       *lookasideHeap
	calls   *lookasideCalls
	rnd     work.Rand
	sizes   []int32
	slots   []lookasideBlock
	inbox   atomic.Pointer[lookasideParcel] // Publishes: parcels. Pairs with: receive.
	stock   *lookasideParcel                // empty ones, for own use
	tally   work.Tally
	size    int // where in sizes
	aligned int // what comes next: 0, 8 or 16
	in, out int // where in slots
	turn    int
}

// take allocates a block and writes a byte in each of its pages and the last.
func (x *lookasideTester) take() lookasideBlock {
	n := int(x.sizes[x.size])
	if x.size++; x.size == len(x.sizes) {
		x.size = 0
	}
	var b lookasideBlock
	if x.aligned > 0 && n < 4096 {
		b, _ = x.calls.AllocAligned(n, x.aligned)
	} else {
		b, _ = x.calls.Alloc(n)
	}
	if x.aligned += 8; x.aligned > 16 {
		x.aligned = 0
	}
	p := x.h.bytes(b)
	for i := 0; i < n; i += 4096 {
		p[i] = 1
	}
	p[n-1] = 1
	x.tally.Allocs++
	x.tally.Bytes += n
	return b
}

func (x *lookasideTester) drop(i int) {
	if b := x.slots[i]; b != nil {
		x.calls.Free(b)
		x.slots[i] = nil
		x.tally.Frees++
	}
}

// receive frees what others sent.
func (x *lookasideTester) receive() {
	for p := x.inbox.Swap(nil); p != nil; {
		for _, b := range p.blocks[:p.n] {
			x.calls.Free(b)
		}
		x.tally.Frees += p.n
		clear(p.blocks[:p.n])
		next := p.next
		p.next, x.stock = x.stock, p
		p = next
	}
}

// send allocates n blocks and gives them to another thread.
func (x *lookasideTester) send(to *lookasideTester, n int) {
	p := x.stock
	if p == nil {
		p = new(lookasideParcel)
	} else {
		x.stock = p.next
	}
	p.n = n
	for i := range n {
		p.blocks[i] = x.take()
	}
	for {
		first := to.inbox.Load()
		p.next = first
		if to.inbox.CompareAndSwap(first, p) {
			return
		}
	}
}

// round is one loop: free some, free foreign ones, allocate some, and every
// cross-th time send some away.
func (x *lookasideTester) round(peers []*lookasideTester, id, cross int) {
	for range x.rnd.Between(24, 79) {
		x.drop(x.out)
		x.out = (x.out + work.TestFrom) % len(x.slots)
	}
	x.receive()
	n := x.rnd.Between(30, 99)
	for range n {
		x.drop(x.in)
		x.slots[x.in] = x.take()
		x.in = (x.in + work.TestInto) % len(x.slots)
	}
	if x.turn++; x.turn%cross == 0 && len(peers) > 1 {
		other := (id + 1 + x.turn/cross%(len(peers)-1)) % len(peers)
		x.send(peers[other], n)
	}
}

// lookasideRptest: twice two rounds of n loops, the threads in step.
func lookasideRptest(h *lookasideHeap, r *work.Run) {
	n, t := r.Int("n"), r.Int("t")
	rnd := work.NewRand(r.Int("seed"), 1<<20)
	sizes := work.LinearFall(&rnd, 2000, r.Int("min"), r.Int("max"))
	peers := make([]*lookasideTester, t)
	for id := range peers {
		peers[id] = &lookasideTester{
			h: h, calls: h.calls(), rnd: work.NewRand(r.Int("seed"), id), sizes: sizes,
			slots: make([]lookasideBlock, r.Int("slots")), size: id * 31 % len(sizes),
		}
	}
	step := work.NewBarrier(t)
	r.Parallel(t, func(id int) {
		x := peers[id]
		for range 2 {
			for range 2 {
				step.Wait()
				for range n {
					x.round(peers, id, r.Int("cross"))
				}
				step.Wait()
				x.receive()
			}
			for i := range x.slots {
				x.drop(i)
			}
		}
		r.Count(x.tally)
	})
	for _, x := range peers {
		r.Out.Ops += int64(x.tally.Allocs)
	}
}
