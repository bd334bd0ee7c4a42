//go:build race

// What the compiler cannot check here: that an address given to the detector lies in memory that the detector
// watches; for any other address it draws no edge and says nothing.
//
// Why it holds: the one caller draws its edges through variables of its own package.
//
// What would break it: an address in mapped memory. Nothing would crash, but the races reported would be false.

package race

import (
	"runtime"
	"unsafe"
)

// Enabled tells whether this is a race build.
const Enabled = true

// Acquire orders everything released to addr before what the calling goroutine does next.
func Acquire(addr unsafe.Pointer) { runtime.RaceAcquire(addr) }

// Release orders what the calling goroutine did before every later Acquire of addr, in place of earlier releases.
func Release(addr unsafe.Pointer) { runtime.RaceRelease(addr) }

// ReleaseMerge is Release, and the earlier releases to addr keep their effect.
func ReleaseMerge(addr unsafe.Pointer) { runtime.RaceReleaseMerge(addr) }

// ReadRange makes the detector see n bytes at addr read by the calling goroutine: what the kernel does for it.
func ReadRange(addr unsafe.Pointer, n int) { runtime.RaceReadRange(addr, n) }

// WriteRange is ReadRange for bytes that are written.
func WriteRange(addr unsafe.Pointer, n int) { runtime.RaceWriteRange(addr, n) }

// Disable makes the detector overlook the synchronisation of the calling goroutine until Enable. The two nest.
func Disable() { runtime.RaceDisable() }

// Enable ends the effect of one Disable.
func Enable() { runtime.RaceEnable() }
