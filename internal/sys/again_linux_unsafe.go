//go:build linux

// What the compiler cannot check here: that a fixed mapping replaces only pages of a range that Reserve took and that
// belongs to the caller; and that the kernel writes only into the local buffers given to it.
//
// Why it holds: the callers get a range from Reserve, keep its base and size together, and put every fixed mapping
// inside. Pointers become integers only inside the argument list
// of a system call.
//
// What would break it: a range that reaches beyond what Reserve took: the kernel would replace somebody else's memory,
// the Go heap's included.

package sys

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

var protCodes = [lastProt]int{unix.PROT_NONE, unix.PROT_READ, rw}

// MapAt maps n bytes of a memory file from offset off over pages at p, which are part of what Reserve took, shared
// with every other mapping of the file.
func MapAt(p unsafe.Pointer, n uintptr, fd int, off int64, prot Prot) error {
	if prot >= lastProt {
		return fmt.Errorf("mmap for %v: %w", prot, ErrUnsupported)
	}
	err := Fault("mapat")
	if err == nil {
		_, err = unix.MmapPtr(fd, off, p, n, protCodes[prot], shared|unix.MAP_FIXED)
	}
	if err != nil {
		return fmt.Errorf("mmap of %d bytes at offset %d again: %w", n, off, err)
	}
	return nil
}

// Vacate drops whatever MapAt put over n bytes at p: they are reserved again, and nobody may touch them.
func Vacate(p unsafe.Pointer, n uintptr) error {
	err := Fault("vacate")
	if err == nil {
		_, err = unix.MmapPtr(-1, 0, p, n, unix.PROT_NONE, private|unix.MAP_FIXED)
	}
	if err != nil {
		return fmt.Errorf("mmap over %d bytes: %w", n, err)
	}
	return nil
}

// Protect says what may be done with n bytes at p, which all are mapped.
func Protect(p unsafe.Pointer, n uintptr, prot Prot) error {
	if prot >= lastProt {
		return fmt.Errorf("mprotect to %v: %w", prot, ErrUnsupported)
	}
	return protect("protect", p, n, protCodes[prot])
}

// Lock makes the pages of n bytes at an address resident and keeps them so until Unlock. Calls do not add up: one Unlock
// ends them all. The address is a number because it may lie in the Go heap, where a page has no pointer of its own.
func Lock(addr, n uintptr) error { return lock("mlock", unix.SYS_MLOCK, addr, n) }

// Unlock ends what Lock began.
func Unlock(addr, n uintptr) error { return lock("munlock", unix.SYS_MUNLOCK, addr, n) }

func lock(op string, call, addr, n uintptr) error {
	err := Fault(op)
	if err == nil {
		if _, _, errno := unix.Syscall(call, addr, n, 0); errno != 0 {
			err = errno
		}
	}
	if err != nil {
		return fmt.Errorf("%s of %d bytes: %w", op, n, err)
	}
	return nil
}

// LocalNode is the number of the NUMA node of the processor that the caller runs on now.
func LocalNode() (int, error) {
	var cpu, node uint32
	if err := Fault("getcpu"); err != nil {
		return 0, fmt.Errorf("getcpu: %w", err)
	}
	_, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), uintptr(unsafe.Pointer(&node)), 0)
	if errno != 0 {
		return 0, fmt.Errorf("getcpu: %w", errno)
	}
	return int(node), nil
}
