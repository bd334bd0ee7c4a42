package slab

// What the compiler cannot check here: that the shards' memory is large
// enough for every P id below the gate, and that it is used by its P alone
// or by somebody who holds the shards revoked. It holds because the gate is
// never set above the number of shards allocated, and because quiesce waits
// for percpu.Barrier between closing the gate and touching a shard. Touching
// a shard without the pin and without quiesce would break it.

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/statspage"
)

// owner is what an Allocator and a Lookaside have in common: the lists, the
// shards of the Ps, and the protocol by which both are opened and closed.
type owner struct {
	hot

	src   *arena.Arena
	file  *statspage.File
	store *store
	name  string
	what  string // "allocator" or "lookaside"

	lists []*list

	// The shards. open is the gate of the slow paths: the number of
	// shards, or 0 while they are revoked. high is one more than the
	// largest id that ever set a shard up.
	open      atomic.Uint32
	high      atomic.Uint32
	nshards   uint32
	shardOff  int64  // in file; 0: on the Go heap
	shardHeap []byte // keeps them alive then
	entry     *statspage.Entry
	entryIdx  int

	// What the Ps park beside their shards, by id, and how many bytes each
	// may; none for a lookaside.
	reserves    []atomic.Pointer[reserves]
	reserveMost int
	segments    segments // of depots

	room       room  // for what is parked on Ps, in bytes
	depotShare int64 // what one list's depot may hold, in bytes

	// The shards that single goroutines own. Guarded by localMu, the last
	// lock but the arena's.
	localMu sync.Mutex
	locals  map[*Local]struct{}

	rounds []counter     // slow operations of each P, for lookOver; the last one is of those without a shard
	ticks  atomic.Uint32 // how often tickEvery of them passed on some P
	dry    atomic.Uint32 // lists looked at, for beforeGrowth
	grown  atomic.Int64  // bytes of new slabs since
	peak   atomic.Int64  // the arena's peak when it was last noticed; see peaked

	// maint orders those who revoke the shards. It comes before life and
	// every list's lock.
	maint sync.Mutex
	// What each P had done with each list when tidy last looked, and with all of
	// them when leave did. Guarded by maint.
	did    []uint64
	didAll []done

	// life is held shared by slow paths that look at records of the arena
	// without a list's lock, and exclusively by those who close.
	life    sync.RWMutex
	started bool  // guarded by maint: it was opened to the end
	closed  bool  // guarded by life; also set in every list
	gone    bool  // the arena is closed too
	last    Stats // what Stats says from then on
	leaked  int64 // blocks that were out; guarded by life

	settled []*atomic.Pointer[Home] // the Homes of the owner and its tags; guarded by life

	careful bool   // blocks are debugged: no fast path
	more    others // what is not in lists; nil for a lookaside

	tag   Tag                                 // of all blocks of a lookaside
	tagOf func(state uint8, addr uintptr) Tag // of a block, by its state
}

// counter is one in a cache line of its own, and in the one that comes along
// with it.
type counter struct {
	atomic.Uint32
	_ [124]byte
}

// others is what an owner keeps beside its lists: an allocator's large
// blocks. Callers hold life.
type others interface {
	isLarge(p unsafe.Pointer) bool
	claimLarge(op string, p unsafe.Pointer, want uint8) *MisuseError
	unclaimLarge(p unsafe.Pointer, want uint8)
	freeLarge(p unsafe.Pointer) bool
	quickLarge(p unsafe.Pointer, want uint8) bool
	closeLarge(leaks []Leak, release bool) []Leak
	hoardsLarge() bool
	bringLargeHome()
	lookOverLarge()
	reclaimLarge(p unsafe.Pointer) bool
	closeTags() // nobody counts from then on
}

// minShards is the least number of Ps for which shards are laid out.
const minShards = 64

// openShards lays out one shard of stride bytes for every P that there may
// be. Shards cost memory when their P first uses them.
func (o *owner) openShards(stride uintptr) {
	o.stride = (stride + statspage.CacheHead - 1) &^ (statspage.CacheHead - 1)
	o.nshards = uint32(max(minShards, 2*runtime.NumCPU(), percpu.MaxID()))
	bytes := int(o.nshards) * int(o.stride)
	p, off, ok := o.file.Alloc(bytes)
	if !ok {
		o.nshards = uint32(max(2*runtime.NumCPU(), percpu.MaxID(), 8))
		bytes = int(o.nshards) * int(o.stride)
		o.shardHeap = alignedBytes(bytes)
		p, off = unsafe.Pointer(unsafe.SliceData(o.shardHeap)), 0
	}
	o.shards, o.shardOff = p, off
	o.rounds = make([]counter, o.nshards+1)
	if o.reserveMost > 0 {
		o.reserves = make([]atomic.Pointer[reserves], o.nshards)
	}
}

// alignedBytes returns n zero bytes on the Go heap that begin at a cache
// line: whole words, so that atomic access is aligned everywhere.
func alignedBytes(n int) []byte {
	b := make([]byte, n+statspage.CacheHead)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (statspage.CacheHead - 1)
	return b[skip : skip+uintptr(n)]
}

// closeShards gives the shards' memory back.
func (o *owner) closeShards() {
	if o.shardOff != 0 {
		o.file.Free(o.shardOff, int(o.nshards)*int(o.stride), int(o.high.Load())*int(o.stride))
	}
	o.shardOff, o.shardHeap, o.shards = 0, nil, nil
}

// start opens the gates: from here on every P uses its shard.
func (o *owner) start() {
	s := o.src.Space()
	o.base, o.table = uintptr(s.Base), s.Table
	o.span.Store(s.Size)
	o.started = true
	o.admit()
}

// admit sets both gates. The fast one stays shut where the fast path cannot
// be used at all.
func (o *owner) admit() {
	o.open.Store(o.nshards)
	if percpu.Current() == percpu.Unpreemptible && !o.careful {
		o.gate.Store(min(o.nshards, fastPs))
	}
}

// quiesce runs f while no P uses its shard and none will: operations meanwhile
// go to the lists directly. Callers hold maint.
func (o *owner) quiesce(f func()) {
	// Publishes: the revocation. Pairs with: the gate loads in hot_unsafe.go
	// and in cache; percpu.Barrier waits for whoever loaded it before.
	o.gate.Store(0)
	o.open.Store(0)
	percpu.Barrier()
	f()
}

// cache returns the current P's cache of list l, set up, or nil when it may
// not be used. The caller is pinned as id and holds l.mu.
func (o *owner) cache(id int, l *list) *statspage.Cache {
	if uint(id) >= uint(o.open.Load()) {
		return nil
	}
	c := cacheAt(o.shards, uintptr(id)*o.stride+uintptr(l.cache))
	if !l.setUp(c) {
		return nil
	}
	for h := o.high.Load(); uint32(id) >= h; h = o.high.Load() {
		if o.high.CompareAndSwap(h, uint32(id)+1) {
			break
		}
	}
	return c
}

// ready returns the current P's cache of list l if it is set up and may be
// used. The caller is pinned as id.
func (o *owner) ready(id int, l *list) *statspage.Cache {
	if uint(id) < uint(o.open.Load()) {
		c := cacheAt(o.shards, uintptr(id)*o.stride+uintptr(l.cache))
		if capOf(c) != 0 {
			return c
		}
	}
	return nil
}

// eachPCache calls f for the cache of l in every P's shard that was ever set
// up.
func (o *owner) eachPCache(l *list, f func(id int, c *statspage.Cache)) {
	for id := range int(o.high.Load()) {
		f(id, o.cacheOf(id, l))
	}
}

// cacheOf returns the cache of l in the shard of the P with this id.
func (o *owner) cacheOf(id int, l *list) *statspage.Cache {
	return cacheAt(o.shards, uintptr(id)*o.stride+uintptr(l.cache))
}

// eachCache is eachPCache and the same for every Local.
func (o *owner) eachCache(l *list, f func(c *statspage.Cache)) {
	o.eachPCache(l, func(_ int, c *statspage.Cache) { f(c) })
	off := uintptr(l.cache)
	o.localMu.Lock()
	for c := range o.locals {
		f(cacheAt(c.shard, off))
	}
	o.localMu.Unlock()
}

// drain moves every block parked in a shard or a depot to its slab. The
// shards are revoked.
func (o *owner) drain() { o.eachOpen((*list).drain) }

func (l *list) drain() {
	l.o.eachPCache(l, l.drainP)
	l.emptyDepot()
	if l.o.room.short() {
		l.o.eachPCache(l, func(_ int, c *statspage.Cache) { l.takeDown(c) })
	}
}

// eachOpen calls f for every list that is not closed, under its lock.
func (o *owner) eachOpen(f func(l *list)) {
	for _, l := range o.lists {
		l.mu.Lock()
		if !l.closed {
			f(l)
		}
		l.mu.Unlock()
	}
}

// atRest is eachOpen while no P uses its shard. Callers hold maint.
func (o *owner) atRest(f func(l *list)) {
	o.quiesce(func() { o.eachOpen(f) })
	o.admit()
}

// bringHome takes everything that is parked back to the slabs, and empty
// slabs back to the arena. Callers hold maint.
func (o *owner) bringHome() {
	o.atRest((*list).drain)
	for _, l := range o.lists {
		l.mu.Lock()
		l.releaseSpare()
		l.mu.Unlock()
	}
	if o.more != nil {
		o.more.bringLargeHome()
	}
}

// trim drains the shards, releases every empty slab and gives the arena's
// idle pages back to the system. It returns the bytes given back.
func (o *owner) trim() int64 {
	o.maint.Lock()
	defer o.maint.Unlock()
	if o.isClosed() {
		return 0
	}
	o.bringHome()
	o.segments.forget()
	purged := o.src.Purge(0)
	for _, l := range o.lists {
		l.mu.Lock()
		if !l.closed {
			purged += l.dropIdle()
		}
		l.mu.Unlock()
	}
	return purged
}

// rescue is called when the arena refused pages: it takes everything that is
// parked anywhere back to the slabs, and empty slabs back to the arena. It
// reports whether there was anything, that is whether to try again.
func (o *owner) rescue(err error) bool {
	if !errors.Is(err, ErrNoMemory) || !o.hoards() {
		return false
	}
	o.maint.Lock()
	defer o.maint.Unlock()
	if o.isClosed() {
		return false
	}
	o.bringHome()
	return true
}

// hoards reports whether anything is parked.
func (o *owner) hoards() bool {
	o.life.RLock()
	defer o.life.RUnlock()
	if o.closed {
		return false
	}
	found := o.more != nil && o.more.hoardsLarge()
	for _, l := range o.lists {
		l.mu.Lock()
		found = found || l.depot.n > 0 || l.spare != 0
		o.eachPCache(l, func(_ int, c *statspage.Cache) {
			found = found || atomic.LoadUint64(&c.W)&statspage.CountMask != 0 || atomic.LoadUint32(&c.Kept) != 0
		})
		l.mu.Unlock()
	}
	return found
}

func (o *owner) isClosed() bool {
	o.life.RLock()
	defer o.life.RUnlock()
	return o.closed
}

// errFrom turns an arena's refusal into one of ours.
func (o *owner) errFrom(op string, n int, cause error) error {
	if errors.Is(cause, arena.ErrClosed) {
		return fmt.Errorf("slab: %s %q: %w: %w", op, o.name, ErrClosed, cause)
	}
	return fmt.Errorf("slab: %s %q: %d bytes: %w: %w", op, o.name, n, ErrNoMemory, cause)
}

func (o *owner) errClosed(op string) error {
	return fmt.Errorf("slab: %s %q: %w", op, o.name, ErrClosed)
}
