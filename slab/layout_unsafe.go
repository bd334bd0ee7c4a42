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
	"unsafe"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/statspage"
)

// desc is the record of one granule, kept by the arena for us: 16 bytes.
// owner is zero while no slab covers the granule, and for large blocks.
type desc struct {
	state uintptr // state bytes of the slab, or the largeHdr
	delta uint16  // granules from the slab's start to this one
	owner uint16  // who carved it
	cache uint16  // offset of its cache in a shard, in bytes
	shift uint8   // log2 of the state grain, less subBits
	class uint8   // index of the list; classLarge for large blocks
}

const (
	descSize   = 16
	classLarge = 0xFF
	deltaMax   = 1<<16 - 1
)

// A state byte belongs to one grain of 1<<k bytes of a slab, k being the
// largest with 1<<k <= the distance of two blocks: no two blocks begin in
// one grain. The low bits say where in its grain the block begins, in
// eighths; the high bits say what the block is doing. So an address is a
// block's start if and only if its state byte says so: no division.
const (
	subBits = 3
	subMask = 1<<subBits - 1

	stFree   = 0 << subBits // on its slab, or never carved
	stParked = 1 << subBits // in a shard, in the depot, or on the way
	stLive   = 2 << subBits // out, without a tag
	stTag0   = 3            // state>>subBits of the first tag
	stTagMax = 31           // state>>subBits of blocks whose tag is in a side table

	// grainsMax bounds the state bytes of a slab; a wild address cannot
	// make us look further.
	grainsMax = 1 << 13
)

// ref is one block in a magazine: where it is, and where its state is.
// Both are addresses of mapped memory, never Go pointers.
type ref struct{ addr, state uintptr }

const refSize = unsafe.Sizeof(ref{})

// cacheAt returns the cache at the given offset of a shard.
func cacheAt(shard unsafe.Pointer, off uintptr) *statspage.Cache {
	return (*statspage.Cache)(unsafe.Add(shard, off))
}

// slot returns the place of the i-th block reference of c.
func slot(c *statspage.Cache, i uintptr) *ref {
	return (*ref)(unsafe.Add(unsafe.Pointer(c), statspage.CacheHead+i*refSize))
}

// bytesAt returns n bytes at p with capacity c.
func bytesAt(p unsafe.Pointer, n, c int) []byte { return unsafe.Slice((*byte)(p), c)[:n] }

// pointer turns the address that a ref holds back into a pointer.
func (r *ref) pointer() unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&r.addr)) }

// stateByte returns the state byte that a ref names.
func (r *ref) stateByte() *uint8 { return *(**uint8)(unsafe.Pointer(&r.state)) }

// stateAt returns the i-th state byte of the slab that d describes.
func (d *desc) stateAt(i uintptr) *uint8 {
	return (*uint8)(unsafe.Add(*(*unsafe.Pointer)(unsafe.Pointer(&d.state)), i))
}

// slabHdr precedes the state bytes of a slab: one cache line. The bitmap of
// blocks that came back follows them. Guarded by the list's lock, but for
// the state bytes, each of which belongs to whoever holds its block.
type slabHdr struct {
	base       uintptr // first block
	next, prev uintptr // slabs of the same bin
	granules   uint32
	blocks     uint32
	carved     uint32 // blocks handed out at least once
	free       uint32 // of those, back on the slab
	grains     uint32 // state bytes
	shift      uint8  // log2 of the grain, less subBits
	bin        uint8  // list of slabs that it is in; binNone: none
	_          uint16
	hint       uint32 // bitmap words before this one are zero
	index      uint32 // in the list's slabs
}

const slabHdrSize = 64

// Layout is asserted at compile time.
const (
	_ = uint(slabHdrSize - unsafe.Sizeof(slabHdr{}))
	_ = uint(descSize - unsafe.Sizeof(desc{}))
	_ = uint(16 - unsafe.Sizeof(ref{}))
	_ = uint(arena.Granule - 1<<subBits)
	_ = uint(1<<16 - 1 - shardBytes)
	_ = uint(statspage.CountMask - 1 - maxSlots)
)
