package objtab

import (
	"sync"
	"sync/atomic"

	"offheap.example/lookaside/internal/percpu"
)

const (
	shardCap = 64           // records a P may park
	batchLen = shardCap / 2 // records moved at a time
	blockLen = 512          // records made at a time
)

// Cache recycles records of one type, last in, first out. The zero Cache is
// ready to use. It must not be copied.
type Cache[T any] struct {
	// Init prepares a record once, when it is made. It may be nil, and must
	// be set before the first Get.
	Init func(*T)

	shards atomic.Pointer[[]*stack[T]] // Publishes: the shards. Pairs with: Get and Put. Written under mu.

	mu   sync.Mutex
	free []*T // guarded by mu; has room for every record ever made
	made int  // guarded by mu
}

// stack is what one P has parked.
type stack[T any] struct {
	n       int // owned by the pinned P
	records [shardCap]*T
	_       [128]byte // no two shards in one cache line
}

// Get returns a record: one that was given back, as it was given back, or a
// new one.
func (c *Cache[T]) Get() *T {
	id := percpu.Pin()
	if shards := c.shards.Load(); shards != nil && uint(id) < uint(len(*shards)) {
		s := (*shards)[id]
		if n := s.n - 1; uint(n) < uint(len(s.records)) {
			s.n = n
			r := s.records[n]
			percpu.Unpin(id)
			return r
		}
	}
	percpu.Unpin(id)
	return c.refill()
}

// Put gives a record back. The caller must have cleared what it pointed at.
func (c *Cache[T]) Put(r *T) {
	id := percpu.Pin()
	if shards := c.shards.Load(); shards != nil && uint(id) < uint(len(*shards)) {
		s := (*shards)[id]
		if n := s.n; uint(n) < uint(len(s.records)) {
			s.records[n] = r
			s.n = n + 1
			percpu.Unpin(id)
			return
		}
	}
	percpu.Unpin(id)
	c.spill(r)
}

// refill takes a batch from the central store, or makes one, and returns one
// record of it.
//
//go:noinline
func (c *Cache[T]) refill() *T {
	var batch [batchLen + 1]*T
	c.mu.Lock()
	c.shards.Store(grown(c.shards.Load()))
	if len(c.free) == 0 {
		c.make()
	}
	n := copy(batch[:], c.free[max(0, len(c.free)-len(batch)):])
	c.free = c.free[:len(c.free)-n]
	c.mu.Unlock()

	r, rest := batch[n-1], batch[:n-1]
	id := percpu.Pin()
	if shards := *c.shards.Load(); uint(id) < uint(len(shards)) {
		s := shards[id]
		for len(rest) > 0 && uint(s.n) < uint(len(s.records)) {
			s.records[s.n] = rest[len(rest)-1]
			s.n++
			rest = rest[:len(rest)-1]
		}
	}
	percpu.Unpin(id)
	c.giveBack(rest)
	return r
}

// spill puts r on a full shard by moving the older half to the central store.
//
//go:noinline
func (c *Cache[T]) spill(r *T) {
	var batch [batchLen + 1]*T
	batch[0] = r
	n := 1
	id := percpu.Pin()
	if shards := c.shards.Load(); shards != nil && uint(id) < uint(len(*shards)) {
		s := (*shards)[id]
		if s.n == len(s.records) {
			n += copy(batch[1:], s.records[:batchLen])
			copy(s.records[:], s.records[batchLen:])
			s.n -= batchLen
		}
	}
	percpu.Unpin(id)
	c.giveBack(batch[:n])
}

func (c *Cache[T]) giveBack(rest []*T) {
	if len(rest) == 0 {
		return
	}
	c.mu.Lock()
	c.free = append(c.free, rest...)
	c.mu.Unlock()
}

// make adds a block of new records to the empty central store. c.mu is held.
func (c *Cache[T]) make() {
	block := make([]T, blockLen)
	c.made += blockLen
	if cap(c.free) < c.made {
		// Twice the room, so that a million records do not copy the store two thousand times.
		c.free = make([]*T, 0, 2*c.made)
	}
	for i := range block {
		if c.Init != nil {
			c.Init(&block[i])
		}
		c.free = append(c.free, &block[i])
	}
}

// Made returns how many records there are in all.
func (c *Cache[T]) Made() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made
}

// grown returns a table with a shard for every id there is now. Shards that
// exist stay where they are: their P may be at work in one.
func grown[S any](old *[]*S) *[]*S {
	n := percpu.MaxID()
	if old != nil && len(*old) >= n {
		return old
	}
	table := make([]*S, n)
	have := 0
	if old != nil {
		have = copy(table, *old)
	}
	for i := have; i < n; i++ {
		table[i] = new(S)
	}
	return &table
}
