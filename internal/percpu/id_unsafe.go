//go:build linux && !android && gc && amd64 && !race && !lookaside_pinned && !lookaside_tokens

package percpu

import "unsafe"

// HasID tells whether this build can be in mode Unpreemptible at all. Where it is false, ID is the constant -1, and code
// that depends on it is not even compiled.
const HasID = true

var offsetM, offsetP, offsetID int = 0x30, 0xd0, 0

func idABI0() int

var codeDecoded, codeKnown uintptr

func mk(p *uintptr) func() int { return *(*func() int)(unsafe.Pointer(&p)) }

var idFunc func() int = idNone

func idNone() int { return -1 }

// ID returns the id of the P that the calling goroutine runs on, or -1 where the mode is not Unpreemptible. It may be called
// only in a function that is both //go:nosplit and //go:noinline, and what it returned holds until that function returns or
// makes a call that can be preempted.
//
//go:nosplit
func ID() int { return idFunc() }

var fDecoded, fKnown = mk(&codeDecoded), mk(&codeKnown)

var mode = Pinned

func init()         { idFunc = fKnown; mode = Unpreemptible }
func Current() Mode { return mode }
