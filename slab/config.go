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
}

// AllocatorConfig describes an allocator. The zero value is usable.
type AllocatorConfig struct {
	Name string // shows in errors and statistics
	// ParkedPerP bounds the bytes that one P may keep parked for one size
	// class; zero and more than that mean 16 KiB. Every class may park at
	// least two blocks.
	ParkedPerP int
}
