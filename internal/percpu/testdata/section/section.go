// Package section has one unpreemptible function, for a test that reads what the compiler made of it.
package section

import "offheap.example/lookaside/internal/percpu"

// Counts has a counter for each id.
var Counts [64]struct {
	N uint64
	_ [120]byte
}

// Bump adds one to the counter of the P it runs on.
//
//go:nosplit
//go:noinline
func Bump() bool {
	id := percpu.ID()
	if uint(id) >= uint(len(Counts)) {
		return false
	}
	Counts[id].N++
	return true
}
