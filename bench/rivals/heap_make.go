//go:build !rival_modernc && !rival_mcache && !rival_bytebufferpool && !rival_gobufferpool && !rival_arrow && !rival_grpcmem && !rival_mimalloc && !rival_jemalloc

package main

import "runtime"

const rivalModule = ""

func rivalVersion() string { return runtime.Version() }

// rivalHeap is make, when no rival is chosen.
type rivalHeap struct{}

func openRival() *rivalHeap { return new(rivalHeap) }

// alloc is not inlined: small blocks would be put on the stack.
//
//go:noinline
func (*rivalHeap) alloc(n int) rivalBlock { return make([]byte, n) }

func (*rivalHeap) free(rivalBlock) {}

func (*rivalHeap) close() error { return nil }
