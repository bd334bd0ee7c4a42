package statspage

// Geometry of the file.
const (
	// Version names this layout; a reader refuses any other.
	Version = 3
	// HeaderSize is the size of the header in bytes: one page of the
	// smallest kind.
	HeaderSize = 4096
	// EntrySize is the size of one directory record in bytes.
	EntrySize = 256
	// FileSize is the size of a full file in bytes. It is sparse: pages
	// cost memory when they are first written.
	FileSize = 1 << 30
	// SmallSize is the size in bytes for a file on the Go heap, which holds
	// the header and the directory; shards live elsewhere then.
	SmallSize = HeaderSize + smallEntries*EntrySize

	// MaxRegions is the most that one table of regions holds.
	MaxRegions = 32

	fullEntries  = 8192
	smallEntries = 512
)

// Packing of Cache.W.
const (
	// CountBits is the number of low bits of Cache.W that hold the number
	// of parked blocks, in units of OneParked.
	CountBits = 16
	// CountMask selects those bits.
	CountMask = 1<<CountBits - 1
	// OneParked is what one parked block adds to Cache.W. It is the size of
	// a block reference, so that the bits are an offset.
	OneParked = 16
	// MaxParked is the most blocks that one Cache can count.
	MaxParked = CountMask / OneParked
	// OneGet is what a get adds to Cache.W, apart from the block it takes.
	OneGet = 1 << CountBits
)

// Kind says what a directory record describes.
type Kind uint32

// The kinds of directory records.
const (
	KindFree      Kind = iota // the record is not in use
	KindLookaside             // a list of its own
	KindAllocator             // an allocator; its classes name it as Parent
	KindClass                 // one size class of an allocator
	KindTag                   // a tag's account in an allocator
	KindLocal                 // a goroutine's own shard of an allocator
)

// Header is the first page of a file.
type Header struct {
	Magic      [8]byte
	Version    uint32
	PageSize   uint32
	Size       uint64
	PID        uint64
	Started    int64 // nanoseconds since 1970
	Entries    uint32
	HighEntry  uint32 // one more than the highest record ever used
	Generation uint64 // changes whenever a record is taken or returned
	NameLen    uint32
	_          uint32
	Name       [64]byte
	Arena      Arena
	Pages      Regions // what the arena hands out in runs
	Books      Regions // page map, records and what the floors above keep about the pages
}

// Regions says where memory of one kind is in the address space of the
// process, so that others can ask the kernel how much of it is resident. The
// arena writes it under its lock. A region never shrinks or moves.
type Regions struct {
	Count uint32 // of At; written after the region itself
	More  uint32 // not 0: there are more regions than At has room for
	At    [MaxRegions]Region
}

// Region is a range of addresses. Of pages it ends where none was handed out
// yet.
type Region struct {
	Base uint64 // a multiple of RegionUnit
	Size uint64 // in bytes, a multiple of RegionUnit
}

// RegionUnit divides base and size of every region: the smallest page there is,
// in bytes.
const RegionUnit = 4096

// Arena is the page account, in bytes unless it says otherwise. The arena
// writes it under its lock.
type Arena struct {
	Reserved, Committed, InUse, Purged, Limit, Metadata uint64
	Pieces, Purges, Acquires, Releases                  uint64 // counts
}

// Entry is one directory record.
type Entry struct {
	Kind    Kind
	Parent  uint32 // index of the allocator's record plus one; 0: none
	Class   uint32
	Tag     [4]byte
	Size    uint64 // bytes a block holds
	Stride  uint64 // bytes from one block to the next
	Created int64  // nanoseconds since 1970

	// Where the shards are: shard i's Cache is at ShardOff + i*ShardStride.
	// ShardOff is 0 when they are not in this file.
	ShardOff    uint64
	ShardStride uint64
	Shards      uint32
	NameLen     uint32
	Name        [48]byte

	Counters Counters
}

// Counters are the words of a list that change on slow paths only, written
// under the list's lock.
type Counters struct {
	Gets     uint64 // handed out past the shards
	Puts     uint64 // taken back past the shards
	Refills  uint64
	Spills   uint64
	Failures uint64
	Slabs    uint64 // slabs held now
	Held     uint64 // bytes of those slabs
	Carved   uint64 // blocks ever cut from the slabs held now
	OnSlabs  uint64 // of those, free on their slab
	Depot    uint64 // blocks parked in the depot
	Depth    uint64 // blocks a shard may park now
	GetBytes uint64 // of direct gets, for lists of varying size (large, tags)
	PutBytes uint64
}

// Cache is the head of what one P owns of one list, as long as a cache line;
// the block references follow it.
type Cache struct {
	W       uint64 // gets<<CountBits | parked blocks*OneParked
	Cap     uint32 // blocks that may be parked, in units of OneParked; 0: not set up
	Size    uint32 // bytes a block holds
	In, Out uint64 // blocks moved in and out in bulk
	Folded  uint64 // gets that no longer fit W
	Refills uint32 // trips to the depot for blocks, modulo 2^32
	Spills  uint32 // and with blocks
	Kept    uint32 // blocks in the P's reserve
	Slots   uint16 // room for block references behind this head
	Spilt   uint16 // low bits of Spills when the cache was last empty
	Seen    uint32 // low bits of the gets when the cache was last looked over
	Epoch   uint32 // slabs that had been released when no reference behind was older
}

// CacheHead is the size of a Cache in bytes.
const CacheHead = 64

var magic = [8]byte{'L', 'K', 'A', 'S', 'I', 'D', 'E', 0}

// TagCell is what one P counts for one tag; the cells of a KindTag record
// are at ShardOff + i*ShardStride.
type TagCell struct {
	Gets, Puts         uint64
	GetBytes, PutBytes uint64 // what the blocks hold
	_                  [4]uint64
}

// TagCellSize is the size of a TagCell in bytes.
const TagCellSize = 64
