package slab

import "offheap.example/lookaside/internal/percpu"

// Two Ps that work with blocks of one slab write to the same lines of its state
// bytes, each time one of them gets or puts: a cache miss for every operation
// of both. So while more than one P takes blocks from a list's slabs, each
// takes them from slabs of its own as far as there are any. A list that one P
// works with pays nothing for that.
//
// takers is what a list knows about it. Guarded by the list's lock.
type takers struct {
	last  uint32 // who took blocks last
	alone uint32 // how often that one did so in a row
}

const (
	// localTaker is the bit that tells a Local from a P.
	localTaker = 1 << 31

	// aloneAfter is how often in a row somebody takes blocks before the list
	// is his: a goroutine that moved to another P leaves nothing behind.
	aloneAfter = 16

	// pickMost is at how many slabs pick looks.
	pickMost = 8
)

// thisP is the current P as a taker. It may have changed by the time that the
// caller looks at it: it is about speed only. Tokens say nothing about Ps: who
// has nothing else is one taker.
func thisP() uint32 {
	if percpu.Current() == percpu.Tokens {
		return 1
	}
	id := percpu.Pin()
	percpu.Unpin(id)
	return uint32(id) + 1
}

// taking is called when me takes blocks from slabs.
func (t *takers) taking(me uint32) {
	switch {
	case t.last == 0:
		t.last, t.alone = me, aloneAfter
	case t.last != me:
		t.last, t.alone = me, 0
	case t.alone < aloneAfter:
		t.alone++
	}
}

// pick returns the slab from which me should take its next blocks: one of the
// fullest that nobody else takes from. Where there are more slabs with free
// blocks than those who could need one each, any will do. It returns nil when
// an empty one is better.
func (l *list) pick(me uint32) *slabHdr {
	if l.last == me && l.alone >= aloneAfter {
		return l.fullest()
	}
	looked := 0
	for _, p := range l.bins {
		for ; p != 0 && looked < pickMost; looked++ {
			s := headerAt(p)
			if s.taker == me || s.taker == 0 {
				return s
			}
			p = s.next
		}
	}
	if l.binned > 1+l.o.high.Load() {
		return l.fullest()
	}
	return nil
}
