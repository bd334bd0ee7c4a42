package slab

// What the compiler cannot check here: that a desc, a cache, a ref or a slab
// header is really where these functions say, in memory that Go's collector
// does not know. It holds because the arena hands out the granule table, the
// metadata and the counter pages zeroed, aligned and for as long as it is
// open; because every offset is taken from the generated class table or from
// a header that only this package writes, out of reach of the blocks; and
// because no operation starts once the arena's closing has been announced
// (see close.go). Writing a Go pointer into any of these records would break
// it: they hold addresses of mapped memory only.

import (
	"sync/atomic"
	"unsafe"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/statspage"
)

// desc is the record of one granule, kept by the arena for us: 16 bytes.
// owner is zero while no slab covers the granule, and for large blocks.
type desc struct {
	state uintptr // state bytes of the slab, and in the low bits log2 of the state grain, less subBits
	start uint32  // low bits of the slab's distance from the arena's base
	owner uint16  // who carved it
	cache uint16  // offset of its cache in a shard, in bytes
}

const (
	descSize  = 16
	shiftMask = slabHdrSize - 1 // headers, and so state bytes, begin at a multiple of that
)

func (d *desc) shift() int { return int(d.state & shiftMask) }

// header returns the header of the slab that d describes.
func (d *desc) header() *slabHdr { return headerAt(d.state&^shiftMask - slabHdrSize) }

// A state byte belongs to one grain of 1<<k bytes of a slab, k being the
// largest with 1<<k <= the distance of two blocks: no two blocks begin in
// one grain. The low bits say where in its grain the block begins, in
// eighths; the high bits say what the block is doing. So an address is a
// block's start if and only if its state byte says so: no division.
const (
	subBits = 3
	subMask = 1<<subBits - 1

	stFree   = 0 << subBits // on its slab, or never carved
	stLive   = 1 << subBits // out, without a tag
	stTag0   = 2            // state>>subBits of the first tag
	stTagMax = 15           // state>>subBits of blocks whose tag is in a side table
	stParked = 1 << 7       // in a shard, in the depot, or on the way

	// grainsMax bounds the state bytes of a slab; a wild address cannot
	// make us look further.
	grainsMax = 1 << 13

	// maxShift keeps grains small enough: an address that is no multiple of
	// an eighth of its grain has low bits, which the rotation moves above
	// every legal grain.
	maxShift = 16
)

// ref is one block in a magazine: where it is, and where its state is.
// Both are addresses of mapped memory, never Go pointers.
type ref struct {
	_           [statspage.OneParked - 2*unsafe.Sizeof(uintptr(0))]byte
	addr, state uintptr
}

// refTo returns the reference of the block at p with state byte st.
func refTo(p unsafe.Pointer, st *uint8) ref {
	return ref{addr: uintptr(p), state: uintptr(unsafe.Pointer(st))}
}

const refSize = statspage.OneParked

// allocStrideShift is log2 of the distance of two Ps' shards of an allocator.
const allocStrideShift = 16

// cacheAt returns the cache at the given offset of a shard.
func cacheAt(shard unsafe.Pointer, off uintptr) *statspage.Cache {
	return (*statspage.Cache)(unsafe.Add(shard, off))
}

// slot returns the place of the i-th block reference of c.
func slot(c *statspage.Cache, i uintptr) *ref {
	return (*ref)(unsafe.Add(unsafe.Pointer(c), statspage.CacheHead+i*refSize))
}

// parkedIn returns the number of blocks that c parks.
func parkedIn(c *statspage.Cache) uint32 {
	return uint32(c.W & statspage.CountMask / statspage.OneParked)
}

// capOf returns how many blocks c may park; 0 when it was never set up. Pairs
// with: setCap by Tune, which does not wait for the P.
func capOf(c *statspage.Cache) uint32 {
	return atomic.LoadUint32(&c.Cap) / statspage.OneParked
}

// setCap changes that. There is room for whatever it was before, so it does
// not matter when the P notices. Publishes: the bound. Pairs with: capOf.
func setCap(c *statspage.Cache, n uint32) { atomic.StoreUint32(&c.Cap, n*statspage.OneParked) }

// isOut reports whether a state byte is that of a block somebody has.
func isOut(st uint8) bool { return st >= stLive && st < stParked }

// bytesAt returns n bytes at p with capacity c.
func bytesAt(p unsafe.Pointer, n, c int) []byte { return unsafe.Slice((*byte)(p), c)[:n] }

// pointer turns the address that a ref holds back into a pointer.
func (r *ref) pointer() unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&r.addr)) }

// stateByte returns the state byte that a ref names.
func (r *ref) stateByte() *uint8 { return *(**uint8)(unsafe.Pointer(&r.state)) }

// stateAt returns the i-th state byte of the slab that d describes.
func (d *desc) stateAt(i uintptr) *uint8 {
	return (*uint8)(unsafe.Add(*(*unsafe.Pointer)(unsafe.Pointer(&d.state)), i-d.state&shiftMask))
}

// geometry is the size of a slab.
type geometry struct {
	granules uint32
	blocks   uint32
	grains   uint32 // state bytes
}

// slabHdr precedes the state bytes of a slab: one cache line. The bitmap of
// blocks that came back follows them. Guarded by the list's lock, but for
// the state bytes, each of which belongs to whoever holds its block.
type slabHdr struct {
	base       uintptr // first block
	next, prev uintptr // slabs of the same bin
	geometry
	carved uint32 // blocks handed out at least once
	free   uint32 // of those, back on the slab
	shift  uint8  // log2 of the grain, less subBits
	bin    uint8  // list of slabs that it is in; binNone: none
	class  uint8  // index of the list
	_      uint8
	hint   uint32 // bitmap words before this one are zero
	index  uint32 // in the list's slabs
	taker  uint32 // who took blocks last; see takers. 0: nobody since it was empty
}

const slabHdrSize = 64

// Layout is asserted at compile time.
const (
	_ = uint(slabHdrSize - unsafe.Sizeof(slabHdr{}))
	_ = uint(descSize - unsafe.Sizeof(desc{}))
	_ = uint(refSize-unsafe.Sizeof(ref{})) + uint(unsafe.Sizeof(ref{})-refSize)
	_ = uint(arena.Granule - 1<<subBits)
	_ = uint(1<<16 - 1 - shardBytes)
	_ = uint(1<<allocStrideShift - shardBytes)
	_ = uint(statspage.MaxParked - maxSlots)
	_ = uint(statspage.MaxParked - MaxDepth)
)
