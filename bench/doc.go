// Package bench has the Go benchmarks: the same small workloads for lookaside's allocator, a Local of it, make with
// the garbage collector behind it, and sync.Pool.
//
//	go test ./bench -run '^$' -bench . -count 10 | tee new.txt
//
// A name says everything about what was measured, as key=value: impl=lookaside/work=pair/size=256/p=1.
//
//	work=pair        one block is got and freed at once
//	work=batch32     32 blocks at a time, by AllocBatch and FreeBatch where there are such
//	work=inorder     1000 blocks are got, then freed in the order in which they came
//	work=reversed    the same, the last one first
//	work=shuffled    the same, in an order that is random and always the same
//	work=mixed       1000 blocks of 16 to 1024 bytes are out; one at random makes place for another
//	work=xfree       half of the goroutines get blocks, the other half free them
//
// Every block has its first byte written. ns/block is the time of one block's whole life, whatever an iteration does;
// p is the number of goroutines. Its folders have the larger instruments: bench/trace and bench/replay for what real
// programs did.
package bench
