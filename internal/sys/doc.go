// Package sys is the one floor that talks to the kernel about memory: it reserves, commits, advises, names and
// unmaps address space, and makes sealed memory files. It is the only importer of golang.org/x/sys/unix.
//
// Memory is a pointer and a length, never a slice: a reservation is not readable, and a slice of it would be a lie.
// Every pointer given in must lie on a page boundary, and every length must be a multiple of the page; the kernel
// checks both.
//
// Every call that could be refused asks the fault hook first (see SetFault), under the name that the table gives.
// The hook is how the floors above prove that a refusal at any point leaves nothing behind.
//
//	function     operation  kernel call
//	Reserve      reserve    mmap, private, no access
//	Map          map        mmap, private, read and write
//	ReserveFile  mapfile    mmap of a file, shared, no access
//	MapFile      mapfile    mmap of a file, shared, read and write
//	Commit       commit     mprotect, read and write
//	Forbid       forbid     mprotect, no access
//	Advise       advise …   madvise; the operation ends with the advice, as in "advise dontneed"
//	Memfd        memfd      memfd_create
//	Truncate     truncate   ftruncate
//	Seal         seal       fcntl F_ADD_SEALS
//	PunchHole    punch      fallocate
//	Resident     mincore    mincore
//	Bind         bind       mbind
//	MapAt        mapat      mmap of a file over part of a reservation
//	Vacate       vacate     mmap over part of a reservation, no access
//	Protect      protect    mprotect
//	Lock         mlock      mlock
//	Unlock       munlock    munlock
//	Frames       pagemap    reading /proc/self/pagemap
//	LocalNode    getcpu     getcpu
//	Reopen       reopen     fcntl F_DUPFD_CLOEXEC, or fchmod and open
//	FileOf       fstat      fstat, fstatfs, fcntl
//	SendNow      sendmsg    sendmsg, without waiting
//	ReceiveNow   recvmsg    recvfrom, without waiting
//	Writev       writev     writev; SetCut makes it short
//	Readv        readv      readv; SetCut makes it short
//
// Unmap, Close and Name ask nobody: the first two give back what was got, the third is a courtesy whose failure
// changes nothing.
//
// Elsewhere than on Linux Supported is false and every call answers ErrUnsupported; package arena then takes its
// pages from the Go heap.
package sys
