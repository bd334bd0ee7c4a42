//go:build linux && !android && gc && amd64 && !race && !lookaside_pinned && !lookaside_tokens

package slab

// What the compiler cannot check here: that the constants below are what the
// assembly was written for. It holds because they stand beside it and are
// compared with what package percpu decoded; offsets of fields come from
// go_asm.h. A toolchain with other offsets uses the functions in Go; taking
// its word without the comparison would break it.

import (
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

// codes returns the addresses of the assembly functions.
func codes() (alloc, free, get, put, localAlloc, localFree uintptr)

// assemble makes calls go to the assembly where it fits the toolchain.
func assemble() {
	if m, p, id, ok := percpu.Offsets(); !ok || m != offsetM || p != offsetP || id != offsetID {
		return
	}
	allocEntry.code, freeEntry.code, getEntry.code, putEntry.code, localAllocEntry.code, localFreeEntry.code = codes()
}
