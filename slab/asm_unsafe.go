//go:build linux && !android && gc && amd64 && !race && !lookaside_pinned && !lookaside_tokens

package slab

// What the compiler cannot check here: that the constants below are what the
// assembly was written for. It holds because they stand beside it and are
// compared with what package percpu decoded; offsets of fields come from
// go_asm.h; and continuations are read before anybody jumps to them, which
// cannot fault, since all of them are in one function. A toolchain with other
// offsets uses the functions in Go; taking its word without the comparison
// would break it.

import (
	"encoding/binary"
	"unsafe"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/percpu"
	"offheap.example/lookaside/internal/statspage"
)

// What hot_amd64.s takes for granted.
const (
	offsetM, offsetP, offsetID = 0x30, 0xd0, 0 // of Go 1.26

	_ = -unsafe.Offsetof(Allocator{}.owner) - unsafe.Offsetof(Lookaside{}.owner) - unsafe.Offsetof(owner{}.hot)
	_ = uint(arena.GranuleShift-12) + uint(12-arena.GranuleShift)
	_ = uint(maxSmall-32768) + uint(32768-maxSmall)
	_ = uint(statspage.CountBits-16) + uint(16-statspage.CountBits)
	_ = uint(statspage.OneParked-16) + uint(16-statspage.OneParked)
	_ = uint(stParked-128) + uint(128-stParked) + uint(stLive-8) + uint(8-stLive)
	_ = uint(shiftMask-63) + uint(63-shiftMask)
)

// codeAddrs are the addresses of the assembly functions, and of the
// continuations of those that have some: what they do once they know their P.
type codeAddrs struct {
	alloc, allocAt, zeroed, zeroedAt, free, freeAt, get, getAt, put, putAt, localAlloc, localFree uintptr
}

func codes(c *codeAddrs)

// contShift is log2 of the distance of two continuations.
const contShift = 4

// loadsNumber is the beginning of a continuation: it loads a register with the
// four bytes that follow, which are the P's id times 1<<by.
const loadsNumber = 0xbe

// fork fills in where the continuation of each P is. It reports whether each
// is what it should be.
func (e *pEntry) fork(at uintptr, by int) bool {
	for i := range e.at {
		p := at + uintptr(i)<<contShift
		code := *(**[5]uint8)(unsafe.Pointer(&p))
		if code[0] != loadsNumber || binary.LittleEndian.Uint32(code[1:]) != uint32(i)<<by {
			return false
		}
		e.at[i] = p
	}
	return true
}

// assemble makes calls go to the assembly where it fits the toolchain.
func assemble() {
	if m, p, id, ok := percpu.Offsets(); !ok || m != offsetM || p != offsetP || id != offsetID {
		return
	}
	var c codeAddrs
	codes(&c)
	const by = allocStrideShift
	if allocEntry.fork(c.allocAt, by) && zeroedEntry.fork(c.zeroedAt, by) && freeEntry.fork(c.freeAt, by) && getEntry.fork(c.getAt, 0) && putEntry.fork(c.putAt, 0) {
		allocEntry.code, zeroedEntry.code, freeEntry.code = c.alloc, c.zeroed, c.free
		getEntry.code, putEntry.code = c.get, c.put
	}
	localAllocEntry.code, localFreeEntry.code = c.localAlloc, c.localFree
}
