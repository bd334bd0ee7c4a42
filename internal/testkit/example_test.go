package testkit_test

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/internal/testkit"
)

// A panic becomes an error, and the address in it does not disturb the comparison.
func Example() {
	err := testkit.Guarded(func() { panic(fmt.Errorf("block %#x: %w", 0xc000, errors.New("double free"))) })
	fmt.Println(testkit.Masked(err.Error()))
	// Output: block 0x?: double free
}
