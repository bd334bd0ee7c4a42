package work

import (
	"math/bits"
	"runtime"
)

// RingStep is how many blocks a producer hands over by one store.
const RingStep = 16

// Spin waits a little, and gives the processor away once in a while. It returns
// what it wants to be given next time.
func Spin(tries int) int {
	if tries++; tries >= 64 {
		runtime.Gosched()
		return 0
	}
	return tries
}

// Ends writes the first and the last byte.
func Ends(p []byte) { p[0], p[len(p)-1] = 1, 1 }

// Trailing is the number of zero bits below the lowest one of k.
func Trailing(k int) int { return bits.TrailingZeros(uint(k)) }

// SH8 is how many blocks of which size sh8bench allocates at a time.
var SH8 = [...]struct{ Size, Count int }{
	{8, 1000}, {16, 5000}, {48, 1000}, {72, 100}, {148, 100}, {200, 100},
	{520, 10}, {1056, 5}, {4096, 3}, {9162, 1}, {34562, 1}, {168524, 1},
}

// SH6Times is how many blocks sh6bench allocates of a size at a time.
func SH6Times(size int) int {
	if size < 100 {
		return 250
	}
	return 50
}

// ShiftSizes are the sizes of the workload shift, one phase after the other.
var ShiftSizes = [...]int{24, 40, 72, 136, 264, 520, 1032, 2056, 4104, 48}

// Cookie is what mstress hides the contents of its blocks with.
const Cookie = 0x2C1F8A3D5E6B7091

// MstressAllocs is how many blocks the t threads of one turn of mstress
// allocate, besides those that they retain.
func MstressAllocs(t, scale int) (n int64) {
	for id := range t {
		a := 100 * scale * (id%8 + 1)
		n += int64(a + a/2)
	}
	return n
}

// Strides of rptest through its slots, prime to their number.
const (
	TestInto = 97
	TestFrom = 113
)
