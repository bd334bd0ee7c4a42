package model

import (
	"errors"
	"fmt"
	"sync"
)

// handover is how many blocks can be on the way from one worker to the next.
const handover = 32

// RunTogether deals the operations of p to a number of goroutines by their slots, lets them run at the same time on
// one system, and compares what all of them did with the counters in the end. Blocks go from each to the next by Hand.
// It returns where it goes wrong, or nil; a failure need not come back when the program runs again.
func RunTogether(p Program, workers int, open Opener) *Failure {
	runs.Lock()
	defer runs.Unlock()
	p.Setup.End = FreeAll
	s, err := open(p.Setup)
	if err != nil {
		return &Failure{p, 0, fmt.Errorf("open: %w", err)}
	}
	all := &worker{world: newWorld(p.Setup, s.Arena.PageSize(), 0), sys: s, alone: true}
	all.openTags()
	team := newTeam(all, workers)
	at, err := team.run(p.Ops)
	if err == nil {
		at, err = len(p.Ops), recovered(func() error { return all.settle(team) })
	}
	if err != nil {
		all.abandon()
		return &Failure{p, at, err}
	}
	return nil
}

// team is several workers in a ring.
type team []*worker

func newTeam(all *worker, n int) team {
	ring := make([]chan *block, n)
	for i := range ring {
		ring[i] = make(chan *block, handover)
	}
	var list team
	for i := range n {
		w := &worker{world: newWorld(all.setup, all.page, uint64(i+1)), sys: all.sys, faces: all.faces}
		w.give, w.take = ring[i], ring[(i+1)%n]
		list = append(list, w)
	}
	return list
}

// run runs each worker's operations on a goroutine of its own, until one of them fails.
func (t team) run(ops []Op) (at int, err error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i, w := range t {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j, o := range ops {
				if int(o.Slot)%len(t) != i {
					continue
				}
				if e := w.step(o, false, false); e != nil {
					mu.Lock()
					at, err = j, errors.Join(err, fmt.Errorf("worker %d: %w", i, e))
					mu.Unlock()
					return
				}
			}
		}()
	}
	wg.Wait()
	return at, err
}

// settle takes back what is still on the way, frees everything and compares the sum of all workers.
func (w *worker) settle(t team) error {
	for _, x := range t {
		for len(x.take) > 0 {
			if _, ok := x.free(0); !ok {
				y := <-x.take
				if err := y.whole(); err != nil {
					return err
				}
				w.freer(y.via, false)(y.b)
				x.count(y, (*account).put)
				continue
			}
			if err := x.receive(); err != nil {
				return err
			}
		}
	}
	for _, x := range t {
		if err := x.freeEverything(); err != nil {
			return err
		}
		for class, a := range x.classes {
			w.book(class, func(sum *account) { sum.plus(&a) })
		}
		for i := range x.lists {
			w.lists[i].plus(&x.lists[i])
		}
		for i := range x.tags {
			w.tags[i].plus(&x.tags[i])
		}
	}
	return w.endEmpty()
}
