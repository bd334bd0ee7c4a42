// Package loops has the algorithms of the workloads in Go, once for every
// allocator that comes with the module: lookaside, the Go heap (make), and
// sync.Pool.
//
// # Calls that cost what they cost
//
// An allocator behind an interface, or behind a type parameter, is called
// through a table and never inlined. At five nanoseconds for a pair that would
// distort what is measured, and differently for each. So the algorithms are
// written once, for lookaside, in the files lookaside_*.go, with calls to
// *slab.Allocator's own methods through wrappers that the compiler inlines; the
// program in gen writes the same for the others, and for the module in
// bench/rivals, by exchanging the prefix of the names. A heap is a type with
// these methods:
//
//	alloc, zeroed, aligned, realloc, free   what workloads call
//	allocBatch, freeBatch                   many at once; a loop where the allocator has no such thing
//	localPairs, typedPairs                  the allocator's own ways for one goroutine and for one type
//	bytes                                   the block's bytes, since not everybody's block is a []byte
//	table, freeTable                        room for references to blocks, where its users would keep them
//	trim, settle, close                     give back what is not in use; leave no block behind
//
// A call in Go is then one direct call into the allocator. The same call in C
// goes through the PLT, which is a direct call and an indirect jump: that is how
// programs call malloc. The Go heap's alloc is not inlined, because the compiler
// would put small blocks on the stack otherwise; that is one more call.
//
// # Bounds
//
// Algorithms index slices as any Go program does, and pay for the checks; C does
// not. Tables of blocks hold slice headers of three words in Go and pointers of
// one word in C. Neither is made up for.
package loops
