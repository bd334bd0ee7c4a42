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
// # Pages and the kernel
//
// AllocatePages takes runs of pages from an arena, adjacent or not, which go
// back with their last reference. Lock and Map ask the kernel for something that
// a list has until it says otherwise:
//
//	call     not locked       locked
//	Lock     locks            *MisuseError
//	Unlock   *MisuseError     unlocks
//	Advance  -                unlocks the whole pages that it passes
//	Release  -                panics with *MisuseError, and changes nothing
//
//	call     not mapped       mapped           mapped, and changed since
//	Map      maps             the same slice   ErrMapped; what Advance, Retreat or Split left is found
//	Unmap    *MisuseError     unmaps           unmaps
//	Protect  ErrNotMapped     protects         protects what was mapped
//	Release  -                unmaps           unmaps
//
// Both hold references of their own, so that what is locked or mapped stays what
// it was whatever becomes of the list. Locks are counted by page in one table
// for the process. Mappings go to reserved addresses, which are kept
// inaccessible between two uses; Mappings and LockedBytes count what there is.
// Only memory of a Shared arena can be mapped, because its pages have a file;
// the same file, by Sender and Receiver, gives them to another process.
//
// # What has no like here
//
// Of the calls of Windows for pages, these rules have nothing to hold on to on
// Linux, or in this package:
//
//	AllocatePages
//	  low, high and skip addresses   physical addresses are not to be chosen, and known to the privileged only
//	  the cache type                 memory is always cached
//	  the pages come locked          they come as an arena's; Lock locks
//	  at most 4 GiB less a page      a count of bytes is an int
//	  NO_WAIT                        nothing waits
//	  FAST_LARGE_PAGES, HOT_REMOVE   arena.Config.Huge says for all pages; pages are not removed
//	  REQUIRE_CONTIGUOUS_CHUNKS      with everything as one piece, and addresses for physical pages
//	  freeing the MDL by itself      Release ends all
//	Lock
//	  access mode and operation      there is no previous mode, and mlock probes for reading and writing alike
//	  not for non-paged memory       all memory can be paged: borrowed bytes can be locked
//	  not for partial or mapped ones locks count, so a part may be locked too, and mappings hold their own pages
//	  frame numbers are filled in    Frames asks for them, because few may know them
//	  process exit with locks        the kernel unlocks
//	Unlock
//	  takes the mapping away         it holds its pages without a lock
//	Map
//	  locked pages only              pages that are mapped cannot become another's, locked or not
//	  address of non-paged memory    its bytes are at hand; Map of borrowed bytes is an error
//	  a part shares the mapping      a part maps by itself; its slice is a part of the list's as long as that is mapped
//	  priority, or a crash           there is an error
//	  user mode, a given address     there is one address space, and nobody needs to choose in it
//	  MDL_MAPPING_CAN_FAIL and kin   it always may
//	Protect
//	  the EXECUTE family             memory files of arenas cannot be executed
//	MmPrepareMdlForReuse
//	                                 no list's storage is used for another; Release and make a new one
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
