// Package slab hands out blocks of memory outside the Go heap: equal ones
// from a Lookaside, any size from an Allocator, values of a type from a
// Typed. It is built for many goroutines at once, checks every free in every
// build, and can say at any moment where each block is.
//
// # Nouns
//
//	block      a fixed-size piece of a slab
//	slab       adjacent pages cut into blocks of one size
//	cache      free blocks of one list that one P keeps to itself: a magazine
//	shard      all caches of one P
//	depot      free blocks of one list that are on their way between Ps
//	list       the slabs and the depot of one block size, under one lock
//	lookaside  a list with shards of its own; an Allocator is eighty lists
//
// One slab of 64-byte blocks, with what belongs to it elsewhere:
//
//	pages of the arena        │0       │1       │2       │  …  │127     │
//	state bytes, in metadata  │live 0  │parked 0│live 0  │     │free 0  │
//	records of its granules   {states, distance to the start, owner, cache, grain}
//
// Nothing is ever written into a free block: what the allocator knows stands
// beside the blocks, where a write through a stale slice cannot reach it.
//
// # State of a block
//
//	state    its bytes     who may touch it  how it moves on
//	virgin   anything      the list          carved by a refill: parked
//	free     anything      the list          taken by a refill: parked
//	parked   as it was put the P, the depot  Get: live. Trim, a full depot: free
//	live     the caller's  the caller        Put: parked
//	tagged   the caller's  the caller        Free through its tag: parked
//
// The state is one byte a block, out of line. Its low three bits say where in
// its grain the block begins: a grain is the largest power of two that does
// not exceed the distance of two blocks, so no two blocks begin in one, and a
// block begins at a multiple of an eighth of it. An address is therefore the
// start of a live block if and only if the byte of its grain says live and
// those three bits agree. That is the check of every free, and it needs one
// rotation, one load and one comparison. See layout_unsafe.go.
//
// # Get, in five attempts
//
//  1. The current P's cache. The P's id is read, its shard is indexed, the
//     newest block is popped, its state becomes live, and one word that
//     counts gets and parked blocks together is stored. No lock, no locked
//     instruction, no pin: the function cannot be preempted (see
//     hot_unsafe.go and package percpu).
//  2. The P's reserve, pinned but without a lock: blocks come over that an
//     earlier burst of frees has left there. See reserve.go.
//  3. The depot, under the list's lock: half a cache of blocks moves over.
//  4. The slabs: blocks that came back, of the fullest slab first, then
//     blocks never used. While other Ps take from the list, too, each takes
//     from slabs of its own; see takers.go.
//  5. The arena: a new slab, a small one while the class has few blocks.
//     Before that, idle lists give back what they have parked.
//
// Put is the mirror image: the P's cache; when it is full, its colder part
// goes to the reserve, if this P's bursts have earned the list one, else to
// the depot; when that is full, its older half goes to the slabs; a
// slab that has all its blocks back goes to the arena, but for one small
// spare one.
//
// AllocBatch and FreeBatch move many blocks in one such section. A batch that
// comes back as it was handed out is recognized by the references that still
// lie behind the end of the cache, and needs no lookup at all: see unpop.
//
// Blocks of more than the largest class are runs of pages. One that comes
// back waits for the next of as many pages; see large_unsafe.go.
//
// # Who cleans up
//
// Every slow operation looks over one list of the P that makes it, each in
// its turn, and sends home what was not asked for since. At the end of an
// epoch of slow operations the caches that did nothing in it are emptied,
// whosever they are; see idle.go.
//
// # Reaching another P's shard
//
// Trim, Close and Audit need what other Ps have parked. They shut the gate, a
// word that every operation loads, and wait for percpu.Barrier: then every
// operation that had seen the gate open has ended, and all others go to the
// lists directly. GOMAXPROCS may change at any moment: an id beyond the
// shards finds the gate shut, and blocks parked on a P that no longer runs
// are reached like all others.
//
// # The depth rule
//
// Depth is how many blocks a cache may park. It starts at the minimum and
// doubles at every refill until the maximum, so a list that is asked often
// soon stops missing. Each step of Tune looks at the interval since the last
// one: fewer than 64 gets halve the distance to the minimum (which is reached
// after Depth.IdleSteps steps, 13 at most); practically no misses take one
// block off, as a probe; more than five misses per thousand gets add in
// proportion to the misses and to what is left. A probe that meets a miss is
// taken back at once, and the next one waits twice as long: traffic whose
// live set swings by W blocks ends at a depth of W, and stays there with less
// than one miss in 2,000 gets. The rule counts steps and has no clock. Blocks
// above a lower depth go back at the next Put of their P, those of an idle
// list before Tune returns. PinDepth sets the depth by hand. See depth.go.
//
// # How much is parked
//
//	one P, one class     16 to 32 KiB, or 8     AllocatorConfig.ParkedPerP
//	one P, all classes   6 MiB, reserves too    AllocatorConfig.MaxParkedPerP
//	everybody, depots    128 MiB                AllocatorConfig.MaxParked
//	runs of large blocks 256 KiB, or a sixteenth of those that are live
//	a lookaside, one P   Depth.Max blocks, 1 MiB
//	a lookaside, all     128 MiB                Config.MaxParked
//
// These are hard bounds: room is claimed before blocks move into it, on slow
// paths only. See bound.go. Where resident memory grows to a new peak, what the
// P that makes it grow and the depots have parked and were not asked for goes
// home, but for the smallest blocks, and so do the runs of large blocks, and
// what is parked on Ps that did nothing since the last peak. After
// a load is over its memory goes back to the system by itself within
// GiveBackOps slow-path operations, and by Trim at once.
//
// # Errors and mistakes
//
// What the caller cannot know beforehand is an error: ErrNoMemory with the
// arena's reason, ErrClosed, ErrInvalid. What the caller did wrong to a block
// is a panic with *MisuseError, and nothing has changed:
//
//	Foreign        never handed out by this arena
//	Misaligned     inside a block
//	DoubleFree     free already, or on pages that are free already
//	WrongTag       accounted to another tag, or to one, or to none
//	WrongList      a block of another list or allocator of the arena
//	Overrun        bytes behind the block were written (Redzone)
//	UseAfterFree   a free block was written (Poison)
//	UseAfterClose  the list is closed
//
// Two goroutines that free the same block at the very same moment, within the
// few instructions between the check and the change of its state, can both
// pass the check. The block is then parked twice; a later Get that meets the
// second reference finds the block live and drops it. Only two such Gets, at
// the very same moment again, can both hand it out.
//
// # Lock order
//
// maint of an owner, its life, a list or the large blocks, tags, locals, the
// segments that depots are made of, the store of metadata, the arena. Nobody
// holds two lists.
//
// # Papers
//
// Bonwick, The Slab Allocator (1994); Bonwick and Adams, Magazines and Vmem
// (2001); the lookaside lists of Windows, whose contract this package keeps.
package slab
