// Package race is the race detector's switch with two faces: in race builds its functions reach the detector, in
// all others they are empty and inline to nothing, so that call sites never mention a build tag.
//
// The detector follows goroutines and the synchronisation that it knows: channels, the locks of package sync and
// the operations of sync/atomic. It does not know that two goroutines which run on one P, one after the other and
// neither of them preemptible, cannot meet. Acquire, Release and ReleaseMerge tell it.
//
// An edge is drawn through an address, which must lie in Go memory (the heap, or a package's variables): the
// detector ignores addresses that it does not watch, and mapped memory is among those.
//
//	operation       what it means for the goroutine that calls it
//	Acquire(a)      everything that was released to a happened before what I do next
//	Release(a)      what I did happened before every later Acquire(a); earlier releases to a are forgotten
//	ReleaseMerge(a) the same, and earlier releases to a keep their effect
//	Disable()       the detector overlooks my synchronisation from here
//	Enable()        and sees it again from here
package race
