//go:build !linux

// What the compiler cannot check here: nothing. The file imports unsafe only because its twin for Linux has pointers
// in its signatures, and the two must have one face.
//
// Why it holds: no function touches what it is given.
//
// What would break it: a body that does.

package sys

import "unsafe"

// Supported tells whether this platform maps memory.
const Supported = false

// Reserve answers ErrUnsupported.
func Reserve(uintptr) (unsafe.Pointer, error) { return nil, ErrUnsupported }

// Map answers ErrUnsupported.
func Map(uintptr) (unsafe.Pointer, error) { return nil, ErrUnsupported }

// ReserveFile answers ErrUnsupported.
func ReserveFile(int, int64, uintptr) (unsafe.Pointer, error) { return nil, ErrUnsupported }

// MapFile answers ErrUnsupported.
func MapFile(int, int64, uintptr) (unsafe.Pointer, error) { return nil, ErrUnsupported }

// Unmap answers ErrUnsupported.
func Unmap(unsafe.Pointer, uintptr) error { return ErrUnsupported }

// Commit answers ErrUnsupported.
func Commit(unsafe.Pointer, uintptr) error { return ErrUnsupported }

// Forbid answers ErrUnsupported.
func Forbid(unsafe.Pointer, uintptr) error { return ErrUnsupported }

// Advise answers ErrUnsupported.
func Advise(unsafe.Pointer, uintptr, Advice) error { return ErrUnsupported }

// Name does nothing.
func Name(unsafe.Pointer, uintptr, string) {}

// Resident answers ErrUnsupported.
func Resident(unsafe.Pointer, uintptr) (int64, error) { return 0, ErrUnsupported }

// Bind answers ErrUnsupported.
func Bind(unsafe.Pointer, uintptr, int) error { return ErrUnsupported }

// Memfd answers ErrUnsupported.
func Memfd(string) (int, error) { return -1, ErrUnsupported }

// Truncate answers ErrUnsupported.
func Truncate(int, int64) error { return ErrUnsupported }

// Seal answers ErrUnsupported.
func Seal(int, Seals) error { return ErrUnsupported }

// SealsOf answers ErrUnsupported.
func SealsOf(int) (Seals, error) { return 0, ErrUnsupported }

// PunchHole answers ErrUnsupported.
func PunchHole(int, int64, int64) error { return ErrUnsupported }

// Close answers ErrUnsupported.
func Close(int) error { return ErrUnsupported }
