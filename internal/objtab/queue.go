package objtab

import (
	"sync"
	"sync/atomic"

	"offheap.example/lookaside/internal/percpu"
)

// Queue recycles records of one type, first in, first out, and holds them
// back: a record that was given back is not used again before Hold others
// have been given back after it. The zero Queue holds nothing back. It must
// not be copied.
type Queue[T any] struct {
	Hold int // records; set before the first Get

	shards [maxShards]atomic.Pointer[gate[T]] // Publishes: a P's shard. Pairs with: Get and Put. Written once, under mu.

	mu    sync.Mutex
	ring  []*T // guarded by mu; a power of two long, with room for every record ever made
	head  uint // guarded by mu; where the oldest record is
	count int  // guarded by mu; records in the ring
	made  int  // guarded by mu
}

// gate is what passes through one P: records to use next, and records given
// back, which go to the end of the ring by batches.
type gate[T any] struct {
	ready, used  int // owned by the P
	readyRecords [batchLen]*T
	usedRecords  [batchLen]*T
	_            [128]byte // no two shards in one cache line
}

// Get returns a record: the one that was given back longest ago, as it was
// given back, or a new one. Until it calls getPinned it is a section in the
// sense of package percpu.
//
//go:nosplit
//go:noinline
func (q *Queue[T]) Get() *T {
	if percpu.HasID {
		if id := percpu.ID(); uint(id) < uint(len(q.shards)) {
			if g := q.shards[id].Load(); g != nil {
				if n := g.ready - 1; uint(n) < uint(len(g.readyRecords)) {
					g.ready = n
					return g.readyRecords[n]
				}
			}
		}
	}
	return q.getPinned()
}

// Put gives a record back. Until it calls putPinned it is a section in the
// sense of package percpu.
//
//go:nosplit
//go:noinline
func (q *Queue[T]) Put(r *T) {
	if percpu.HasID {
		if id := percpu.ID(); uint(id) < uint(len(q.shards)) {
			if g := q.shards[id].Load(); g != nil {
				if n := g.used; uint(n) < uint(len(g.usedRecords)) {
					g.usedRecords[n] = r
					g.used = n + 1
					return
				}
			}
		}
	}
	q.putPinned(r)
}

// gate returns the shard of the pinned P, nil when it has none.
func (q *Queue[T]) gate(id int) *gate[T] {
	if uint(id) < uint(len(q.shards)) {
		return q.shards[id].Load()
	}
	return nil
}

// getPinned is Get where there are no unpreemptible sections, or nothing is
// ready.
func (q *Queue[T]) getPinned() (r *T) {
	id := percpu.Pin()
	if g := q.gate(id); g != nil && g.ready > 0 {
		g.ready--
		r = g.readyRecords[g.ready]
	}
	percpu.Unpin(id)
	if r == nil {
		r = q.refill()
	}
	return r
}

// putPinned is Put where there are no unpreemptible sections, or no place is
// left.
func (q *Queue[T]) putPinned(r *T) {
	id := percpu.Pin()
	if g := q.gate(id); g != nil && g.used < len(g.usedRecords) {
		g.usedRecords[g.used] = r
		g.used++
		percpu.Unpin(id)
		return
	}
	percpu.Unpin(id)
	q.spill(r)
}

// refill takes the oldest batch from the ring, or makes one, and returns one
// record of it.
func (q *Queue[T]) refill() *T {
	var batch [batchLen]*T
	n := percpu.MaxID()
	q.mu.Lock()
	for id := range min(n, len(q.shards)) {
		if q.shards[id].Load() == nil {
			q.shards[id].Store(new(gate[T]))
		}
	}
	if q.count < q.Hold+batchLen {
		q.make(&batch)
	} else {
		for i := range batch {
			batch[len(batch)-1-i] = q.pop()
		}
	}
	q.mu.Unlock()

	r, rest := batch[batchLen-1], batch[:batchLen-1]
	id := percpu.Pin()
	if g := q.gate(id); g != nil && g.ready == 0 {
		g.ready = copy(g.readyRecords[:], rest)
		rest = nil
	}
	percpu.Unpin(id)
	q.giveBack(rest)
	return r
}

// spill moves what a P has been given back, and r, to the end of the ring.
func (q *Queue[T]) spill(r *T) {
	var batch [batchLen + 1]*T
	n := 0
	id := percpu.Pin()
	if g := q.gate(id); g != nil {
		n = copy(batch[:], g.usedRecords[:g.used])
		g.used = 0
	}
	percpu.Unpin(id)
	batch[n] = r
	q.giveBack(batch[:n+1])
}

func (q *Queue[T]) giveBack(rest []*T) {
	if len(rest) == 0 {
		return
	}
	q.mu.Lock()
	for _, r := range rest {
		q.ring[(q.head+uint(q.count))&uint(len(q.ring)-1)] = r
		q.count++
	}
	q.mu.Unlock()
}

// pop takes the oldest record from the ring. q.mu is held.
func (q *Queue[T]) pop() *T {
	r := q.ring[q.head]
	q.head = (q.head + 1) & uint(len(q.ring)-1)
	q.count--
	return r
}

// make fills batch with new records and gives the ring room for them. q.mu is
// held.
func (q *Queue[T]) make(batch *[batchLen]*T) {
	block := make([]T, batchLen)
	q.made += batchLen
	if len(q.ring) < q.made {
		ring := make([]*T, max(1024, 2*len(q.ring)))
		n := q.count
		for i := range n {
			ring[i] = q.pop()
		}
		q.ring, q.head, q.count = ring, 0, n
	}
	for i := range block {
		batch[i] = &block[i]
	}
}

// Made returns how many records there are in all.
func (q *Queue[T]) Made() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.made
}
