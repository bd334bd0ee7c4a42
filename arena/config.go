package arena

import (
	"fmt"
	"math"
	"slices"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/internal/sys"
)

const (
	// DefaultReserve is the address space in bytes of an arena whose Config says nothing.
	DefaultReserve = 64 << 30
	// MaxReserve is the most that Config.Reserve may ask for, in bytes: page numbers are 32 bits wide.
	MaxReserve = 8 << 40
)

// HugeMode says how an arena uses huge pages (2 MiB). It is a matter of speed only.
type HugeMode uint8

const (
	// HugeAdvise, the default, asks for huge pages beyond the first 32 MiB of an arena, where a huge page of which
	// one byte is touched costs at most 6 %; before that it forbids them.
	HugeAdvise HugeMode = iota
	// HugeNever forbids them everywhere.
	HugeNever
	// HugeCollapse is HugeAdvise, and Collapse turns pages in use into huge ones.
	HugeCollapse
)

var hugeNames = [...]string{"HugeAdvise", "HugeNever", "HugeCollapse"}

// String is the name of the constant.
func (m HugeMode) String() string {
	if int(m) < len(hugeNames) {
		return hugeNames[m]
	}
	return fmt.Sprintf("HugeMode(%d)", uint8(m))
}

// Node names the NUMA node that an arena's memory comes from. The zero value means any.
type Node struct {
	number int
	bound  bool
}

// OnNode binds to NUMA node n: memory comes from there or not at all. Open refuses a node that the machine does not
// have. A heap-backed arena checks the number and binds nothing.
func OnNode(n int) Node { return Node{number: n, bound: true} }

// String is "any" or the number.
func (n Node) String() string {
	if !n.bound {
		return "any"
	}
	return fmt.Sprint(n.number)
}

// Config describes an arena. The zero value is usable.
type Config struct {
	// Name appears in /proc/PID/smaps, in the counters file and in errors; empty means "arena". The kernel shows
	// printable ASCII only, and about the first 60 bytes.
	Name string
	// Reserve is the address space in bytes, rounded up to whole pages; 0 means DefaultReserve. It costs nothing
	// until it is used. Where the kernel refuses that much at once the arena grows in pieces up to it.
	Reserve int64
	// Limit bounds the committed bytes: pages in use and free pages that are still resident. Bookkeeping does not
	// count. 0 means Reserve.
	Limit int64
	// Huge says how huge pages are used.
	Huge HugeMode
	// Shared takes the pages from a sealed memory file, so that they can be mapped twice and handed to another
	// process. A heap-backed arena has no file; Fd and Offset say so.
	Shared bool
	// Node binds the pages to one NUMA node.
	Node Node
	// Guard puts an inaccessible page behind every run. It costs address space but no memory; a heap-backed arena
	// keeps the page aside but cannot make it inaccessible.
	Guard bool
}

// checked gives the Config with its defaults filled in and rounded to pages, or the error of Open.
func (c Config) checked() (Config, error) {
	fail := func(field string, value any, rule string) (Config, error) {
		return Config{}, fmt.Errorf("arena: open: %s %v: %s: %w", field, value, rule, ErrInvalid)
	}
	if c.Name == "" {
		c.Name = "arena"
	}
	switch {
	case c.Reserve < 0:
		return fail("Reserve", c.Reserve, "must not be negative")
	case c.Reserve > MaxReserve:
		return fail("Reserve", c.Reserve, fmt.Sprintf("must not exceed %d", int64(MaxReserve)))
	case c.Limit < 0:
		return fail("Limit", c.Limit, "must not be negative")
	case c.Huge > HugeCollapse:
		return fail("Huge", c.Huge, "must be HugeAdvise, HugeNever or HugeCollapse")
	}
	if c.Reserve == 0 {
		c.Reserve = DefaultReserve
	}
	if c.Limit > c.Reserve {
		return fail("Limit", c.Limit, fmt.Sprintf("must not exceed Reserve, which is %d", c.Reserve))
	}
	c.Reserve = align.Up(c.Reserve, int64(align.PageSize()))
	if c.Limit == 0 {
		c.Limit = math.MaxInt64
	}
	if nodes := sys.Nodes(); c.Node.bound && !slices.Contains(nodes, c.Node.number) {
		return fail("Node", c.Node, fmt.Sprintf("must be one of %v", nodes))
	}
	return c, nil
}
