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
package memory
