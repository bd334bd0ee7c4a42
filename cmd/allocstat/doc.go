// Allocstat replays the allocations of real programs on this library and on its
// rivals, and looks into the memory of living processes.
//
//	allocstat                        replay the trace that is built in
//	allocstat replay [flags] [FILE…] replay traces, plain or gzip; - is standard input
//	allocstat bench [flags]          compare with other allocators, in Go and in C
//	allocstat snapshot PID [-json]   read the counters of a process from outside
//	allocstat cut [flags] FILE       write a piece of a trace to standard output
//	allocstat help [COMMAND]         say more
//
// Results go to standard output, messages and progress to standard error. The
// exit status tells a script what happened:
//
//	0    everything was verified (or, with -verify=false, nothing failed)
//	1    a contender failed: wrong contents, a refused operation, a panic
//	2    bad input or usage, a missing file or process included
//	130  interrupted; what was complete by then is printed and marked
//
// # Replay
//
//	-contender LIST  lookaside,goheap,syncpool by default
//	-n N             timed runs of each contender, interleaved (5)
//	-verify=false    leave out the pass that checks every block
//	-free-running    let threads run at their own speed instead of in recorded order
//	-limit SIZE      refuse traces with more live bytes, such as 512MiB; half of the memory by default
//	-json            one JSON document instead of tables
//	-hold            keep what the last trace left live on lookaside until Ctrl-C, for allocstat snapshot
//	-hold-stdin      the same, but only until standard input ends
//	-q               no progress and no messages but errors
//
// Package bench/replay tells what is measured and how.
//
// # JSON
//
// Replay writes one object:
//
//	version       1; changes when a member changes its meaning
//	go, os, arch  the toolchain and the platform
//	cpus          what GOMAXPROCS was
//	runs, verify  the flags
//	verified      every contender verified every trace
//	interrupted   some figures are missing
//	traces        one object for each trace: replay.Report
//
// A trace's object has results, one for each contender (replay.Result), and
// classes, the use of lookaside's size classes at the peak (replay.Class).
// Members that end in _ns are nanoseconds, in _bytes bytes.
//
// Snapshot writes an array of stats.Snapshot, one for each arena. What is resident
// is -1 where the kernel does not tell, and resident_unknown then says why.
package main
