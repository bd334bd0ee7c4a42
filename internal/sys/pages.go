//go:build linux

package sys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	framePresent = 1 << 63   // an entry of pagemap: the page is in memory
	frameNumber  = 1<<55 - 1 // and which one it is, zero for those who may not know
	frameBatch   = 512       // entries read at a time
	frameBytes   = 8         // of an entry
)

// Frames fills dst with the numbers of the physical pages behind the virtual ones from the address on, 0 where a page is
// not in memory. ErrNotPermitted where the kernel hides the numbers, which it does from processes without
// CAP_SYS_ADMIN.
func Frames(addr uintptr, dst []uint64) error {
	err := Fault("pagemap")
	if err != nil {
		return fmt.Errorf("pagemap: %w", err)
	}
	f, err := os.Open("/proc/self/pagemap")
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %w", ErrNotPermitted, err)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	var buf [frameBatch * frameBytes]byte
	off := int64(uint64(addr) / uint64(PageSize()) * frameBytes)
	for len(dst) > 0 {
		part := buf[:min(len(dst), frameBatch)*frameBytes]
		if _, err := f.ReadAt(part, off); err != nil {
			return fmt.Errorf("pagemap: %w", err)
		}
		if err := parseFrames(part, dst); err != nil {
			return err
		}
		dst, off = dst[len(part)/frameBytes:], off+int64(len(part))
	}
	return nil
}

// parseFrames decodes entries of pagemap.
func parseFrames(entries []byte, dst []uint64) error {
	for i := 0; len(entries) > 0; i, entries = i+1, entries[frameBytes:] {
		v := binary.NativeEndian.Uint64(entries)
		dst[i] = 0
		if v&framePresent == 0 {
			continue
		}
		if dst[i] = v & frameNumber; dst[i] == 0 {
			return fmt.Errorf("the kernel hides the numbers of frames: %w", ErrNotPermitted)
		}
	}
	return nil
}

// LockLimit is how many bytes this process may lock, and how many it has locked, as the kernel counts; false where
// there is no limit, or nobody knows it.
func LockLimit() (limit, locked int64, ok bool) {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &r) != nil || uint64(r.Cur) > math.MaxInt64 {
		return 0, 0, false
	}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return int64(r.Cur), 0, true
	}
	return int64(r.Cur), parseLocked(string(text)), true
}

// LockLimited tells whether an error of Lock is the kernel's way to say that the limit does not allow it. It says the
// same for pages that are not mapped and for too many mappings.
func LockLimited(err error) bool {
	return errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EAGAIN)
}

// parseLocked finds the bytes locked in the text of /proc/self/status, 0 where it does not say.
func parseLocked(status string) int64 {
	_, rest, found := strings.Cut(status, "\nVmLck:")
	if !found {
		return 0
	}
	fields := strings.Fields(rest)
	if len(fields) < 2 || fields[1] != "kB" {
		return 0
	}
	kb, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0
	}
	return kb << 10
}
