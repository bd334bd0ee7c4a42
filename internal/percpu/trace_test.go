package percpu

import (
	"bytes"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSectionsCanBeLookedAt runs sections while the profiler interrupts them, other goroutines' stacks are walked, and
// others panic and recover: everything that looks at a stack must get past a section.
func TestSectionsCanBeLookedAt(t *testing.T) {
	var profile bytes.Buffer
	require.NoError(t, pprof.StartCPUProfile(&profile))
	var cs counters
	var stop atomic.Bool
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for i := 0; !stop.Load(); i++ {
				cs.add(ways(i))
				breathe(i)
			}
		})
	}
	buf := make([]byte, 1<<20)
	for range rounds(t, 200) {
		require.Contains(t, string(buf[:runtime.Stack(buf, true)]), "TestSectionsCanBeLookedAt")
		require.Panics(t, func() { panic(cs.add(ways(1))) })
	}
	stop.Store(true)
	workers.Wait()
	pprof.StopCPUProfile()
	require.NotEmpty(t, profile.Bytes())
}
