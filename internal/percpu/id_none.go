//go:build !lookaside_tokens && (race || lookaside_pinned || !linux || android || !gc || !(amd64 || arm64))

package percpu

// HasID tells whether this build can be in mode Unpreemptible at all. Where it is false, ID is the constant -1, and
// code that depends on it is not even compiled.
const HasID = false

// ID returns -1 in this build: mode Unpreemptible does not exist here.
func ID() int { return -1 }

// Current returns the mode of this process.
func Current() Mode { return Pinned }

func verified() (m, p, id uintptr, ok bool) { return 0, 0, 0, false }
