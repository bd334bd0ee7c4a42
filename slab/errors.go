package slab

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels for errors.Is.
var (
	// ErrNoMemory is returned when the arena has no pages left or may not
	// have more. It wraps the arena's error.
	ErrNoMemory = errors.New("out of memory")
	// ErrClosed is returned by every operation on something closed.
	ErrClosed = errors.New("closed")
	// ErrInvalid is returned for arguments and configurations that make no
	// sense.
	ErrInvalid = errors.New("invalid argument")
)

// Misuse is the kind of mistake a caller made with a block.
type Misuse uint8

// The kinds of misuse.
const (
	_             Misuse = iota
	Foreign              // the address was never handed out by this arena
	Misaligned           // the address lies inside a block, not at its start
	DoubleFree           // the block, or the page it was on, is free already
	WrongTag             // the block is accounted to another tag
	WrongList            // the block belongs to another list of the same arena
	Overrun              // bytes behind the block's end were written
	UseAfterFree         // a free block was written
	UseAfterClose        // the list is closed
	Unbalanced           // the second half of a pair without its first, or twice the first: see package mdl
)

var misuseNames = [...]string{
	Foreign:       "foreign address",
	Misaligned:    "address inside a block",
	DoubleFree:    "double free",
	WrongTag:      "wrong tag",
	WrongList:     "wrong list",
	Overrun:       "overrun",
	UseAfterFree:  "use after free",
	UseAfterClose: "use after close",
	Unbalanced:    "unbalanced call",
}

// String names the kind.
func (m Misuse) String() string {
	if int(m) < len(misuseNames) && misuseNames[m] != "" {
		return misuseNames[m]
	}
	return fmt.Sprintf("Misuse(%d)", uint8(m))
}

// MisuseError is the value that Put, Free and their batches panic with when
// the caller broke their contract. The allocator is as it was before the
// call. It is what Windows calls a bugcheck, made recoverable.
type MisuseError struct {
	Op   string  // the operation: "free", "put", …
	Kind Misuse  // what is wrong
	List string  // the list the block belongs to, or the one that refused it
	Tag  Tag     // the tag that the block is accounted to, if any
	Addr uintptr // the address given
}

// Error tells operation, kind, address, list and tag in one line.
func (e *MisuseError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "slab: %s: %s: address %#x", e.Op, e.Kind, e.Addr)
	if e.List != "" {
		fmt.Fprintf(&b, ", list %q", e.List)
	}
	if e.Tag != (Tag{}) {
		fmt.Fprintf(&b, ", tag %q", e.Tag.String())
	}
	return b.String()
}

// Leak is what one list or tag still has out.
type Leak struct {
	List   string
	Tag    Tag
	Blocks int64
	Bytes  int64
}

// LeakError is returned by Close when blocks are out. Leaks lists them per
// list and tag, the largest first.
type LeakError struct {
	Op     string // what was closed
	Blocks int64  // in all
	Bytes  int64
	Leaks  []Leak
}

// Error names every list and tag that has blocks out.
func (e *LeakError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "slab: close %s: %d blocks (%d bytes) are still out:", e.Op, e.Blocks, e.Bytes)
	for i, l := range e.Leaks {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %s", l.List)
		if l.Tag != (Tag{}) {
			fmt.Fprintf(&b, " tag %q", l.Tag.String())
		}
		fmt.Fprintf(&b, " %d (%d bytes)", l.Blocks, l.Bytes)
	}
	return b.String()
}
