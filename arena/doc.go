// Package arena reserves address space, and hands out runs of pages from it.
//
// An arena takes a large piece of address space once and gives memory to parts of it as they are needed. It hands out
// runs: whole pages that lie together. Floors above cut runs into blocks; the arena itself knows nothing smaller than
// a page. Its pages are not on the Go heap: the collector neither scans nor counts them, and they hold no Go pointers.
//
// # Words
//
//   - page: what the operating system calls one, Arena.PageSize bytes; a run is whole pages
//   - granule: 4 KiB, the unit that the floor above has a record for
//   - run: adjacent pages handed out together
//   - piece: a contiguous part of the address space; usually there is one, the whole reserve
//   - high-water mark: pages of a piece below it were handed out at least once, or skipped for alignment
//   - dirty: free, and may hold old bytes; a dirty page is resident and counts as committed
//   - clean: free, and reads zero, because it was given back to the kernel
//
// # The states of a page
//
// Each page is in one of five states. The first table says what a state means; "seen as" is the PageState that Record
// and Locate tell.
//
//	state     who may touch it      its bytes       committed  seen as
//	reserved  nobody, it may fault  none            no         PageForeign
//	used      who holds the run     the holder's    yes        PageUsed
//	dirty     nobody                old ones        yes        PageFree
//	clean     nobody                zero            no         PageFree
//	guard     nobody, it faults     none            no         PageForeign
//
// The second says what becomes of a page when a run is acquired or grown over it, when the run that it belongs to is
// released, and when free pages are purged. A dash means that the call passes it by.
//
//	state     Acquire  Extend  Release  Purge
//	reserved  used     used    -        -
//	used      -        -       dirty    -
//	dirty     used     used    -        clean
//	clean     used     used    -        -
//	guard     -        used    clean    -
//
// With Config.Guard the page behind a run goes to guard in place of used. Close ends all states at once. A page whose
// guard the kernel will not lift again stays as it is and is counted in Stats.Guarded.
//
// # Finding pages
//
// Acquire takes the best fit among the free runs: the shortest that is long enough, among equals the lowest. Runs that
// have dirty pages come first, so that resident memory is used before the kernel is asked for more; of a run that is
// longer than needed it takes the end that holds more dirty pages. Where no free run fits, the high-water mark rises,
// and a free run just below it is used along. Free neighbours are always one run. The free runs lie in two treaps on
// the Go heap, 36 bytes each and without pointers; a page map beside the record table has one word a page, of which
// only the words at the ends of runs are ever written. All of it takes time logarithmic in the number of free runs.
//
// Acquire clears dirty pages and trusts clean ones. AcquireUninitialized clears nothing.
//
// # Giving pages back
//
// Released pages stay resident for the next Acquire, up to a hot window: 64 MiB (16 where nobody wants them), or an
// eighth of what is in use, or more where the same amount is wanted again and again. When there are more, Release gives
// back the longest ranges, in few large calls, until half the window is left. Acquire and Extend do where resident memory
// grows to a new peak, down to a 64th of what is in use; PeakCommitted tells the floors above of it. What nobody wants
// halves with every EpochOps operations, down to 1 MiB; Tick tells an arena of operations above it that are none of its
// own. Policy in purge.go has the rules. No goroutine and no clock are in this: an arena that nobody uses keeps what it
// has, until Purge, which gives everything back at once, the coldest first.
//
// Beyond the first 32 MiB, where huge pages are advised, whole ones go first, and Release alone breaks one up only for
// a quarter of it or more, and the end of an epoch those of which hardly anything is in use. Before the limit refuses a
// run that fits when counting only pages in use, dirty pages are given back.
//
// # Reserving
//
// Open reserves Config.Reserve bytes in one piece, inaccessible and free of charge; pages become accessible as the
// high-water mark rises, in steps of 1 to 16 MiB, never run by run. Where so much is refused (RLIMIT_AS, a sandbox, a
// 32-bit machine), nothing is reserved at Open; pieces of 64 MiB, or less where even that is refused, are mapped when
// they are needed, up to the same total. A run never spans two pieces, so an arena in pieces may be exhausted a little
// sooner. Stats.Piecewise tells.
//
// In race builds (the race detector does not see mapped memory), on platforms other than Linux, and where the
// environment says LOOKASIDE_BACKING=heap, pieces are Go slices of 4 MiB or as long as the run that needs them. All
// rules stay the same; giving back means clearing, guard pages are only kept aside, and there is no memory file.
//
// # Locks
//
// One mutex guards an arena. Floors above may call the arena while they hold locks of their own; the arena calls
// nobody while it holds its own. Runs are cleared outside the lock, and Close waits for that.
package arena
