package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// size is a flag for a number of bytes, with or without a unit.
type size int64

func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

// Set reads 1048576, 1024KiB, 1MiB or 1M.
func (s *size) Set(text string) error {
	digits := strings.TrimRight(text, "KMGTiB")
	shift := 0
	if unit := text[len(digits):]; unit != "" && unit != "B" {
		at := strings.IndexByte("KMGT", unit[0])
		if at < 0 || len(unit) > 1 && unit[1:] != "iB" {
			return fmt.Errorf("no unit %q: there are KiB, MiB, GiB and TiB", unit)
		}
		shift = 10 * (at + 1)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return errors.New("must be a number of bytes, such as 4096 or 512MiB")
	}
	if n <= 0 || n > math.MaxInt64>>shift {
		return errors.New("must be positive and fit 63 bits")
	}
	*s = size(n << shift)
	return nil
}

// memory is how much physical memory the machine has, or 8 GiB where it cannot
// be asked.
func memory() int64 {
	const unknown = 8 << 30
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return unknown
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "MemTotal: %d kB", &kib); n == 1 && kib > 0 {
			return kib << 10
		}
	}
	return unknown
}
