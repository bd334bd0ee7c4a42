//go:build !rival_mimalloc && !rival_jemalloc

package main

import "runtime/debug"

// trim makes the Go heap give back what it does not use. The off-heap rival gives
// back what it can by itself.
func (*rivalHeap) trim() { debug.FreeOSMemory() }
