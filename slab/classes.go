package slab

import "offheap.example/lookaside/internal/statspage"

//go:generate go run ./gen class_table.go

// classInfo is one row of the generated table.
type classInfo struct {
	size     uint32 // bytes per block
	granules uint32 // per slab
	blocks   uint32 // per slab
	slots    uint16 // block references that a shard has room for
	cache    uint16 // offset in a shard, in bytes
}

// allocTable is the entry of Alloc and, beside it, the offsets of the caches
// in bytes.
type allocTable struct {
	pEntry
	cacheOf [maxSmall/quantum + 1]uint16
}

// The two lookup tables, indexed by (n+7)/8 for a request of n bytes.
var (
	allocEntry allocTable
	classOf    [maxSmall/quantum + 1]uint8
)

func init() {
	c := 0
	for i := range classOf {
		for classTable[c].size < uint32(i*quantum) {
			c++
		}
		classOf[i] = uint8(c)
		allocEntry.cacheOf[i] = classTable[c].cache
	}
	allocEntry.cacheOf[0] = noCache
}

// noCache is the offset of a cache that is always empty: that of requests
// for nothing.
const noCache = shardBytes - statspage.CacheHead

// classFor returns the smallest class that holds n bytes. n must be between
// 0 and maxSmall.
func classFor(n int) int { return int(classOf[uint(n+quantum-1)/quantum]) }

// alignedClassFor returns the smallest class that holds n bytes and whose
// blocks all begin at a multiple of to, a power of two up to a granule; ok
// is false when there is none.
func alignedClassFor(n, to int) (c int, ok bool) {
	if n > maxSmall {
		return 0, false
	}
	for c := classFor(n); c < numClasses; c++ {
		if classTable[c].size&uint32(to-1) == 0 {
			return c, true
		}
	}
	return 0, false
}
