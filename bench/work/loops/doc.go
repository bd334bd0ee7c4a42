// Package loops has the algorithms of the workloads in Go, once for every
// allocator that comes with the module: lookaside, the Go heap (make), and
// sync.Pool.
//
// # Calls that cost what they cost
//
// An allocator behind an interface, or behind a type parameter, is called
// through a table and never inlined. At five nanoseconds for a pair that would
// distort what is measured, and differently for each. So the algorithms are
// written once, for lookaside, in the files lookaside_*.go, where they call the
// methods of *slab.Allocator as any program does; the program in gen writes the
// same for the others, and for the module in bench/rivals, by exchanging the
// prefix of the names. A heap is a type with these methods:
//
//	Alloc, AllocZeroed, AllocAligned, Realloc, Free   what workloads call; those of slab.Allocator
//	allocBatch, freeBatch    many at once; a loop where the allocator has no such thing
//	localPairs, typedPairs   the allocator's own ways for one goroutine and for one type
//	calls                    what has those methods: lookaside's allocator itself, since a program
//	                         holds that and not a record that holds it; elsewhere the heap
//	bytes                    the block's bytes, since not everybody's block is a []byte
//	table, freeTable         room for references to blocks, where its users would keep them
//	trim, close              give back what is not in use; leave no block behind
//
// Algorithms do not look at the error of an allocation: a block that is not there
// has no bytes, and the first write to it panics.
//
// A call in Go is then one direct call into the allocator. The same call in C
// goes through the PLT, a direct call and an indirect jump: that is how programs
// call malloc. Two contenders have one call more: make, which must not be inlined
// because the compiler would put blocks on the stack, and sync.Pool, which has
// to find the size's class first; its localPairs have a pool of their own and no
// such call.
//
// # Bounds
//
// Algorithms index slices as any Go program does, and pay for the checks; C does
// not. Tables of blocks hold slice headers of three words in Go and pointers of
// one word in C. Neither is made up for.
package loops
