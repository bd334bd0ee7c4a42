// What the compiler cannot check here: nothing. The addresses are those of variables of the test.
//
// Why it holds: they are Go memory, which the detector watches.
//
// What would break it: moving them off the Go heap.

package race_test

import (
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
)

// handOver writes a plain variable in one goroutine and then in another, which waits for the first in a way that the
// detector does not see, and returns what the variable is in the end.
func handOver(leave, enter func()) int {
	value, done, finished := 0, make(chan struct{}), make(chan struct{})
	go func() {
		value++
		leave()
		race.Disable() // The channel is an edge too; only the one under test shall count.
		close(done)
		race.Enable()
		close(finished)
	}()
	race.Disable()
	<-done
	race.Enable()
	enter()
	value++
	<-finished
	return value
}

// TestEdges would be reported by the detector, in a race build, if the edges were not there.
func TestEdges(t *testing.T) {
	var at uint64
	edge := unsafe.Pointer(&at)
	require.Equal(t, 2, handOver(func() { race.Release(edge) }, func() { race.Acquire(edge) }))
	require.Equal(t, 2, handOver(func() { race.ReleaseMerge(edge) }, func() { race.Acquire(edge) }))
}

func TestNoEffectOnMemory(t *testing.T) {
	at := uint64(7)
	edge := unsafe.Pointer(&at)
	race.Acquire(edge)
	race.Release(edge)
	race.ReleaseMerge(edge)
	race.ReadRange(edge, 8)
	race.WriteRange(edge, 8)
	race.Disable()
	race.Enable()
	require.Equal(t, uint64(7), at)
	runtime.KeepAlive(&at)
}

func TestTwinsCostNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("a race build")
	}
	var at uint64
	require.Zero(t, testing.AllocsPerRun(100, func() { race.Acquire(unsafe.Pointer(&at)) }))
}
