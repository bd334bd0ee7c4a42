package testkit

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Mapping is what the kernel says about some mappings together. Sizes are in bytes.
type Mapping struct {
	Count    int   // how many mappings
	Size     int64 // address space
	Resident int64 // in memory
	Swapped  int64
}

// Mapped sums what /proc/self/smaps says about the mappings whose name contains name. It skips the test where there
// is no such file.
func Mapped(t testing.TB, name string) Mapping {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil && runtime.GOOS != "linux" {
		t.Skip("this system has no /proc/self/smaps")
	}
	require.NoError(t, err)
	defer f.Close()
	m, err := sumMappings(f, name)
	require.NoError(t, err)
	return m
}

// sumMappings reads a file in the format of smaps.
func sumMappings(r io.Reader, name string) (sum Mapping, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	counts := false
	for lines.Scan() {
		line := lines.Text()
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if !strings.HasSuffix(fields[0], ":") { // a head line: range, rights, offset, device, inode, name
			counts = len(fields) > 5 && strings.Contains(strings.Join(fields[5:], " "), name)
			if counts {
				sum.Count++
			}
			continue
		}
		to := map[string]*int64{"Size:": &sum.Size, "Rss:": &sum.Resident, "Swap:": &sum.Swapped}[fields[0]]
		if !counts || to == nil {
			continue
		}
		if len(fields) != 3 || fields[2] != "kB" {
			return sum, fmt.Errorf("smaps: %q: not a number of kB", line)
		}
		n, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return sum, fmt.Errorf("smaps: %q: %w", line, err)
		}
		*to += n << 10
	}
	return sum, lines.Err()
}
