//go:build linux

// What the compiler cannot check here: that a fixed mapping replaces only pages of a range that Reserve took and that
// belongs to the caller; and that the kernel writes only into the local buffers given to it.
//
// Why it holds: the callers get a range from Reserve, keep its base and size together, and put every fixed mapping
// inside. Lock and Unlock change no contents and no addresses. Pointers become integers only inside the argument list
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

// Lock makes n bytes at p resident and keeps them so until Unlock. Calls do not add up: one Unlock ends them all.
func Lock(p unsafe.Pointer, n uintptr) error {
	err := Fault("mlock")
	if err == nil {
		err = unix.Mlock(unsafe.Slice((*byte)(p), n))
	}
	if err != nil {
		return fmt.Errorf("mlock of %d bytes: %w", n, err)
	}
	return nil
}

// Unlock ends what Lock began.
func Unlock(p unsafe.Pointer, n uintptr) error {
	err := Fault("munlock")
	if err == nil {
		err = unix.Munlock(unsafe.Slice((*byte)(p), n))
	}
	if err != nil {
		return fmt.Errorf("munlock of %d bytes: %w", n, err)
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

// Frames fills dst with the numbers of the physical pages behind the virtual ones from p on, 0 where a page is not in
// memory. ErrNotPermitted where the kernel hides the numbers, which it does from processes without CAP_SYS_ADMIN.
func Frames(p unsafe.Pointer, dst []uint64) error {
	return frames(uint64(uintptr(p)), dst)
}
