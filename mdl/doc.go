// Package mdl has scatter lists: bytes in any number of contiguous parts,
// described and not copied, which a system call takes as one. It is what the
// memory descriptor lists of Windows, chained, and the NET_BUFFERs of NDIS
// are there.
//
// # Nouns
//
//	list      the bytes of its segments, one after another
//	segment   contiguous bytes: part of a memory object, on which the list holds a reference, or a borrowed buffer
//	window    the bytes of a segment that the list may use
//	headroom  the bytes of the first window that Advance has passed
//
//	     list:  ┌ segment 1 ┐      ┌ segment 2 ┐      ┌ segment 3 ┐
//	    ·······▒████████████      ████████████       ████████████
//	    └ headroom                 Len = all █, Segments = 3
//
// # Rules
//
// Segments are never empty: an empty range adds none, and what Advance uses up
// goes. A position is in normal form: a segment and an offset within it, or
// the end.
//
// Every Append takes one reference on its object, also when the object is in
// the list already. Release drops them all, Advance those of the segments that
// it passes. While a list holds a reference the object's bytes stay where they
// are, whoever deletes it.
//
// CopyIn and CopyOut check what package memory checks, in the same order, and
// return its errors: all bytes are copied, or none.
//
//	operation                                  on a released list
//	Append, Advance, CopyIn, CopyOut, WriteTo  an error that wraps object.ErrDeleted
//	Len, Segments, All, Borrowed, Iovecs,      a panic with *MisuseError
//	Buffers, Release
//
// # What a list costs
//
// Up to 16 segments a list needs no allocation: its body is used again as soon
// as it is released, and larger bodies keep their room. The *List that the
// caller has is a small record of its own, which is not used again before
// 4096 other lists have been released, so that its late use is found and does
// not hit another list.
//
// Lists are for one goroutine at a time. Lock order: none is held.
package mdl
