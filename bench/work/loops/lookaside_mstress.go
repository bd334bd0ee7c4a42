package loops

import (
	"runtime"
	"sync"
	"sync/atomic"

	"offheap.example/lookaside/bench/work"
)

// lookasidePlace holds one block that any thread may exchange for its own.
type lookasidePlace struct {
	busy  atomic.Uint32 // Publishes: block. Pairs with: the next exchange.
	block lookasideBlock
}

// exchange leaves b and takes what was there.
func (p *lookasidePlace) exchange(b lookasideBlock) lookasideBlock {
	for !p.busy.CompareAndSwap(0, 1) {
		runtime.Gosched()
	}
	b, p.block = p.block, b
	p.busy.Store(0)
	return b
}

// lookasideStresser is one thread of mstress.
type lookasideStresser struct {
	h     *lookasideHeap
	calls *lookasideCalls
	rnd   work.Rand
	tally work.Tally
}

// make allocates some words, now and then very many, and fills them.
func (s *lookasideStresser) make(words int) lookasideBlock {
	if s.rnd.Below(100) == 0 {
		words *= 100
		if s.rnd.Below(10) == 0 {
			words *= 10
			if s.rnd.Below(10) == 0 {
				words *= 10
			}
		}
	}
	b, _ := s.calls.Alloc(words * 8)
	w := work.Words(s.h.bytes(b))
	for i := range w {
		w[i] = uint64(words-i) ^ work.Cookie
	}
	s.tally.Allocs++
	s.tally.Bytes += words * 8
	return b
}

// drop verifies and frees.
func (s *lookasideStresser) drop(b lookasideBlock) {
	if b == nil {
		return
	}
	w := work.Words(s.h.bytes(b))
	n := w[0] ^ work.Cookie
	if n != uint64(len(w)) {
		panic("a block does not begin with its length")
	}
	for i, x := range w {
		if x^work.Cookie != n-uint64(i) {
			panic("a block was written by somebody else")
		}
	}
	s.calls.Free(b)
	s.tally.Frees++
}

// live is what one thread does: half of its blocks are dropped on the way, the
// retained ones at the end, and some change hands.
func (s *lookasideStresser) live(allocs int, transfer []lookasidePlace) {
	retain := allocs / 2
	data := make([]lookasideBlock, 0, allocs)
	retained := make([]lookasideBlock, 0, retain)
	for allocs > 0 || retain > 0 {
		if retain == 0 || s.rnd.Below(100) < 50 && allocs > 0 {
			allocs--
			data = append(data, s.make(1<<s.rnd.Below(5)))
		} else {
			retain--
			retained = append(retained, s.make(1<<s.rnd.Below(7)))
		}
		if s.rnd.Below(100) < 66 && len(data) > 0 {
			i := s.rnd.Below(len(data))
			s.drop(data[i])
			data[i] = nil
		}
		if s.rnd.Below(100) < 25 && len(data) > 0 {
			i := s.rnd.Below(len(data))
			data[i] = transfer[s.rnd.Below(len(transfer))].exchange(data[i])
		}
	}
	for _, b := range retained {
		s.drop(b)
	}
	for _, b := range data {
		s.drop(b)
	}
}

// lookasideMstress: n times, t threads that are born, allocate, exchange and die.
func lookasideMstress(h *lookasideHeap, r *work.Run) {
	t, scale := r.Int("t"), r.Int("scale")
	transfer := make([]lookasidePlace, r.Int("places"))
	main := &lookasideStresser{h: h, calls: h.calls(), rnd: work.NewRand(r.Int("seed"), -1)}
	r.Start()
	for turn := range r.Int("n") {
		var all sync.WaitGroup
		failed := make([]any, t)
		for id := range t {
			all.Go(func() {
				defer func() { failed[id] = recover() }()
				s := &lookasideStresser{h: h, calls: h.calls(), rnd: work.NewRand(r.Int("seed")+turn, id)}
				s.live(100*scale*(id%8+1), transfer)
				r.Count(s.tally)
			})
		}
		all.Wait()
		for _, p := range failed {
			if p != nil {
				panic(p)
			}
		}
		for i := range transfer {
			if main.rnd.Below(2) == 0 {
				main.drop(transfer[i].exchange(nil))
			}
		}
	}
	r.Stop()
	for i := range transfer {
		main.drop(transfer[i].exchange(nil))
	}
	r.Count(main.tally)
	r.Out.Ops = int64(r.Int("n")) * work.MstressAllocs(t, scale)
}
