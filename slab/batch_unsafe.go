package slab

// What the compiler cannot check here: as in hot_unsafe.go. popBatch and
// pushBatch are nosplit and never inlined, and call nothing preemptible
// before their last store to the shard; the slices they write and read are
// the caller's, who passed them as Go values. A preemptible call between the
// reading of the id and the last store to the shard would break it.

import (
	"fmt"
	"math/bits"
	"unsafe"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/statspage"
)

// header is a slice of bytes in memory.
type header struct {
	data     unsafe.Pointer
	len, cap int
}

// headerOf returns the header at off bytes in a slice of slices.
func headerOf(b [][]byte, off uintptr) *header {
	return (*header)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), off))
}

// popBatch fills dst from the current P's cache at off and returns how many
// blocks it found. They are n bytes long, with the class's capacity, and in
// the order in which the cache has them: unpop looks for them there.
//
//go:nosplit
//go:noinline
func (h *hot) popBatch(dst [][]byte, off uintptr, n int) int {
	id := uint32(percpu.ID())
	if id >= h.gate.Load() {
		return 0
	}
	c := cacheAt(h.shards, uintptr(id)*h.stride+off)
	k := min(uintptr(len(dst)), uintptr(parkedIn(c)), maxSection)
	refs, size := unsafe.Pointer(slot(c, uintptr(parkedIn(c))-k)), int(c.Size)
	if !claim(refs, k*refSize) { // see list.pop, which will find it
		return 0
	}
	for at, end, to := uintptr(0), k*refSize, uintptr(0); at < end; at, to = at+refSize, to+unsafe.Sizeof(header{}) {
		*headerOf(dst, to) = header{(*ref)(unsafe.Add(refs, at)).pointer(), n, size}
	}
	c.W += uint64(k) * (statspage.OneGet - statspage.OneParked)
	return int(k)
}

// claim makes the parked blocks live whose references are in n bytes at refs.
// When one of them is not parked, everything is as before and it returns false.
//
//go:nosplit
//go:noinline
func claim(refs unsafe.Pointer, n uintptr) bool {
	for at := uintptr(0); at < n; at += refSize {
		st := (*ref)(unsafe.Add(refs, at)).stateByte()
		v := *st ^ (stLive | stParked)
		if v >= stParked {
			flip(refs, at)
			return false
		}
		*st = v
	}
	return true
}

// flip makes live blocks parked, or parked ones live, whose references are
// in n bytes at refs.
//
//go:nosplit
//go:noinline
func flip(refs unsafe.Pointer, n uintptr) {
	for at := uintptr(0); at < n; at += refSize {
		*(*ref)(unsafe.Add(refs, at)).stateByte() ^= stLive | stParked
	}
}

// unpop puts the blocks of src back where popBatch took them from, if they
// are just those whose references still lie behind the end of the cache, in
// that order. Nothing needs to be looked up then: such a reference leads to
// the block's state as long as no slab was released since it was written,
// which the epoch tells. It reports whether it did; otherwise nothing has
// changed.
//
//go:nosplit
//go:noinline
func (h *hot) unpop(src [][]byte, off uintptr) bool {
	id := uint32(percpu.ID())
	if id >= h.gate.Load() {
		return false
	}
	c := cacheAt(h.shards, uintptr(id)*h.stride+off)
	i, k := uintptr(parkedIn(c)), uintptr(len(src))
	if i+k > uintptr(capOf(c)) || c.Epoch != h.epoch.Load() {
		return false
	}
	refs := unsafe.Pointer(slot(c, i))
	for at, end, from := uintptr(0), k*refSize, uintptr(0); at < end; at, from = at+refSize, from+unsafe.Sizeof(header{}) {
		r, b := (*ref)(unsafe.Add(refs, at)), headerOf(src, from)
		if r.addr != uintptr(b.data) || b.cap == 0 { // what has a capacity has an address, which no cleared reference has
			flip(refs, at)
			return false
		}
		st := r.stateByte()
		v := *st ^ (stLive | stParked)
		if v&^subMask != stParked {
			flip(refs, at)
			return false
		}
		*st = v
	}
	c.W += uint64(k) * statspage.OneParked
	return true
}

// maxSection is the most blocks that freeSome takes on: nobody else runs on
// the P meanwhile.
const maxSection = 64

// freeSome claims every block of src, which are at most maxSection, and puts
// those into the current P's caches that find room; the first pushed ones
// are there, the others are claimed only. When one of them is not a live
// block of ours everything is as before, and ok is false; so it is when the
// shards are shut.
//
//go:nosplit
//go:noinline
func (h *hot) freeSome(src [][]byte, skipEmpty bool) (pushed int, ok bool) {
	id := uint32(percpu.ID())
	if id >= h.gate.Load() {
		return 0, false
	}
	shard := unsafe.Add(h.shards, uintptr(id)*h.stride)
	span := h.span.Load()
	room := true
	for k := range src {
		if skipEmpty && cap(src[k]) == 0 {
			if room {
				pushed++
			}
			continue
		}
		p := unsafe.Pointer(unsafe.SliceData(src[k]))
		off := uintptr(p) - h.base
		if off >= span {
			h.takeBack(shard, src[:k], pushed, skipEmpty)
			return 0, false
		}
		d := (*desc)(unsafe.Add(h.table, off>>arena.GranuleShift*descSize))
		r := bits.RotateLeft32(uint32(off)-d.start, -d.shift())
		if d.owner != h.ownID || r >= grainsMax<<subBits {
			h.takeBack(shard, src[:k], pushed, skipEmpty)
			return 0, false
		}
		st := d.stateAt(uintptr(r >> subBits))
		if *st != stLive|uint8(r)&subMask {
			h.takeBack(shard, src[:k], pushed, skipEmpty)
			return 0, false
		}
		*st ^= stLive ^ stParked
		if !room {
			continue
		}
		c := cacheAt(shard, uintptr(d.cache))
		if i := parkedIn(c); i < capOf(c) {
			*slot(c, uintptr(i)) = refTo(p, st)
			c.W += statspage.OneParked
			pushed++
		} else {
			room = false
		}
	}
	return pushed, true
}

// takeBack undoes what freeSome did to src. All of it was claimed, so it need
// not be looked at again; what was pushed last is on top of its cache.
//
//go:nosplit
//go:noinline
func (h *hot) takeBack(shard unsafe.Pointer, src [][]byte, pushed int, skipEmpty bool) {
	for k := len(src) - 1; k >= 0; k-- {
		if skipEmpty && cap(src[k]) == 0 {
			continue
		}
		off := uintptr(unsafe.Pointer(unsafe.SliceData(src[k]))) - h.base
		d := (*desc)(unsafe.Add(h.table, off>>arena.GranuleShift*descSize))
		r := bits.RotateLeft32(uint32(off)-d.start, -d.shift())
		*d.stateAt(uintptr(r >> subBits)) ^= stLive ^ stParked
		if k < pushed {
			cacheAt(shard, uintptr(d.cache)).W -= statspage.OneParked
		}
	}
}

// AllocBatch fills dst with blocks of n bytes and returns how many it got:
// len(dst), or fewer and the error that stopped it; those it got are out.
func (a *Allocator) AllocBatch(dst [][]byte, n int) (int, error) {
	for i := 0; i < len(dst); i++ {
		if uint(n-1) < maxSmall {
			i += a.popBatch(dst[i:], uintptr(allocEntry.cacheOf[uint(n+quantum-1)/quantum]), n)
			if i == len(dst) {
				break
			}
		}
		b, err := a.alloc("alloc batch", n, false)
		if err != nil {
			return i, err
		}
		dst[i] = b
	}
	return len(dst), nil
}

// FreeBatch frees every block of src. When one of them is not a live,
// untagged block of this allocator, or is in src twice, it panics with
// *MisuseError and frees none. Slices without capacity are skipped.
func (a *Allocator) FreeBatch(src [][]byte) {
	if k := len(src); k > 0 && k <= maxSection {
		if n := uint(cap(src[0])); n-1 < maxSmall && a.unpop(src, uintptr(allocEntry.cacheOf[(n+quantum-1)/quantum])) {
			return
		}
	}
	a.freeBatch("free batch", src, stLive, true)
}

// GetBatch fills dst with blocks and returns how many it got: len(dst), or
// fewer and the error that stopped it; those it got are out.
func (l *Lookaside) GetBatch(dst [][]byte) (int, error) {
	for i := 0; i < len(dst); i++ {
		if !l.zero {
			if i += l.popBatch(dst[i:], 0, l.size); i == len(dst) {
				break
			}
		}
		b, err := l.Get()
		if err != nil {
			return i, fmt.Errorf("slab: get batch: %d of %d: %w", i, len(dst), err)
		}
		dst[i] = b
	}
	return len(dst), nil
}

// PutBatch puts every block of src. When one of them is not a live block of
// this list, or is in src twice, it panics with *MisuseError and puts none.
func (l *Lookaside) PutBatch(src [][]byte) {
	if l.only.debug != 0 {
		for _, b := range src {
			if bad := l.lookInto(b); bad != nil {
				panic(bad)
			}
		}
	}
	if k := len(src); k > 0 && k <= maxSection && l.unpop(src, 0) {
		return
	}
	l.freeBatch("put batch", src, stLive, false)
}
