// Package memory has memory objects: counted handles on one contiguous buffer
// each. A buffer is a pointer and a length, and nobody knows how long it is
// good for; a memory object is good until its last reference is gone, whoever
// deletes it meanwhile. It is the WDFMEMORY of the Windows Driver Framework.
//
// # Where the bytes come from
//
//	made by        bytes from                    contents   given back to             Assign
//	New            an allocator, any size        zero       the allocator             ErrNotWrapped
//	FromLookaside  a lookaside, the list's size  undefined  the list                  ErrNotWrapped
//	Wrap           the caller                    as is      nobody: they stay his     yes
//	Owned          an Owner: an arena, a mapping as is      that Owner                ErrNotWrapped
//
// New aligns to 16 bytes, and to a page from a page on. All are given back when
// the last reference is gone, not at Delete.
//
// # What is checked before a copy
//
// CopyIn and CopyOut check in this order, and write nothing unless all of it
// holds:
//
//	1  the object exists                        object.ErrDeleted; the zero handle: ErrInvalid
//	2  there is something to copy               ErrInvalid
//	3  CopyIn only: the object can be written   ErrReadOnly
//	4  the range lies in the object             *BoundsError: CopyIn ErrInvalidBufferSize, CopyOut ErrBufferTooSmall
//
// Offsets and lengths are compared by subtraction, so nothing overflows; a
// negative offset is out of bounds. Both hold a reference while they copy: the
// bytes of a stale handle are never touched, whatever happens meanwhile.
// Bytes gives the buffer away for as long as the caller knows that somebody
// holds a reference, and nobody checks that.
//
// Handles, references, parents, contexts and callbacks are package object's.
//
// # What the collector sees
//
// Nothing: handles are no pointers, the records behind them are in memory that
// is not looked into, and the bytes are mapped. What a program adds is seen:
// contexts, callbacks, and bytes that Wrap was given.
// BenchmarkCollectMillion compares a million live objects with a million
// pointers and with a million buffers on the Go heap; docs/memory-model.md has
// the figures.
//
// # What does not map to Go
//
// The contract's tables have failures that cannot happen here, and no test:
//
//	no place for the result (code 4)       functions return what they make
//	a wrong IRQL, paged pool               user space has neither
//	INSUFFICIENT_RESOURCES of Wrap         it needs records of the Go heap only, which panics where it ends
//	object obtained, then no buffer        the block comes first; the record cannot fail
//	placement in one or two allocations    records and bytes are always apart
//	parent is the object itself            there is no handle to give before the object is made
//	size arithmetic that overflows         lengths are ints; New refuses what is beyond the arena with slab.ErrNoMemory
package memory
