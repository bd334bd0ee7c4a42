// Command inline calls every function of package align that a hot path may
// call. It is never run: the inlining test compiles it and reads what the
// compiler says about each call.
package main

import "offheap.example/lookaside/align"

type bytes int32

var (
	number  = 100
	address = uint64(0x10000123)
	size    = uintptr(48)
	mine    = bytes(12)
	truth   bool
)

func main() {
	number = align.Up(number, 64)
	address = align.Up(address, 64)
	size = align.Up(size, 16)
	mine = align.Up(mine, 8)
	number = align.Down(number, 64)
	address = align.Down(address, 4096)
	number, truth = align.TryUp(number, 64)
	address, truth = align.TryDown(address, 64)
	truth = align.Is(number, 64) || align.IsPow2(number)
	number = align.PageSize()
	address = align.Pages(address) + align.SpanPages(address, 12)
	number = align.CacheLine()
}
