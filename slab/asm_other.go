//go:build !linux || android || !gc || !amd64 || race || lookaside_pinned || lookaside_tokens

package slab

// assemble has nothing to do: the hot functions are those in Go.
func assemble() {}
