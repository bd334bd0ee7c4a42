// Package work holds the workloads of the benchmarks as data, and what every
// program that runs them has in common, whichever language it is written in.
//
// A Spec is one workload: a name, the kind of its algorithm and the numbers that
// the algorithm takes. Suite lists them all. Package bench/work/loops has the
// algorithms in Go, the sources in bench/native have the same in C, and the
// module in bench/rivals runs the Go ones over other people's allocators.
//
// # One shot
//
// A shot is one run of one workload over one allocator in a process of its own.
// The process gets the Spec as one line (Spec.Line, ParseSpec) and prints an
// Outcome (Outcome.WriteTo, ReadOutcome). Programs in any language can take
// part: the line is words of the form key=number behind the kind, the outcome is
// lines of the same form.
//
// # The same work on both sides
//
// What a workload does is fixed by its Spec: sizes, order and seeds. Rand is the
// generator, eight lines in either language; an Outcome says how many blocks and
// bytes were asked for, and tests compare these sums between C and Go. What is
// timed begins when all threads stand ready and ends when the last has done its
// share; time is divided by the operations of all threads together.
//
// # Memory
//
// Resident is what the process occupies in anonymous and shared memory, as
// /proc/self/smaps_rollup counts it: exact, and without the text of programs and
// libraries. What was there before the first block (Outcome.Base) is subtracted
// by the reader.
package work
