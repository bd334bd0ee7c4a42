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
// goes. A position is in normal form: a segment and an offset within it, which
// the segment has, or the end.
//
// Every segment has one reference on its object, also when another has the same
// object. While it has, the object's bytes stay where they are, whoever deletes
// it. What a segment's window has in front of the list's bytes is headroom; only
// the first segment has any. Payload is copied by the calls that say so and by
// no other.
//
//	call                 segments of the list                       references                      headroom
//	Append, AppendOwned  one more                                   one taken                       -
//	AppendRun,           one more                                   the object's only one           -
//	AppendTyped
//	AppendBuffer         one more, borrowed                         none                            -
//	Advance              those it passes go                         theirs dropped                  what it passes of the first
//	Retreat              one or more in front, if headroom lacks    theirs the objects' only ones   used first; what a block has left
//	Partial, Clone,      -; the new list has those it touches       one taken for each of those     the new list's: none
//	Fragments
//	Split                those from off on move to the new list     move; one taken where cut       stays with the first byte
//	Join                 -; the new list has all, those that meet   one taken for each of those     the new list's: none
//	                     in memory as one
//	Take                 tail's move to the end, as with Join       move; dropped where two meet    tail's is lost
//	View, Copy, …        -                                          -                               -
//	WriteTo, ReadFrom    -                                          one more each during the call   -
//	Release              all go                                     all dropped                     -
//
// Each call that can fail leaves everything as it was when it does: lists,
// bytes, references and blocks. What is wrong with an offset or a length is a
// *memory.BoundsError with the numbers, whose sums cannot overflow; CopyIn,
// CopyOut and Fill check what package memory checks, in the same order, and
// write all bytes or none. Where bytes come from memory that they go to, what is
// written is what was there before; where a list has a byte twice, the later
// place wins.
//
//	state     calls with an error to return       others                   Release
//	in use    work                                work                     ends it
//	released  wrap object.ErrDeleted              panic with *MisuseError  panics with *MisuseError
//
// A released list is told from others until 4096 more have been released.
//
// # Readers and writers
//
//	written to, read from                what happens
//	TCP, Unix streams                    writev, readv, by 1024 parts, until all is done
//	UDP, IP, Unix message sockets        one message, by one writev or recvmsg; at most 1024 parts
//	*os.File, other types with a         writev, readv; a message where the kernel says that it is a socket of messages
//	SyscallConn
//	types that embed one of those        Write or Read for each part: theirs may do more
//	all others                           Write or Read for each part
//
// readv is used on Linux only. The first two kinds allocate nothing; a SyscallConn
// of others allocates what it does. ReaderAt, WriterAt and Reader are for code
// that knows package io.
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
// # Where the rules of Windows are
//
//	rule                                               here                     test
//	span formula, ByteCount, ByteOffset                PageCount, ByteOffset    TestSpanTable
//	page frames of an MDL                              Pages, Frames            TestPages, FuzzPrograms
//	IoAllocateMdl, and its secondary buffers           Describe, AppendBuffer   TestDescribe, TestAppendBuffer
//	IoFreeMdl                                          Release                  TestUseAfterRelease
//	IoBuildPartialMdl: inside, length 0, a part's part Partial                  TestPartial, TestPartialOfPartial
//	its range outside the source                       an error with numbers    TestPartial
//	transfers in stages                                Partial, again           TestSplitTransfer
//	MmAdvanceMdl: the end stays, past it an error      Advance                  TestAdvance…, TestRetreat
//	RetreatDataStart: headroom, backfill               Retreat                  TestRetreat, TestRetreatFromALookaside
//	its failure changes nothing                        the same                 TestRetreatFails, TestRetreatWhereTheKernelRefuses
//	AdvanceDataStart with freeMdl                      always so                TestRetreatWithoutASource
//	GetDataBuffer: in place, aligned, storage, NULL    View, ViewAligned        TestView, TestViewAligned
//	CopyFromNetBufferToNetBuffer: the shorter of both  Copy                     TestCopyBetweenLists
//	Clone from the current start                       Clone                    TestClone
//	Fragment: at most, the last one shorter            Fragments                TestFragments
//	Reassemble                                         Join                     TestJoin
//	normal form, empty parts skipped, the end          everywhere               TestPositionsAreNormal
//	paired iteration, compare                          Copy, Compare, Equal     TestCopyBetweenLists, TestCompare
//	the caller's position moves                        Reader                   TestReaderMoves
//	chain summary                                      Summary                  TestSummary
//
// Everything together runs as random programs against flat bytes and counted
// references (FuzzPrograms).
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
// And of those for chains and packets:
//
//	MmSizeOfMdl, MmInitializeMdl, storage   lists are made where they are to be, and there is no array of frames: the table
//	                                        of sizes is a test of the span formula
//	an MDL's Process, MappedSystemVa        one process; bytes are where they are
//	MDL flags                               Borrowed, IsLocked, IsMapped and Summary ask for what can be known
//	the IRP that an MDL becomes part of     ioreq's requests hold lists
//	IoFreeMdl frees one MDL of a chain      a list is the chain: Release ends all of it, Advance and Split a part
//	MmBuildMdlForNonPagedPool's conditions  there is nothing to build: every list can be used at once
//	lengths below 2 or 4 GiB                an int
//	CurrentMdl and CurrentMdlOffset         always the first segment, and found by adding up
//	DataOffset over more than one MDL       headroom is of the first segment; bytes of segments that Advance has dropped
//	                                        are undefined when Retreat brings others in their place
//	Δ beyond the data is a bug              it is an error
//	Clone: a parent that outlives clones,   clones keep what they need by references, and nobody counts them
//	and counts them
//	Clone with new MDLs, and with contexts  segments are small and always new; contexts are the objects'
//	Fragment of many NET_BUFFERs            a list is one NET_BUFFER; a slice of lists is cut list by list
//	Fragment's ΔdataOffset                  Retreat on each fragment
//
// # What a list costs
//
// Up to 16 segments a list needs no allocation, and no operation on it does: its
// body is used again as soon as it is released, and larger bodies keep their
// room up to 1024 segments. The *List that the caller has is a small record of
// its own, which is not used again before 4096 other lists have been released,
// so that its late use is found and does not hit another list.
//
// A segment that is cloned and released costs two locked instructions.
// docs/benchmarks.md, section Lists, has what was measured and how.
//
// Lists are for one goroutine at a time. Lock order: none is held.
package mdl
