package slab

// What the compiler cannot check here: that a tag's cells are large enough
// for the current P. It holds because the id is compared with their number,
// and one cell behind them is shared by all other ids under a lock. Counting
// without the pin, or after closeTags let the cells go, would break it.

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/statspage"
)

// Tagged is an allocator's face for one tag: what it hands out is accounted
// to the tag and can only be freed through it. It is ExAllocatePool2 with a
// tag and ExFreePoolWithTag. All methods may be called by any number of
// goroutines at once.
type Tagged struct {
	a     *Allocator
	tag   Tag
	index uint16 // in a.tags
	state uint8  // what the state byte of our blocks says

	cells    unsafe.Pointer // one statspage.TagCell per P
	ncells   uint32
	heap     []byte // keeps them alive when they are not in the file
	off      int64
	entryIdx int

	home atomic.Pointer[Home] // as a Lookaside's

	mu sync.Mutex // guards the last cell, for Ps beyond the others
}

// Tagged returns the face for tag t: the same one for the same tag. A tag
// that is not well-formed (see ParseTag) is used as it is. The zero tag is a
// tag like any other.
func (a *Allocator) Tagged(t Tag) *Tagged {
	a.life.RLock() // before tagMu, as Close has it
	defer a.life.RUnlock()
	a.tagMu.Lock()
	defer a.tagMu.Unlock()
	for _, x := range a.tags {
		if x.tag == t {
			return x
		}
	}
	x := &Tagged{a: a, tag: t, index: uint16(len(a.tags)), state: stTagMax << subBits, entryIdx: -1}
	if i := len(a.tags); i < stTagMax-stTag0 {
		x.state = uint8(stTag0+i) << subBits
	}
	x.open(a.closed)
	a.tags = append(a.tags, x)
	return x
}

// open lays out the tag's cells. Callers hold life.
func (x *Tagged) open(closed bool) {
	x.ncells = x.a.nshards
	n := x.cellBytes()
	ok := false
	if !closed {
		x.cells, x.off, ok = x.a.file.Alloc(n)
	}
	if !ok {
		x.heap, x.off = alignedBytes(n), 0
		x.cells = unsafe.Pointer(unsafe.SliceData(x.heap))
	}
	if !closed {
		_, x.entryIdx = x.a.file.Take(statspage.Entry{
			Kind: statspage.KindTag, Parent: uint32(x.a.entryIdx + 1), Tag: x.tag,
			ShardOff: uint64(x.off), ShardStride: statspage.TagCellSize, Shards: x.ncells + 1,
		}, "")
	}
}

// Tag returns the tag.
func (x *Tagged) Tag() Tag { return x.tag }

// Alloc is Allocator.Alloc, accounted to the tag.
func (x *Tagged) Alloc(n int) ([]byte, error) { return x.adopt(x.a.Alloc(n)) }

// AllocZeroed is Allocator.AllocZeroed, accounted to the tag.
func (x *Tagged) AllocZeroed(n int) ([]byte, error) { return x.adopt(x.a.AllocZeroed(n)) }

// AllocAligned is Allocator.AllocAligned, accounted to the tag.
func (x *Tagged) AllocAligned(n, to int) ([]byte, error) { return x.adopt(x.a.AllocAligned(n, to)) }

// AllocAlignedZeroed is Allocator.AllocAlignedZeroed, accounted to the tag.
func (x *Tagged) AllocAlignedZeroed(n, to int) ([]byte, error) {
	return x.adopt(x.a.AllocAlignedZeroed(n, to))
}

// Realloc is Allocator.Realloc for blocks of the tag.
func (x *Tagged) Realloc(b []byte, n int) ([]byte, error) {
	if cap(b) != 0 {
		x.mustOwn(b)
	}
	before := x.a.roomBefore(b)
	c, err := x.a.realloc(b, n, x)
	if before > 0 && err == nil && n != 0 && addrOf(c) == addrOf(b) {
		x.a.life.RLock()
		x.count(0, 0, cap(c)-before) // grown in place
		x.a.life.RUnlock()
	}
	return c, err
}

// mustOwn panics with *MisuseError when the side table has another tag for
// b, or none; tags whose state byte says it all are found out later.
func (x *Tagged) mustOwn(b []byte) {
	if x.state != stTagMax<<subBits {
		return
	}
	x.a.life.RLock()
	var bad *MisuseError
	if !x.a.closed && x.a.sideTag(addrOf(b)) != x.index {
		bad = x.a.wrongSideTag("realloc", addrOf(b))
	}
	x.a.life.RUnlock()
	if bad != nil {
		panic(bad)
	}
}

// roomBefore returns the bytes of the run of a large block, and 0 for others.
func (a *Allocator) roomBefore(b []byte) int {
	a.large.mu.Lock()
	defer a.large.mu.Unlock()
	if b := a.large.of(uintptr(addrOf(b))); b != nil && !a.large.closed {
		return len(b.run.Bytes())
	}
	return 0
}

// Free gives back a block of the tag. Anything else, blocks without a tag
// and of another tag included, panics with *MisuseError and changes nothing.
// A nil slice or one without capacity is ignored.
func (x *Tagged) Free(b []byte) {
	if cap(b) == 0 {
		return
	}
	a, p := x.a, addrOf(b)
	a.life.RLock()
	var bad *MisuseError
	if x.state == stTagMax<<subBits && a.sideTag(p) != x.index {
		bad = a.wrongSideTag("free", p)
	}
	if bad == nil {
		bad = a.claim("free", p, x.state)
	}
	if bad == nil {
		size := a.sizeOf(p)
		a.forgetSide(x, p)
		if a.hand(p) {
			x.count(0, 1, -size)
		} else {
			a.unclaim(p, x.state)
			a.rememberSide(x, p)
			bad = a.afterClose("free", p)
		}
	}
	a.life.RUnlock()
	if bad != nil {
		panic(bad)
	}
}

// adopt makes a block that was just handed out the tag's.
func (x *Tagged) adopt(b []byte, err error) ([]byte, error) {
	if err != nil || cap(b) == 0 {
		return b, err
	}
	a, p := x.a, addrOf(b)
	a.life.RLock()
	defer a.life.RUnlock()
	if a.closed {
		return nil, a.errClosed("alloc") // it is among the leaks that Close reported
	}
	a.rememberSide(x, p)
	if st, sub, ok := a.claimFast(p); ok {
		*st = x.state | sub
	} else if a.isLarge(p) {
		a.setLarge(p, x.state)
	} else if t, bad := a.tame("", p, stLive); bad == nil {
		t.mark(x.state)
	}
	x.count(1, 0, a.sizeOf(p))
	return b, nil
}

// sizeOf returns what the block at p, which is out or parked, holds: its
// class's size or its run's.
func (a *Allocator) sizeOf(p unsafe.Pointer) int {
	if d := a.descOf(p); d != nil && d.owner == a.ownID {
		return int(a.lists[d.header().class].size)
	}
	a.large.mu.Lock()
	defer a.large.mu.Unlock()
	if b := a.large.of(uintptr(p)); b != nil {
		return len(b.run.Bytes())
	}
	return 0
}

// count accounts gets, puts and bytes held to the tag.
func (x *Tagged) count(gets, puts uint64, bytes int) {
	id := percpu.Pin()
	fits := uint32(id) < x.ncells
	if fits {
		bump(x.cell(uint32(id)), gets, puts, bytes)
	}
	percpu.Unpin(id)
	if !fits {
		x.mu.Lock()
		bump(x.cell(x.ncells), gets, puts, bytes)
		x.mu.Unlock()
	}
}

// cell returns the i-th cell; the one behind those of the Ps is shared.
func (x *Tagged) cell(i uint32) *statspage.TagCell {
	return (*statspage.TagCell)(unsafe.Add(x.cells, uintptr(i)*statspage.TagCellSize))
}

func (x *Tagged) cellBytes() int { return int(x.ncells+1) * statspage.TagCellSize }

func bump(c *statspage.TagCell, gets, puts uint64, bytes int) {
	atomic.StoreUint64(&c.Gets, c.Gets+gets)
	atomic.StoreUint64(&c.Puts, c.Puts+puts)
	if bytes >= 0 {
		atomic.StoreUint64(&c.GetBytes, c.GetBytes+uint64(bytes))
	} else {
		atomic.StoreUint64(&c.PutBytes, c.PutBytes+uint64(-bytes))
	}
}

// stats returns the tag's account.
func (x *Tagged) stats() Stats {
	s := Stats{Name: x.a.name, Tag: x.tag}
	for i := uint32(0); i <= x.ncells; i++ {
		c := x.cell(i)
		s.Gets += atomic.LoadUint64(&c.Gets)
		s.Puts += atomic.LoadUint64(&c.Puts)
		s.LiveBytes += int64(atomic.LoadUint64(&c.GetBytes) - atomic.LoadUint64(&c.PutBytes))
	}
	s.Live = int64(s.Gets - s.Puts)
	return s
}

func (a *Allocator) tagStats() []Stats {
	a.tagMu.Lock()
	defer a.tagMu.Unlock()
	var all []Stats
	for _, x := range a.tags {
		all = append(all, x.stats())
	}
	return all
}

// closeTags returns the tags' cells; from then on nobody counts.
func (a *Allocator) closeTags() {
	a.tagMu.Lock()
	defer a.tagMu.Unlock()
	for _, x := range a.tags {
		a.file.Return(x.entryIdx)
		if x.off != 0 {
			a.file.Free(x.off, x.cellBytes(), x.cellBytes())
		}
		x.entryIdx, x.off = -1, 0
		x.heap = alignedBytes(x.cellBytes())
		x.cells = unsafe.Pointer(unsafe.SliceData(x.heap))
	}
}

// tagOfState returns the tag that a state stands for.
func (a *Allocator) tagOfState(state uint8, addr uintptr) Tag {
	i := int(state>>subBits) - stTag0
	a.tagMu.Lock()
	defer a.tagMu.Unlock()
	if state == stTagMax<<subBits {
		i = int(a.side[addr])
	}
	if i < 0 || i >= len(a.tags) {
		return Tag{}
	}
	return a.tags[i].tag
}

// sideTag returns the index of the tag that the side table has for p, or
// one that no tag has.
func (a *Allocator) sideTag(p unsafe.Pointer) uint16 {
	a.tagMu.Lock()
	defer a.tagMu.Unlock()
	if i, ok := a.side[uintptr(p)]; ok {
		return i
	}
	return 1<<16 - 1
}

// wrongSideTag says what is wrong with freeing p under a tag that the side
// table does not have for it.
func (a *Allocator) wrongSideTag(op string, p unsafe.Pointer) *MisuseError {
	if a.closed {
		return a.afterClose(op, p)
	}
	if a.isLarge(p) {
		// Claiming it as free finds out; no live block is in that state.
		return a.claimLarge(op, p, stFree)
	}
	_, bad := a.tame(op, p, stTagMax<<subBits)
	if bad == nil {
		bad = &MisuseError{Op: op, Kind: WrongTag, List: a.name, Tag: a.tagOfState(stTagMax<<subBits, uintptr(p)), Addr: uintptr(p)}
	}
	return bad
}

func (a *Allocator) rememberSide(x *Tagged, p unsafe.Pointer) {
	if x.state == stTagMax<<subBits {
		a.tagMu.Lock()
		if a.side == nil {
			a.side = make(map[uintptr]uint16)
		}
		a.side[uintptr(p)] = x.index
		a.tagMu.Unlock()
	}
}

func (a *Allocator) forgetSide(x *Tagged, p unsafe.Pointer) {
	if x.state == stTagMax<<subBits {
		a.tagMu.Lock()
		delete(a.side, uintptr(p))
		a.tagMu.Unlock()
	}
}
