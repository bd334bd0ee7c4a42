package align_test

import (
	"fmt"
	"math"

	"offheap.example/lookaside/align"
)

func Example() {
	// A frame of 1500 bytes behind a header of 14, each on its own boundary.
	header := align.Up(14, 16)
	frame := align.Up(1500, 64)
	fmt.Println(header, frame, header+frame)
	// Output: 16 1536 1552
}

func ExampleUp() {
	fmt.Println(align.Up(4097, 4096))
	// Like the macro it mirrors, Up wraps; the result is then below n.
	fmt.Println(align.Up(uint8(250), 16))
	// Output:
	// 8192
	// 0
}

func ExampleDown() {
	fmt.Printf("%#x\n", align.Down(uintptr(0x1000_0123), 0x1000))
	// Output: 0x10000000
}

func ExampleTryUp() {
	fmt.Println(align.TryUp(100, 64))
	fmt.Println(align.TryUp(100, 48))                   // no power of two
	fmt.Println(align.TryUp(-1, 64))                    // a negative size
	fmt.Println(align.TryUp(uint64(math.MaxUint64), 8)) // does not fit
	// Output:
	// 128 true
	// 0 false
	// 0 false
	// 0 false
}

func ExampleTryDown() {
	fmt.Println(align.TryDown(100, 64))
	fmt.Println(align.TryDown(100, 0))
	// Output:
	// 64 true
	// 0 false
}

func ExampleIs() {
	fmt.Println(align.Is(4096, 512), align.Is(4097, 512))
	// Output: true false
}

func ExampleIsPow2() {
	fmt.Println(align.IsPow2(64), align.IsPow2(96), align.IsPow2(0))
	// Output: true false false
}

func ExamplePages() {
	page := uint64(align.PageSize())
	fmt.Println(align.Pages(0), align.Pages(1), align.Pages(page), align.Pages(page+1))
	// Output: 0 1 1 2
}

func ExampleSpanPages() {
	page := uint64(align.PageSize())
	// Two bytes are one page, or two when they lie across a boundary.
	fmt.Println(align.SpanPages(0, 2), align.SpanPages(page-1, 2))
	// Output: 1 2
}

func ExampleCacheLine() {
	fmt.Println(align.FalseSharing%align.CacheLine() == 0)
	// Output: true
}
