//go:build lookaside_tokens

// What the compiler cannot check here: nothing. An address is turned into a number, and never back.
//
// Why it holds: the number is a hint; any other would be right too.
//
// What would break it: nothing.

package percpu

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// HasID tells whether this build can be in mode Unpreemptible at all: never in mode Tokens.
const HasID = false

// ID returns -1 in mode Tokens.
func ID() int { return -1 }

// Current returns the mode of this process.
func Current() Mode { return Tokens }

// A token is held by one goroutine at a time and has a cache line, with its neighbour, to itself.
type token struct {
	// Publishes: what the last holder wrote in its section. Pairs with: the compare-and-swap in take, the store in Unpin.
	held atomic.Uint32
	_    [124]byte
}

// tokens is fixed: its length is a power of two and never changes.
var tokens = make([]token, tokenCount(runtime.NumCPU()))

// tokenCount returns the number of tokens for a machine of cpus processors: four for each, so that goroutines which
// were preempted in a section do not stop the others, rounded up to a power of two and at least 16.
func tokenCount(cpus int) int { return max(16, 1<<bits.Len(uint(4*cpus-1))) }

// Pin takes a free token and returns its number: no other goroutine runs between a Pin and an Unpin with that
// number meanwhile. It waits while all tokens are taken. Until Unpin the caller must not block, allocate, panic or
// call anything that might; sections of one goroutine do not nest.
func Pin() int {
	mask := uint32(len(tokens) - 1)
	for start := hint(); ; runtime.Gosched() {
		for i := uint32(0); i <= mask; i++ {
			if id := (start + i) & mask; tokens[id].take() {
				return int(id)
			}
		}
	}
}

func (t *token) take() bool { return t.held.Load() == 0 && t.held.CompareAndSwap(0, 1) }

// Unpin returns the token that Pin took. id must be what Pin returned.
func Unpin(id int) { tokens[id].held.Store(0) }

// Barrier returns after every section that had begun before the call has ended; what those sections wrote is
// visible to the caller, and what the caller wrote before is visible to every section that begins afterwards. It
// takes and returns every token, one at a time, and must not be called in a section.
func Barrier() {
	for i := range tokens {
		for !tokens[i].take() {
			runtime.Gosched()
		}
		Unpin(i)
	}
}

// MaxID returns the number of tokens, which never changes.
func MaxID() int { return len(tokens) }

// hint returns where a goroutine begins to look for a token: a number made from the address of its stack, so that
// it tends to find the token that it had before, in its processor's cache.
func hint() uint32 {
	var here byte
	return uint32(uint64(uintptr(unsafe.Pointer(&here))>>11) * 0x9e3779b97f4a7c15 >> 32)
}

func verified() (m, p, id uintptr, ok bool) { return 0, 0, 0, false }
