package stats

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Resident is the physical memory in bytes behind the mappings of the arenas
// called name in process pid, by /proc/PID/smaps; 0 when the kernel does not
// name mappings. The error is os.ReadFile's, or says that a line makes no
// sense; where there is no /proc it wraps errors.ErrUnsupported.
func Resident(pid int, name string) (int64, error) { return resident(pid, name) }

// ResidentSelf is Resident for the calling process.
func ResidentSelf(name string) (int64, error) { return resident(os.Getpid(), name) }

// sumRSS adds up the Rss lines of the mappings whose name belongs to arena.
func sumRSS(r io.Reader, arena string) (int64, error) {
	in := bufio.NewScanner(r)
	var sum int64
	ours := false
	for in.Scan() {
		line := in.Text()
		key, value, _ := strings.Cut(line, " ")
		switch {
		case !strings.HasSuffix(key, ":"): // a mapping's first line
			ours = isArena(line, arena)
		case ours && key == "Rss:":
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("stats: smaps: %q: %w", line, err)
			}
			sum += kib << 10
		}
	}
	return sum, in.Err()
}

// isArena tells whether a mapping's line in smaps names one of the arena's:
// [anon:lookaside:NAME…] or /memfd:lookaside:NAME….
func isArena(line, arena string) bool {
	_, name, ok := strings.Cut(line, ":lookaside:")
	if !ok {
		return false
	}
	rest, ok := strings.CutPrefix(name, arena)
	return ok && (rest == "" || strings.ContainsAny(rest[:1], "]: "))
}
