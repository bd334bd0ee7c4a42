// Package replay performs the operations of a trace on allocators and measures
// them.
//
// # Passes
//
// Every contender goes through the same passes, each with a fresh instance:
//
//	pass     times  blocks are                      measured
//	verify   1      filled, compared and checked    right or wrong
//	memory   1      written, every byte             resident bytes, per-class use
//	timed    n      touched, first and last byte    time, collections, pauses
//
// The timed passes are interleaved (A B C A B C …), so that a machine that
// becomes slower does so for all. Figures are medians over the n runs, ratios
// are taken pair by pair and the median of the ratios is given. Ahead of every
// timed and every memory pass the Go heap is collected and its free pages are
// given back to the kernel: all contenders begin without a page, as the program
// did. What is still live when the trace ends is verified and freed outside the
// measured time.
//
// # Threads
//
// A thread of the trace is a goroutine. By default they follow the recorded
// global order: one performs its events up to the next change of thread, then
// hands over to the next through a channel and waits. Nothing is
// synchronised between changes, a trace of one thread has no cost for this at
// all, and the clock stands still during the handing over. With FreeRunning
// every goroutine goes at its own speed; only an operation on a block that
// another thread touched before waits until that has happened
// (trace.Split), and the time is that of the wall clock from the common start
// to the last end. The memory pass always follows the recorded order, because
// its figures must not depend on the scheduler.
//
// # What is verified
//
// A block is filled with 64-bit words made from its number and their offset.
// The pattern is compared when the block is freed, when it is reallocated (up
// to the smaller of both sizes, after it) and at the end of the trace, so
// overlapping blocks and lost bytes show. Lengths, zeroed bytes and
// alignment are checked where the trace asks for them. A panic or a fault
// of the contender is caught and counts as a failure of the pass, which ends
// there. After a failure the contender's other passes are left out: figures of an
// allocator that is wrong mean nothing.
//
// # What is resident
//
// In the memory pass Contender.Resident is asked whenever the live bytes are one
// percent above the last time they made a maximum, at their peak exactly, and
// at 256 places spread over the trace. At the peak also the counters of
// every class are read and compared with what the program asked for.
package replay
