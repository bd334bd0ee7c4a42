//go:build !linux

package stats

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/internal/statspage"
)

var errPlatform = fmt.Errorf("no /proc to read a process from: %w", errors.ErrUnsupported)

// Find needs Linux.
func Find(pid int) ([]Source, error) {
	return nil, fmt.Errorf("stats: find: process %d: %w", pid, errPlatform)
}

// Attach needs Linux.
func Attach(s Source) (*Reader, error) {
	return nil, fmt.Errorf("stats: attach to %v: %w", s, errPlatform)
}

func command(int) string { return "" }

func presentIn(int, *statspage.Header) (pages, metadata int64, err error) { return 0, 0, errPlatform }

func (*Reader) occupied() int64 { return -1 }
