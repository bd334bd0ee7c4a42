package slab

// Debug selects checks that cost time on every Get and Put. They can be
// combined.
type Debug uint8

// Debugging features of a lookaside.
const (
	Poison     Debug = 1 << iota // fill on Put, verify on Get: finds writes after free
	Redzone                      // a pattern behind every block, verified on Put: finds overruns
	Guard                        // every block ends at an inaccessible page
	Audit                        // remember the stacks that got and put a block
	Quarantine                   // hold freed blocks back for a while
	Shuffle                      // hand blocks out in random order
)

// Depth bounds how many free blocks one P may park.
type Depth struct {
	Min, Max int // blocks; zero means 4 and 256
}

// Config describes a lookaside. Only Size must be set.
type Config struct {
	Name  string // shows in errors and statistics
	Tag   Tag
	Size  int   // bytes per block
	Align int   // 0: natural, at least 16; a page for Size >= a page
	Depth Depth // bounds for the blocks parked per P; zero means 4 and 256
	Debug Debug
	Zero  bool // zero on Get
	// MaxParked bounds the bytes that all Ps and the depot park together; 0
	// means DefaultMaxParked. It lowers Depth.Max where one P alone could
	// exceed three quarters of it, and must allow that P one block.
	MaxParked int64
}

// AllocatorConfig describes an allocator. The zero value is usable.
type AllocatorConfig struct {
	Name string // shows in errors and statistics
	// ParkedPerP bounds the bytes that one P may keep parked for one size
	// class; zero and more than that mean 16 KiB, for blocks of 336 to 1,024
	// bytes 48 of them or 32 KiB, or eight blocks where those are more; every
	// class may park at least two blocks.
	ParkedPerP int
	// MaxParkedPerP bounds the bytes that one P may keep parked in all; 0
	// means DefaultMaxParkedPerP, 6 MiB. At least MinMaxParkedPerP.
	MaxParkedPerP int64
	// MaxParked bounds the bytes that all Ps, all Locals and the depots park
	// together; 0 means DefaultMaxParked, 128 MiB. At least MinMaxParked. A P
	// that gets no room goes to the lists directly.
	MaxParked int64
}
