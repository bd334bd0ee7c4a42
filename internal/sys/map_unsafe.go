//go:build linux

// What the compiler cannot check here: that a pointer and a length name pages that this process mapped and that
// nobody uses any more when they are unmapped, dropped or made inaccessible; and that the kernel writes only as much
// as the buffers given to it can hold.
//
// Why it holds: the callers are the backings of package arena, which keep the base and the size of each mapping and
// give away parts of it only through their page map. The buffers are local and their lengths are computed from the
// range asked about. Pointers become integers only inside the argument list of a system call.
//
// What would break it: a range that reaches beyond one mapping, or memory of the Go heap: dropping or unmapping pages
// of the heap corrupts the program.

package sys

import (
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Supported tells whether this platform maps memory.
const Supported = true

const (
	private = unix.MAP_PRIVATE | unix.MAP_ANON | unix.MAP_NORESERVE
	shared  = unix.MAP_SHARED | unix.MAP_NORESERVE
	rw      = unix.PROT_READ | unix.PROT_WRITE
)

func mmap(op string, fd int, off int64, n uintptr, prot, flags int) (unsafe.Pointer, error) {
	if n > math.MaxInt {
		return nil, fmt.Errorf("mmap of %d bytes: more than an int holds: %w", n, unix.ENOMEM)
	}
	if err := Fault(op); err != nil {
		return nil, fmt.Errorf("mmap of %d bytes: %w", n, err)
	}
	p, err := unix.MmapPtr(fd, off, nil, n, prot, flags)
	if err != nil {
		return nil, fmt.Errorf("mmap of %d bytes: %w", n, err)
	}
	held.Add(int64(n)) // Publishes: nothing but the sum. Pairs with: Held.
	return p, nil
}

// Reserve takes n bytes of address space that nobody may touch and that cost nothing until Commit.
func Reserve(n uintptr) (unsafe.Pointer, error) {
	return mmap("reserve", -1, 0, n, unix.PROT_NONE, private)
}

// Map takes n bytes of zeroed memory, made resident page by page as they are touched.
func Map(n uintptr) (unsafe.Pointer, error) { return mmap("map", -1, 0, n, rw, private) }

// ReserveFile takes address space for n bytes of a memory file from offset off; nobody may touch it before Commit.
func ReserveFile(fd int, off int64, n uintptr) (unsafe.Pointer, error) {
	return mmap("mapfile", fd, off, n, unix.PROT_NONE, shared)
}

// MapFile maps n bytes of a memory file from offset off for reading and writing, shared with every other mapping.
func MapFile(fd int, off int64, n uintptr) (unsafe.Pointer, error) {
	return mmap("mapfile", fd, off, n, rw, shared)
}

// Unmap gives back the n bytes at p.
func Unmap(p unsafe.Pointer, n uintptr) error {
	if err := unix.MunmapPtr(p, n); err != nil {
		return fmt.Errorf("munmap of %d bytes: %w", n, err)
	}
	held.Add(-int64(n)) // Publishes: nothing but the sum. Pairs with: Held.
	return nil
}

func protect(op string, p unsafe.Pointer, n uintptr, prot int) error {
	err := Fault(op)
	if err == nil {
		err = unix.Mprotect(unsafe.Slice((*byte)(p), n), prot)
	}
	if err != nil {
		return fmt.Errorf("mprotect of %d bytes: %w", n, err)
	}
	return nil
}

// Commit makes n bytes at p readable and writable.
func Commit(p unsafe.Pointer, n uintptr) error { return protect("commit", p, n, rw) }

// Forbid makes n bytes at p inaccessible; their contents stay.
func Forbid(p unsafe.Pointer, n uintptr) error { return protect("forbid", p, n, unix.PROT_NONE) }

var adviceCodes = [lastAdvice]int{
	unix.MADV_DONTNEED, unix.MADV_HUGEPAGE, unix.MADV_NOHUGEPAGE, unix.MADV_COLLAPSE,
	unix.MADV_GUARD_INSTALL, unix.MADV_GUARD_REMOVE, unix.MADV_POPULATE_WRITE,
}

// Advise tells the kernel a about the n bytes at p.
func Advise(p unsafe.Pointer, n uintptr, a Advice) error {
	if a >= lastAdvice {
		return fmt.Errorf("madvise %v: %w", a, ErrUnsupported)
	}
	err := Fault("advise " + adviceNames[a])
	if err == nil {
		err = unix.Madvise(unsafe.Slice((*byte)(p), n), adviceCodes[a])
	}
	if err != nil {
		return fmt.Errorf("madvise %v of %d bytes: %w", a, n, err)
	}
	return nil
}

// Name makes smaps show the anonymous mapping of n bytes at p under the given name. Kernels that lack the call, and
// characters that they refuse, are passed over in silence.
func Name(p unsafe.Pointer, n uintptr, name string) {
	text := append([]byte(cleanName(name, maxName)), 0)
	_, _, _ = unix.Syscall6(unix.SYS_PRCTL, unix.PR_SET_VMA, unix.PR_SET_VMA_ANON_NAME,
		uintptr(p), n, uintptr(unsafe.Pointer(&text[0])), 0)
}

// Resident counts the bytes among the n at p that are in memory now. For a memory file that is what the file holds,
// whoever touched it.
func Resident(p unsafe.Pointer, n uintptr) (int64, error) {
	if err := Fault("mincore"); err != nil {
		return 0, fmt.Errorf("mincore of %d bytes: %w", n, err)
	}
	page := uintptr(PageSize())
	var vec [8192]byte
	var pages int64
	for off := uintptr(0); off < n; off += uintptr(len(vec)) * page {
		part := min(n-off, uintptr(len(vec))*page)
		_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Add(p, off)), part, uintptr(unsafe.Pointer(&vec[0])))
		if errno != 0 {
			return 0, fmt.Errorf("mincore of %d bytes: %w", part, errno)
		}
		for _, v := range vec[:(part+page-1)/page] {
			pages += int64(v & 1)
		}
	}
	return pages * int64(page), nil
}

// Bind makes the n bytes at p come from NUMA node number node and from no other.
func Bind(p unsafe.Pointer, n uintptr, node int) error {
	if err := Fault("bind"); err != nil {
		return fmt.Errorf("mbind to node %d: %w", node, err)
	}
	var mask [1024 / 64]uint64
	if node < 0 || node >= 1024 {
		return fmt.Errorf("mbind to node %d: %w", node, unix.EINVAL)
	}
	// The mask is an array of unsigned long: of 64 bits, or of 32 in little-endian order, which is the same bytes.
	mask[node/64] = 1 << (node % 64)
	_, _, errno := unix.Syscall6(unix.SYS_MBIND, uintptr(p), n, unix.MPOL_BIND,
		uintptr(unsafe.Pointer(&mask[0])), 1024+1, 0)
	if errno != 0 {
		return fmt.Errorf("mbind to node %d: %w", node, errno)
	}
	return nil
}
