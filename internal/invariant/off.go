//go:build !race && !lookaside_check

package invariant

// Enabled tells whether the checks are on in this build.
const Enabled = false

// Check does nothing in this build.
func Check(bool, string) {}

// Sometimes is always false in this build.
func Sometimes(int) bool { return false }

// Only is a field that exists in builds with checks alone. Where the checks are off it takes no room (as the last
// field of a struct it costs a word, so put it first), Set forgets its value and Get returns the zero value.
type Only[T any] struct{}

// Set does nothing in this build.
func (*Only[T]) Set(T) {}

// Get returns the zero value in this build.
func (*Only[T]) Get() (v T) { return v }
