//go:build race || lookaside_check

package invariant

import "math/rand/v2"

// Enabled tells whether the checks are on in this build.
const Enabled = true

// Check panics with msg when ok is false. msg begins with the package and names what must hold.
func Check(ok bool, msg string) {
	if !ok {
		panic("invariant violated: " + msg)
	}
}

// Sometimes is true in about percent of 100 calls: never for 0 and below, always for 100 and above.
func Sometimes(percent int) bool { return rand.IntN(100) < percent }

// Only is a field that exists in builds with checks alone. Where the checks are off it takes no room (as the last
// field of a struct it costs a word, so put it first), Set forgets its value and Get returns the zero value.
type Only[T any] struct{ value T }

// Set stores v.
func (o *Only[T]) Set(v T) { o.value = v }

// Get returns what the last Set stored, and before that the zero value.
func (o *Only[T]) Get() T { return o.value }
