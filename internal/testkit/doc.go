// Package testkit is what the tests of several packages need beside require.
//
// Child makes a death a test: it runs the test binary again, in which the crime is committed on a goroutine of its
// own, and compares the exit status and the first line on standard error with what is expected. Addresses in that
// line are written as 0x?, so that it can be compared whole.
//
// Seed and Rand give random tests their numbers. The seed is printed, and whoever sets LOOKASIDE_SEED gets the same
// run again. FlapProcs changes GOMAXPROCS while a test runs, Mapped reads what /proc/self/smaps says about mappings of
// a name, and Guarded turns a panic into an error.
//
// It is for tests only: no other code imports it.
package testkit
