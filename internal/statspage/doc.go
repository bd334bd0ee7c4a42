// Package statspage is the layout of the counters that a process publishes
// about its off-heap memory, and the little code that writes and reads it.
//
// One file of pages belongs to one arena. Normally it is a sealed memfd that
// is mapped shared, so that another process can map the same pages read-only
// through /proc/PID/fd and see the counters without the target's help: also
// when the target is stopped, wedged or deadlocked. Where there is no memfd
// the same layout lives on the Go heap and only the process itself reads it.
//
// # Layout
//
//	0            Header     one page: magic, version, geometry, arena figures, regions
//	HeaderSize   Entry[n]   the directory: one record per list, tag or local
//	…            shards     what the Ps own: Cache records, each followed by its block references
//
// The hot path itself writes the Cache records: there is no second copy that
// would have to be kept in step. A Cache packs the number of parked blocks
// and the number of gets into one word, so that one plain store publishes
// both and a reader sees both as they were at one moment:
//
//	W = gets<<CountBits | parked*OneParked
//
// Blocks in the P's reserve behind the cache are in a word of their own, Kept,
// and count as parked.
//
// Everything else follows from words that change on slow paths only. With
// In and Out the blocks that were moved into and out of the cache in bulk:
//
//	puts = parked + gets + Out - In
//	live (this shard's share) = In - Out - parked
//
// Live counts of single shards may be negative, because a block may be freed
// on another P than the one that handed it out; only the sum over the shards
// has a meaning.
//
// The header also says where the arena's memory is: regions of pages that were
// handed out, and regions of records about them. Counters cannot tell what is
// resident, because the kernel takes and gives pages unasked; who knows the
// addresses can ask the kernel. Regions are only ever added and lengthened, and
// the count is written after them, so a reader sees no half a region that is not
// merely short. There is room for 32 of each kind; an arena in more pieces says
// that there are more.
//
// Words are 64 bits, naturally aligned, little or big endian as the machine.
// The version changes with every incompatible change of any offset; the
// layout test pins the offsets.
package statspage
