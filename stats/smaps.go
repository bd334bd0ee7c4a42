package stats

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Residence is the physical memory behind an arena's mappings in bytes, as the
// kernel counts it.
type Residence struct {
	// Blocks is the memory of the pages that the arena hands out. It is
	// known where Named is true: where the kernel lets a process name its
	// anonymous mappings, or the arena lies in a memory file.
	Blocks int64
	Named  bool
	// Counters is the memory of the published counters, shards included.
	Counters int64
}

// Resident reads /proc/PID/smaps and adds up the mappings of the arenas called
// name in process pid. The error is that of reading, or says which line makes no
// sense; where there is no /proc it wraps errors.ErrUnsupported.
func Resident(pid int, name string) (Residence, error) { return resident(pid, name) }

// ResidentSelf is Resident for the calling process.
func ResidentSelf(name string) (Residence, error) { return resident(os.Getpid(), name) }

// The prefixes of the names that an arena gives to its mappings.
const (
	blocksAnon  = "[anon:lookaside:"
	blocksFile  = "/memfd:lookaside-pages:"
	counterFile = "/memfd:lookaside:"
)

// sumRSS adds up the Rss lines of the mappings whose name belongs to arena.
func sumRSS(r io.Reader, arena string) (Residence, error) {
	in := bufio.NewScanner(r)
	var sum Residence
	var into *int64
	for in.Scan() {
		line := in.Text()
		key, value, _ := strings.Cut(line, " ")
		switch {
		case !strings.HasSuffix(key, ":"): // a mapping's first line
			switch {
			case named(line, blocksAnon, arena), named(line, blocksFile, arena):
				into, sum.Named = &sum.Blocks, true
			case named(line, counterFile, arena):
				into = &sum.Counters
			default:
				into = nil
			}
		case into != nil && key == "Rss:":
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return Residence{}, fmt.Errorf("stats: smaps: %q: %w", line, err)
			}
			*into += kib << 10
		}
	}
	return sum, in.Err()
}

// named tells whether a mapping's line ends in a name made of the prefix and the
// arena's own. The kernel appends a bracket, or that the file is deleted.
func named(line, prefix, arena string) bool {
	i := strings.Index(line, prefix)
	if i < 0 {
		return false
	}
	rest, ok := strings.CutPrefix(line[i+len(prefix):], arena)
	return ok && (rest == "" || rest == "]" || rest == " (deleted)")
}
