//go:build !race

// What the compiler cannot check here: nothing. The file imports unsafe only because its twin for race builds has
// addresses in its signatures, and the two must have one face.
//
// Why it holds: every function is empty.
//
// What would break it: a body.

package race

import "unsafe"

// Enabled tells whether this is a race build.
const Enabled = false

// Acquire does nothing outside race builds.
func Acquire(unsafe.Pointer) {}

// Release does nothing outside race builds.
func Release(unsafe.Pointer) {}

// ReleaseMerge does nothing outside race builds.
func ReleaseMerge(unsafe.Pointer) {}

// ReadRange does nothing outside race builds.
func ReadRange(unsafe.Pointer, int) {}

// WriteRange does nothing outside race builds.
func WriteRange(unsafe.Pointer, int) {}

// Disable does nothing outside race builds.
func Disable() {}

// Enable does nothing outside race builds.
func Enable() {}
