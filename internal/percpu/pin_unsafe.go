//go:build !lookaside_tokens

// What the compiler cannot check here: that runtime.procPin and runtime.procUnpin exist, with these signatures.
//
// Why it holds: the runtime keeps both for packages like this one; its source says so beside them, with the promise
// not to remove them or change their signatures, and the linker refuses the program otherwise.
//
// What would break it: a linker that refuses the names. The build tag lookaside_tokens does without them.

package percpu

import (
	"runtime"
	"unsafe"

	"offheap.example/lookaside/internal/race"
)

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

// Pin keeps the calling goroutine on its P until Unpin and returns the id of that P: until then no other goroutine
// is between a Pin and an Unpin with that id, nor in an unpreemptible section that read it. Until Unpin the caller
// must not block, allocate, panic, call anything that might, or follow a pointer that foreign code could have
// written; sections of one goroutine do not nest.
func Pin() int {
	id := procPin()
	if race.Enabled {
		race.Acquire(edge(id))
	}
	return id
}

// Unpin ends the section that Pin began. id must be what Pin returned.
func Unpin(id int) {
	if race.Enabled {
		race.ReleaseMerge(edge(id))
	}
	procUnpin()
}

// MaxID returns the number of ids in use now: GOMAXPROCS. It may grow at any moment, and an id that Pin or ID
// returns may be larger than what MaxID returned before; callers need a slow path for ids beyond their tables. It
// takes a lock of the scheduler and must not be called in a section.
func MaxID() int { return runtime.GOMAXPROCS(0) }

// edges has the addresses through which race builds order the sections of one id; other builds have no use for it,
// and the linker drops it. Ids beyond the table share addresses, which draws more edges than there are: the detector
// may miss a race then, but reports no false one.
var edges [1024]uint64

func edge(id int) unsafe.Pointer { return unsafe.Pointer(&edges[uint(id)%uint(len(edges))]) }
