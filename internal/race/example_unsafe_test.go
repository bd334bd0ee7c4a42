// What the compiler cannot check here: nothing; an address is taken and never followed.
//
// Why it holds: it is a variable's.
//
// What would break it: nothing.

package race_test

import (
	"fmt"
	"unsafe"

	"offheap.example/lookaside/internal/race"
)

// Two goroutines that take turns in a way the detector does not know tell it, through an address of their own.
func Example() {
	var turn struct {
		edge  uint64
		value int
	}
	section := func(add int) {
		if race.Enabled {
			race.Acquire(unsafe.Pointer(&turn.edge))
			defer race.ReleaseMerge(unsafe.Pointer(&turn.edge))
		}
		turn.value += add
	}
	section(1)
	section(2)
	fmt.Println(turn.value)
	// Output: 3
}
