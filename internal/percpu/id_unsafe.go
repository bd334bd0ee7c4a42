//go:build linux && !android && gc && (amd64 || arm64) && !race && !lookaside_pinned && !lookaside_tokens

// What the compiler cannot check here: that a func value made by hand is one, that the assembly behind it finds the
// goroutine's descriptor where it looks, and that the fields it follows are those it means.
//
// Why it holds: a func value is the address of a record that begins with a code address, and the call hands that
// record's own address over in the context register; the code keeps to the calling convention that the decoded
// procPin itself relies on (it reads the goroutine's descriptor from the same register and returns in the same
// register), and it loads the very fields that procPin loads, so it cannot fault where procPin does not. The result
// is compared with procPin's before anybody else may see it.
//
// What would break it: a toolchain whose func values or calling convention differ while its procPin still decodes.
// The comparison at start-up finds a wrong result; a func value of another shape would fault there.

package percpu

import (
	"runtime"
	"unsafe"
)

// HasID tells whether this build can be in mode Unpreemptible at all. Where it is false, ID is the constant -1, and
// code that depends on it is not even compiled.
const HasID = true

// closure is the record behind a func value. The code that is reached through it finds the offsets there.
type closure struct {
	code uintptr
	offsets
}

// reader is the closure that ID calls, with a distance to what other processors might write. It is written at
// start-up only.
var reader struct {
	_ [64]byte
	closure
	_ [64]byte
}

// mode is written at start-up only.
var mode = Pinned

// Current returns the mode of this process.
func Current() Mode { return mode }

// ID returns the id of the P that the calling goroutine runs on, or -1 where the mode is not Unpreemptible. It may be
// called only in a function that is both //go:nosplit and //go:noinline, and what it returned holds until that
// function returns or makes a call that can be preempted. Until then the function is alone with the id as between Pin
// and Unpin, and under the same rules. It inlines to one indirect call of four instructions.
//
//go:nosplit
func ID() int {
	c := &reader.closure
	return (*(*func() int)(unsafe.Pointer(&c)))()
}

func verified() (m, p, id uintptr, ok bool) {
	return reader.m, reader.p, reader.id, mode == Unpreemptible
}

// entries returns the addresses of the functions in assembly that read the id: for the offsets of two toolchains, for
// any offsets, and for none.
func entries() (go126, go125, any, none uintptr)

func init() {
	_, _, _, none := entries()
	reader.code = none
	if off, ok := decode(procPinCode()); ok {
		reader.closure = closure{code: entry(off), offsets: off}
		if idAgrees() {
			mode = Unpreemptible
		} else {
			reader.code = none
		}
	}
}

// entry returns the code that reads the id by off.
func entry(off offsets) uintptr {
	go126, go125, any, _ := entries()
	switch off {
	case offsets{m: 0x30, p: 0xd0}:
		return go126
	case offsets{m: 0x30, p: 0xc8}:
		return go125
	}
	return any
}

// idAgrees tells whether ID returns what procPin returns.
func idAgrees() bool {
	for range 64 {
		pinned := procPin()
		read := ID()
		procUnpin()
		if read != pinned {
			return false
		}
		runtime.Gosched() // The next time may be on another P.
	}
	return true
}

// procPinCode returns the memory at the beginning of procPin. It is longer than the function; the decoders do not
// look past its end.
func procPinCode() []byte {
	f := procPin
	entry := **(**unsafe.Pointer)(unsafe.Pointer(&f))
	return unsafe.Slice((*byte)(entry), 64)
}
