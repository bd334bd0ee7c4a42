//go:build !rival_modernc && !rival_mcache && !rival_bytebufferpool && !rival_gobufferpool && !rival_arrow && !rival_grpcmem && !rival_mimalloc && !rival_jemalloc

package main

import "runtime"

const rivalModule = ""

func rivalVersion() string { return runtime.Version() }

// rivalHeap is make, when no rival is chosen.
type rivalHeap struct{}

func openRival() *rivalHeap { return new(rivalHeap) }

// Alloc is not inlined: small blocks would be put on the stack.
//
//go:noinline
func (*rivalHeap) Alloc(n int) (rivalBlock, error) { return make([]byte, n), nil }

func (*rivalHeap) Free(rivalBlock) {}

func (*rivalHeap) close() error { return nil }
