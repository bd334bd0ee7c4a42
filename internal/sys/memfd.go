//go:build linux

package sys

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Memfd makes a memory file: a file without a directory entry whose pages can be mapped several times, and which
// takes seals. /proc shows it as memfd:NAME. It is closed on exec and cannot be executed.
func Memfd(name string) (fd int, err error) {
	if err := Fault("memfd"); err != nil {
		return -1, fmt.Errorf("memfd_create: %w", err)
	}
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	name = cleanName(name, 200)
	fd, err = unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // kernels before 6.3 do not know the last flag
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return -1, fmt.Errorf("memfd_create: %w", err)
	}
	return fd, nil
}

// Truncate gives a memory file its size in bytes; what was not written reads zero and occupies nothing.
func Truncate(fd int, size int64) error {
	err := Fault("truncate")
	if err == nil {
		err = unix.Ftruncate(fd, size)
	}
	if err != nil {
		return fmt.Errorf("ftruncate to %d bytes: %w", size, err)
	}
	return nil
}

var sealCodes = []struct {
	seal Seals
	code int
}{
	{SealShrink, unix.F_SEAL_SHRINK},
	{SealGrow, unix.F_SEAL_GROW},
	{SealFutureWrite, unix.F_SEAL_FUTURE_WRITE},
	{SealSeals, unix.F_SEAL_SEAL},
}

// Seal adds seals to a memory file; all of them or, with an error, none.
func Seal(fd int, s Seals) error {
	err := Fault("seal")
	code := 0
	for _, c := range sealCodes {
		if s&c.seal != 0 {
			code |= c.code
		}
	}
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, code)
	}
	if err != nil {
		return fmt.Errorf("sealing: %w", err)
	}
	return nil
}

// SealsOf tells which seals a memory file bears.
func SealsOf(fd int) (s Seals, err error) {
	code, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil {
		return 0, fmt.Errorf("reading seals: %w", err)
	}
	for _, c := range sealCodes {
		if code&c.code != 0 {
			s |= c.seal
		}
	}
	return s, nil
}

// PunchHole drops n bytes of a memory file from offset off: every mapping reads zero there from now on.
func PunchHole(fd int, off, n int64) error {
	err := Fault("punch")
	if err == nil {
		err = unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	}
	if err != nil {
		return fmt.Errorf("punching a hole of %d bytes at %d: %w", n, off, err)
	}
	return nil
}

// Close closes a file descriptor that Memfd opened.
func Close(fd int) error { return unix.Close(fd) }
