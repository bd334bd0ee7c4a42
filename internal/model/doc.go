// Package model attacks the allocator with programs and knows what must come of them.
//
// A Program is a list of printable operations over everything that the public API of package slab has: an Allocator
// with its tags, a Local and batches, and two Lookasides, all on one arena with a limit. Decode makes one from any
// bytes, so a fuzzer that changes bytes changes programs; Encode is the way back.
//
// Run executes a program on the real thing and, step by step, on a reference allocator that is nothing but maps. The
// reference predicts: which block lies where (no two overlap, each is aligned and as large as its class says), what is
// in it (every block is filled with a pattern of its own, over its whole capacity, and verified when it is freed,
// moved or left behind), the counters of every class, tag and list, whether the arena may refuse at all, which kind of
// *slab.MisuseError answers each mistake, what Close reports as leaked, and that nothing stays mapped in the end.
// Between operations the allocator recounts itself (Audit).
//
// A program that fails is shrunk: operations are dropped and numbers made smaller as long as it still fails. What is
// left is printed as Go code, one row for the table in the tests of this package.
//
// RunTogether deals the operations of one program to several goroutines, which hand blocks to each other. There the
// reference cannot say what happens when, so it keeps to what holds in every order: no block is lost, torn or handed
// out twice, mistakes with one's own blocks are found, and in the end every count is what the operations add up to.
//
// Canaries are systems broken on purpose, one mistake each. The tests require that programs find every one of them:
// a model that finds nothing proves nothing.
package model
