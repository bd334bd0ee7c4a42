package main

import "fmt"

// more ends a replay of the built-in trace.
const more = `
That was the trace that is built in. There is more:

  allocstat replay FILE…           replay traces of your own; - is standard input
  allocstat replay -free-running   let the trace's threads run at their own speed
  allocstat replay -hold           keep the blocks, then look at them from another terminal:
  allocstat snapshot PID           read the counters of any process that uses the library
  allocstat bench -quick           compare with other allocators, in Go and in C
  allocstat help                   all commands and flags
`

const helpAll = `allocstat replays the allocations of real programs and looks into living processes.

  allocstat                        replay the trace that is built in
  allocstat replay [flags] [FILE…] replay traces, plain or gzip; - is standard input
  allocstat bench [flags]          compare with other allocators, in Go and in C, and record what was found
  allocstat snapshot PID [-json]   read the counters of a process from outside
  allocstat cut [flags] FILE       write a piece of a trace to standard output
  allocstat help [COMMAND]         say more about replay, bench, snapshot or cut

Exit status: 0 everything verified, 1 a contender failed, 2 bad input or usage, 130 interrupted.
`

const helpReplay = `allocstat replay [flags] [FILE…]

Replays traces on every contender: once to verify every block, once to measure memory, then -n times against
the clock, interleaved. Without a file it replays the trace that is built in; - is standard input.

  -contender LIST  which ones, the first is what the others are compared with (lookaside,goheap,syncpool)
  -n N             timed runs of each contender (5)
  -verify=false    leave out the pass that checks every block
  -free-running    let threads run at their own speed instead of in recorded order
  -limit SIZE      refuse traces with more live bytes, such as 512MiB; half of the memory by default
  -json            one JSON document instead of tables
  -hold            keep what the last trace left live on lookaside until Ctrl-C, for allocstat snapshot
  -hold-stdin      the same, but only until standard input ends
  -q               no progress and no messages but errors

Columns: time is the ratio of the runs to the first contender's runs beside them; resident is what the contender
occupies in physical memory at its worst, and ratio that by the peak of live bytes that the program asked for.
`

const helpSnapshot = `allocstat snapshot PID [-json]

Reads the counters that process PID publishes, without its help: also when it is stopped or hangs.
Live blocks are out, parked ones wait in the shards and the depot, a hit is a get that found a block parked on its P.
Resident is what is in physical memory, by the process's page map; for another user's process that takes privileges.
An arena on the Go heap (race builds, LOOKASIDE_BACKING=heap) publishes nothing.
`

const helpCut = `allocstat cut [-from N] [-ops N] FILE

Writes a piece of a trace as plain text to standard output, a trace of its own: operations from -from (0) on, -ops of
them (all). Operations on blocks that were allocated before are left out.
`

// help prints what a command does.
func (t *tool) help(args []string) int {
	text := helpAll
	if len(args) > 0 {
		var ok bool
		text, ok = map[string]string{"replay": helpReplay, "snapshot": helpSnapshot, "cut": helpCut, "bench": helpBench, "help": helpAll}[args[0]]
		if !ok {
			return t.fail(exitUsage, fmt.Errorf("help: no command %q: there are replay, bench, snapshot, cut and help", args[0]))
		}
	}
	fmt.Fprint(t.stdout, text)
	return exitOK
}
