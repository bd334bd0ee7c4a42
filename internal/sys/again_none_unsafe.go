//go:build !linux

// What the compiler cannot check here: nothing. The file imports unsafe only because its twin for Linux has pointers
// in its signatures, and the two must have one face.
//
// Why it holds: no function touches what it is given.
//
// What would break it: a body that does.

package sys

import (
	"fmt"
	"unsafe"
)

// MapAt answers ErrUnsupported.
func MapAt(unsafe.Pointer, uintptr, int, int64, Prot) error { return ErrUnsupported }

// Vacate answers ErrUnsupported.
func Vacate(unsafe.Pointer, uintptr) error { return ErrUnsupported }

// Protect answers ErrUnsupported.
func Protect(unsafe.Pointer, uintptr, Prot) error { return ErrUnsupported }

// Lock answers ErrUnsupported.
func Lock(addr, n uintptr) error { return ErrUnsupported }

// Unlock answers ErrUnsupported.
func Unlock(addr, n uintptr) error { return ErrUnsupported }

// LocalNode answers ErrUnsupported.
func LocalNode() (int, error) { return 0, ErrUnsupported }

// Frames answers ErrNotPermitted and ErrUnsupported.
func Frames(addr uintptr, dst []uint64) error {
	return fmt.Errorf("%w: %w", ErrNotPermitted, ErrUnsupported)
}

// LockLimit knows of no limit.
func LockLimit() (limit, locked int64, ok bool) { return 0, 0, false }

// LockLimited says no.
func LockLimited(error) bool { return false }

// Reopen answers ErrUnsupported.
func Reopen(int, bool) (int, error) { return -1, ErrUnsupported }

// FileOf answers ErrUnsupported.
func FileOf(int) (File, error) { return File{}, ErrUnsupported }

// SendNow answers ErrUnsupported.
func SendNow(int, []byte) (int, error) { return 0, ErrUnsupported }

// ReceiveNow answers ErrUnsupported.
func ReceiveNow(int, []byte) (int, error) { return 0, ErrUnsupported }

// Rights is empty.
func Rights(int) []byte { return nil }

// RightsSpace is how long a buffer for Rights must be: none is needed.
func RightsSpace(int) int { return 0 }

// ParseRights answers ErrUnsupported.
func ParseRights([]byte) ([]int, error) { return nil, ErrUnsupported }

// Truncated says no.
func Truncated(int) bool { return false }
