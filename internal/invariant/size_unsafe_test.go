// What the compiler cannot check here: nothing; only sizes are asked for.
//
// Why it holds: it does not depend on anything.
//
// What would break it: nothing.

package invariant_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/invariant"
)

func TestOnlyTakesNoRoomWhenOff(t *testing.T) {
	type with struct {
		checked invariant.Only[[4]uint64]
		n       uint64
	}
	if invariant.Enabled {
		require.Equal(t, uintptr(40), unsafe.Sizeof(with{}))
	} else {
		require.Equal(t, uintptr(8), unsafe.Sizeof(with{}))
	}
}
