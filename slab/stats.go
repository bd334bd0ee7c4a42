package slab

// Stats is the account of a lookaside, a class or a whole allocator. Counts
// are exact when nobody is inside an operation and at most a few operations
// behind otherwise.
type Stats struct {
	Name string
	Tag  Tag
	Size int // bytes a block holds; 0 for a sum over several sizes
	Gets uint64
	Puts uint64
	// Refills and Spills count the trips from a P's own blocks to the
	// shared depot, down and up.
	Refills, Spills uint64
	Failures        uint64 // gets that returned an error
	Live            int64  // blocks out, large ones included
	Parked          int64  // free blocks in shards and the depot
	Slabs           int64
	LiveBytes       int64 // what the live blocks hold
	ParkedBytes     int64
	HeldBytes       int64 // pages of all slabs and large blocks
	Depth           int   // blocks a P may park now
	// Classes has one element per size class that was ever used, for
	// allocators; large allocations are the last one, with Size 0.
	Classes []Stats
	// Tags has one element per tag, for allocators.
	Tags []Stats
}

// HitRate returns the share of gets that found a block parked on their P,
// between 0 and 1; 1 when there were none.
func (s Stats) HitRate() float64 {
	if s.Gets == 0 {
		return 1
	}
	return 1 - float64(min(s.Refills, s.Gets))/float64(s.Gets)
}
