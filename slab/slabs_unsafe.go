package slab

// What the compiler cannot check here: that a slab header, its state bytes
// and its bitmap lie in one piece of metadata, and that a granule's record
// leads back to them. It holds because newSlab lays them out from the same
// numbers that all others use, and because a slab's records are cleared
// before its pages go back to the arena. Metadata is never unmapped while
// the arena is open, so a stale record leads to memory that can be read.
// Releasing a run before its records are cleared would break it.

import (
	"math/bits"
	"unsafe"

	"offheap.example/lookaside/arena"
)

// Slabs with free blocks are kept by how full they are, in quarters: the
// fullest are used first, so that the others can become empty.
const (
	numBins = 4
	binNone = 0xFF
)

// headerAt returns the slab header at a metadata address.
func headerAt(p uintptr) *slabHdr { return *(**slabHdr)(unsafe.Pointer(&p)) }

func (s *slabHdr) addr() uintptr { return uintptr(unsafe.Pointer(s)) }

// state returns the i-th state byte.
func (s *slabHdr) state(i uintptr) *uint8 {
	return (*uint8)(unsafe.Add(unsafe.Pointer(s), slabHdrSize+i))
}

// bitmap returns the bitmap of blocks that came back, one bit a grain.
func (s *slabHdr) bitmap() []uint64 {
	p := unsafe.Add(unsafe.Pointer(s), slabHdrSize+uintptr(s.grains+7)&^7)
	return unsafe.Slice((*uint64)(p), (s.grains+63)/64)
}

// descOf returns the record of the granule at p, an address of the arena.
func (o *owner) descOf(p unsafe.Pointer) *desc {
	if off := uintptr(p) - o.base; off < o.span.Load() {
		return (*desc)(unsafe.Add(o.table, off>>arena.GranuleShift*descSize))
	}
	rec, _ := o.src.Record(p)
	return (*desc)(rec)
}

// metaBytes is the size of a slab's header, states and bitmap; that of a small
// slab has room to spare.
func (l *list) metaBytes() int {
	return slabHdrSize + int(l.grains+7)&^7 + int(l.grains+63)/64*8
}

// smallTail is the part of a small slab that may lie behind its last block.
const smallTail = 8

// nextGeometry is what the list's next slab is like. As long as a class has
// fewer blocks than one slab of the usual size, its slabs are small, and double
// what there is: a program asks for many sizes now and then, and would have a
// whole slab for each. The first one has as few pages as one block needs.
func (l *list) nextGeometry() geometry {
	if len(l.o.lists) == 1 || l.inSlabs >= l.blocks || l.o.src.PageSize() > arena.Granule {
		return l.geometry
	}
	for n := (max(1, l.inSlabs)*l.stride + arena.Granule - 1) / arena.Granule; n < l.granules; n++ {
		if bytes := n * arena.Granule; l.inSlabs == 0 || bytes%l.stride <= bytes/smallTail {
			return geometry{granules: n, blocks: bytes / l.stride, grains: grainsOf(n, l.shift)}
		}
	}
	return l.geometry
}

// grainsOf is how many state bytes so many granules have.
func grainsOf(granules uint32, shift uint8) uint32 {
	return (granules<<arena.GranuleShift + 1<<(shift+subBits) - 1) >> (shift + subBits)
}

// newSlab gets pages and a header for an empty slab.
func (l *list) newSlab() (*slabHdr, error) {
	page := arena.Granule
	if n := l.o.src.PageSize(); n > page {
		page = n
	}
	g := l.nextGeometry()
	pages := (int(g.granules)*arena.Granule + page - 1) / page
	run, err := l.o.src.AcquireUninitialized(pages)
	if err != nil {
		return nil, err
	}
	p, err := l.metadata()
	if err != nil {
		l.o.src.Release(run)
		return nil, err
	}
	s := (*slabHdr)(p)
	*s = slabHdr{
		base: uintptr(run.Base()), geometry: g, shift: l.shift, bin: binNone, class: l.class,
	}
	rec := unsafe.Pointer(l.o.descOf(run.Base()))
	for i := uint32(0); i < g.granules; i++ {
		d := (*desc)(unsafe.Add(rec, i*descSize))
		d.state = uintptr(unsafe.Pointer(s.state(0))) | uintptr(l.shift)
		d.start, d.cache = uint32(s.base-l.o.base), l.cache
		d.owner = l.o.ownID // last: now it counts
	}
	l.poison(run.Bytes())
	s.index = uint32(len(l.slabs))
	l.slabs = append(l.slabs, s.addr())
	l.inSlabs += g.blocks
	l.n.Slabs++
	l.used.Store(true)
	l.n.Held += uint64(pages * page)
	return s, nil
}

// metadata returns zeroed memory for a header.
func (l *list) metadata() (unsafe.Pointer, error) {
	if n := len(l.idle); n > 0 {
		p := l.idle[n-1]
		l.idle = l.idle[:n-1]
		l.asleep = min(l.asleep, n-1)
		clear(unsafe.Slice((*byte)(p), l.metaBytes()))
		return p, nil
	}
	return l.o.store.get(l.metaBytes())
}

// releaseSlab gives an empty slab's pages back.
func (l *list) releaseSlab(s *slabHdr) {
	l.unlink(s)
	run, ok := l.o.src.RunAround(s.pointer())
	if !ok {
		panic("slab: release: a slab without a run")
	}
	l.o.epoch.Add(1) // Publishes: its references mean nothing any more. Pairs with: unpop.
	rec := unsafe.Pointer(l.o.descOf(s.pointer()))
	clear(unsafe.Slice((*byte)(rec), int(s.granules)*descSize))
	last := l.slabs[len(l.slabs)-1]
	l.slabs[s.index], headerAt(last).index = last, s.index
	l.slabs = l.slabs[:len(l.slabs)-1]
	l.inSlabs -= s.blocks
	l.n.Slabs--
	l.n.Held -= uint64(len(run.Bytes()))
	l.n.Carved -= uint64(s.carved)
	l.n.OnSlabs -= uint64(s.free)
	l.idle = append(l.idle, unsafe.Pointer(s))
	l.o.src.Release(run)
}

func (s *slabHdr) pointer() unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&s.base)) }

// source returns the slab from which me should take blocks, which fill wants to
// know: one that is not somebody else's, the fullest that has any, and the spare
// one or a new one only when there are none.
func (l *list) source(me uint32) (*slabHdr, error) {
	l.taking(me)
	if s := l.pick(me); s != nil {
		return s, nil
	}
	s, err := l.emptySlab()
	if err != nil {
		return nil, err
	}
	l.place(s)
	return s, nil
}

// unused puts away what source returned, if that was an empty slab and nobody
// took blocks from it.
func (l *list) unused(s *slabHdr) {
	if s != nil && s.free == s.carved {
		l.retire(s)
	}
}

// fill takes blocks for me from slabs, from s first, as many as refs has room
// for if there are so many, and returns how many there were. The first one taken
// is the last of refs, and so the first that a cache hands out.
func (l *list) fill(refs []ref, s *slabHdr, me uint32) uint32 {
	left := len(refs)
	for ; left > 0 && s != nil; s = l.pick(me) {
		s.taker = me
		left = l.takeFrom(s, refs[:left])
	}
	if left > 0 {
		copy(refs, refs[left:])
	}
	refs = refs[:len(refs)-left]
	l.shuffle(refs)
	return uint32(len(refs))
}

// dry reports whether the next block that me gets must come from a new slab.
func (l *list) dry(me uint32) bool { return l.spare == 0 && l.pick(me) == nil }

func (l *list) fullest() *slabHdr {
	for _, p := range l.bins {
		if p != 0 {
			return headerAt(p)
		}
	}
	return nil
}

func (l *list) emptySlab() (*slabHdr, error) {
	if l.spare != 0 {
		s := headerAt(l.spare)
		l.spare = 0
		return s, nil
	}
	return l.newSlab()
}

// takeFrom moves blocks of s to the end of room, the first one last: first
// those that came back, then those never used, both in the order of their
// addresses. It returns how much of the room is left.
func (l *list) takeFrom(s *slabHdr, room []ref) (left int) {
	left = s.takeReturned(room)
	l.n.OnSlabs -= uint64(len(room) - left)
	fresh := min(uint32(left), s.blocks-s.carved)
	l.n.Carved += uint64(fresh)
	for ; fresh > 0; fresh-- {
		off := uintptr(s.carved) * uintptr(l.stride)
		s.carved++
		r := off >> s.shift
		st := s.state(r >> subBits)
		*st = stParked | uint8(r)&subMask
		left--
		room[left] = ref{addr: s.base + off, state: uintptr(unsafe.Pointer(st))}
	}
	l.place(s)
	return left
}

// takeReturned is takeFrom for blocks that came back to s.
func (s *slabHdr) takeReturned(room []ref) (left int) {
	left = len(room)
	k := min(uint32(left), s.free)
	s.free -= k
	if k == 0 {
		return left
	}
	bm := s.bitmap()
	w := s.hint
	for ; ; w++ {
		m := bm[w]
		for ; m != 0 && k > 0; k-- {
			i := uintptr(w)*64 + uintptr(bits.TrailingZeros64(m))
			m &= m - 1
			st := s.state(i)
			sub := uintptr(*st & subMask)
			*st = stParked | uint8(sub)
			left--
			room[left] = ref{addr: s.base + (i<<subBits|sub)<<s.shift, state: uintptr(unsafe.Pointer(st))}
		}
		bm[w] = m
		if k == 0 {
			s.hint = w
			return left
		}
	}
}

// putBack returns parked blocks to their slabs, and slabs to the arena that
// have all of theirs back. Blocks that were freed one after the other often
// share a slab, which is looked up and placed once then.
func (l *list) putBack(refs []ref) {
	for len(refs) > 0 {
		if *refs[0].stateByte()&^subMask != stParked {
			refs = refs[1:] // parked twice, see pop; its slab may be gone
			continue
		}
		s := l.o.descOf(refs[0].pointer()).header()
		n, good := s.takeBack(refs)
		refs = refs[n:]
		if good > 0 {
			s.free += good
			l.n.OnSlabs += uint64(good)
			l.settle(s)
		}
	}
}

// takeBack marks the blocks at the beginning of refs that are s's as back,
// and returns how many there are and how many of them were parked; see pop
// for the others.
func (s *slabHdr) takeBack(refs []ref) (n int, good uint32) {
	size, first := uintptr(s.granules)<<arena.GranuleShift, uintptr(unsafe.Pointer(s.state(0)))
	bm, low := s.bitmap(), s.hint
	for i := range refs {
		r := &refs[i]
		if r.addr-s.base >= size {
			break
		}
		n++
		st := r.stateByte()
		if *st&^subMask != stParked {
			continue
		}
		*st &= subMask
		at := r.state - first
		bm[at/64] |= 1 << (at % 64)
		low = min(low, uint32(at/64))
		good++
	}
	s.hint = low
	return n, good
}

// settle puts a slab that got blocks back where it belongs.
func (l *list) settle(s *slabHdr) {
	switch {
	case s.free == s.carved:
		l.retire(s)
	default:
		l.place(s)
	}
}

// maxSpare is the largest slab, in granules, of which an empty one is kept.
const maxSpare = 4

// retire keeps an empty slab as the spare one, or releases it when there is
// one already, or when it is large.
func (l *list) retire(s *slabHdr) {
	if l.spare == 0 && s.granules <= maxSpare && !l.closed {
		l.unlink(s)
		l.spare, s.taker = s.addr(), 0
		return
	}
	l.releaseSlab(s)
}

// releaseSpare releases the empty slab that is kept, if any.
func (l *list) releaseSpare() {
	if l.spare != 0 {
		s := headerAt(l.spare)
		l.spare = 0
		l.releaseSlab(s)
	}
}

// avail is the number of blocks that s can still hand out.
func (s *slabHdr) avail() uint32 { return s.blocks - s.carved + s.free }

// place puts s into the bin that fits how full it is.
func (l *list) place(s *slabHdr) {
	bin := uint8(binNone)
	if n := s.avail(); n > 0 {
		bin = uint8(min(numBins-1, n*numBins/s.blocks))
	}
	if bin == s.bin {
		return
	}
	l.unlink(s)
	if bin != binNone {
		l.binned++
		s.bin, s.next = bin, l.bins[bin]
		if s.next != 0 {
			headerAt(s.next).prev = s.addr()
		}
		l.bins[bin] = s.addr()
	}
}

// unlink takes s out of its bin.
func (l *list) unlink(s *slabHdr) {
	if s.bin == binNone {
		return
	}
	l.binned--
	if s.prev != 0 {
		headerAt(s.prev).next = s.next
	} else {
		l.bins[s.bin] = s.next
	}
	if s.next != 0 {
		headerAt(s.next).prev = s.prev
	}
	s.bin, s.next, s.prev = binNone, 0, 0
}
