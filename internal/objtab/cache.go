package objtab

import (
	"sync"
	"sync/atomic"

	"offheap.example/lookaside/internal/percpu"
)

const (
	shardCap  = 64           // records a P may park
	batchLen  = shardCap / 2 // records moved at a time
	blockLen  = 512          // records made at a time
	maxShards = 1024         // Ps that park records; what is beyond shares the central store
)

// Cache recycles records of one type, last in, first out. The zero Cache is
// ready to use. It must not be copied.
type Cache[T any] struct {
	// Init prepares a record once, when it is made. It may be nil, and must
	// be set before the first Get.
	Init func(*T)
	// Hidden has the records made in memory that the collector does not look
	// into: what they point at must be kept alive by others. A million records
	// cost a collection nothing then.
	Hidden bool

	shards [maxShards]atomic.Pointer[stack[T]] // Publishes: a P's shard. Pairs with: Get and Put. Written once, under mu.

	mu     sync.Mutex
	free   []*T  // guarded by mu; has room for every record ever made; hidden
	made   int   // guarded by mu
	blocks [][]T // guarded by mu; every record ever made
}

// stack is what one P has parked.
type stack[T any] struct {
	n       int // owned by the P
	records [shardCap]*T
	_       [128]byte // no two shards in one cache line
}

// Get returns a record: one that was given back, as it was given back, or a
// new one. Until it calls getPinned it is a section in the sense of package
// percpu.
//
//go:nosplit
//go:noinline
func (c *Cache[T]) Get() *T {
	if percpu.HasID {
		if id := percpu.ID(); uint(id) < uint(len(c.shards)) {
			if s := c.shards[id].Load(); s != nil {
				if n := s.n - 1; uint(n) < uint(len(s.records)) {
					s.n = n
					return s.records[n]
				}
			}
		}
	}
	return c.getPinned()
}

// Put gives a record back. The caller must have cleared what it pointed at.
// Until it calls putPinned it is a section in the sense of package percpu.
//
//go:nosplit
//go:noinline
func (c *Cache[T]) Put(r *T) {
	if percpu.HasID {
		if id := percpu.ID(); uint(id) < uint(len(c.shards)) {
			if s := c.shards[id].Load(); s != nil {
				if n := s.n; uint(n) < uint(len(s.records)) {
					s.records[n] = r
					s.n = n + 1
					return
				}
			}
		}
	}
	c.putPinned(r)
}

// shard returns the shard of the pinned P, nil when it has none.
func (c *Cache[T]) shard(id int) *stack[T] {
	if uint(id) < uint(len(c.shards)) {
		return c.shards[id].Load()
	}
	return nil
}

// getPinned is Get where there are no unpreemptible sections, or no record is
// parked.
func (c *Cache[T]) getPinned() (r *T) {
	id := percpu.Pin()
	if s := c.shard(id); s != nil && s.n > 0 {
		s.n--
		r = s.records[s.n]
	}
	percpu.Unpin(id)
	if r == nil {
		r = c.refill()
	}
	return r
}

// putPinned is Put where there are no unpreemptible sections, or no place to
// park.
func (c *Cache[T]) putPinned(r *T) {
	id := percpu.Pin()
	if s := c.shard(id); s != nil && s.n < len(s.records) {
		s.records[s.n] = r
		s.n++
		percpu.Unpin(id)
		return
	}
	percpu.Unpin(id)
	c.spill(r)
}

// refill takes a batch from the central store, or makes one, and returns one
// record of it.
func (c *Cache[T]) refill() *T {
	var batch [batchLen + 1]*T
	n := percpu.MaxID()
	c.mu.Lock()
	for id := range min(n, len(c.shards)) {
		if c.shards[id].Load() == nil {
			c.shards[id].Store(new(stack[T]))
		}
	}
	if len(c.free) == 0 {
		c.make()
	}
	n = copy(batch[:], c.free[max(0, len(c.free)-len(batch)):])
	c.free = c.free[:len(c.free)-n]
	c.mu.Unlock()

	r, rest := batch[n-1], batch[:n-1]
	id := percpu.Pin()
	if s := c.shard(id); s != nil {
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
func (c *Cache[T]) spill(r *T) {
	var batch [batchLen + 1]*T
	batch[0] = r
	n := 1
	id := percpu.Pin()
	if s := c.shard(id); s != nil && s.n == len(s.records) {
		n += copy(batch[1:], s.records[:batchLen])
		copy(s.records[:], s.records[batchLen:])
		s.n -= batchLen
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
	var block []T
	if c.Hidden {
		block = hidden[T](blockLen)
	} else {
		block = make([]T, blockLen)
	}
	c.made += len(block)
	c.blocks = append(c.blocks, block)
	if cap(c.free) < c.made {
		// Twice the room, so that a million records do not copy the store two thousand times.
		c.free = hidden[*T](2 * c.made)[:0] // empty: nothing to copy
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

// Each calls f with every record there is, in use or not. f must know which
// is which, and what it may look at.
func (c *Cache[T]) Each(f func(*T)) {
	c.mu.Lock()
	blocks := c.blocks
	c.mu.Unlock()
	for _, block := range blocks {
		for i := range block {
			f(&block[i])
		}
	}
}
