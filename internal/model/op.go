package model

import (
	"fmt"
	"strings"

	"offheap.example/lookaside/slab"
)

// Do says what an operation does.
type Do uint8

// What operations do. Where a slot must hold a block, or must be free, and does not, the operation does nothing: a
// program stays a program whatever is dropped from it.
const (
	// Stand does nothing.
	Stand Do = iota

	// The use of an allocator. Who says by whom: see Op.
	Alloc        // N bytes into the slot
	AllocZeroed  // the same, and they must read zero
	AllocAligned // at a multiple of 1<<(K%21)
	AllocBatch   // K%40+1 blocks of N bytes into free slots from Slot on
	Realloc      // the slot's block to N bytes
	Free         // the slot's block by whom it belongs to, whatever that is
	FreeBatch    // up to K%40+1 untagged blocks of the allocator, from Slot on
	OpenLocal
	CloseLocal

	// The use of lookasides. Who%2 says which.
	Get
	GetBatch // K%40+1 blocks into free slots from Slot on
	PutBatch // up to K%40+1 blocks from Slot on

	// Housekeeping. Who%3 says of what: the allocator or a list.
	Trim
	Tune
	Compare // the counters with the reference, and a recount

	// The world around: pages of the arena go to a stranger and come back, the kernel refuses for the next K%32+1
	// operations, a block changes hands.
	Squeeze // N%512+1 pages
	Relax
	Refuse
	Hand

	// Mistakes. Each must be answered with the right kind, and change nothing.
	FreeTwice        // the slot's block, twice in a row
	FreeTrimmed      // the same with a Trim between
	FreeInside       // N bytes behind its start
	FreeForeign      // what no allocator of this arena handed out
	FreeElsewhere    // by somebody to whom it does not belong
	FreeStale        // an address that was handed out once, whatever is there now
	FreeTwiceInBatch // one block twice in a batch of up to K%40+1
	FreeMixedBatch   // a batch with one that does not belong there
	ReallocWrong     // what is free, inside a block, or somebody else's
	BadArguments     // sizes and alignments that make no sense
	FreeNothing      // nil, and slices without capacity

	numDo
)

var doNames = [numDo]string{
	"Stand", "Alloc", "AllocZeroed", "AllocAligned", "AllocBatch", "Realloc", "Free", "FreeBatch", "OpenLocal",
	"CloseLocal", "Get", "GetBatch", "PutBatch", "Trim", "Tune", "Compare", "Squeeze", "Relax", "Refuse", "Hand",
	"FreeTwice", "FreeTrimmed", "FreeInside", "FreeForeign", "FreeElsewhere", "FreeStale", "FreeTwiceInBatch",
	"FreeMixedBatch", "ReallocWrong", "BadArguments", "FreeNothing",
}

// String is the name of the constant.
func (d Do) String() string {
	if d < numDo {
		return doNames[d]
	}
	return fmt.Sprintf("Do(%d)", uint8(d))
}

// Op is one operation. Blocks lie in numbered slots.
type Op struct {
	Do   Do
	Slot uint8
	Who  uint8 // for an allocation: 0 the allocator, 1 the Local, above them a tag; modulo how many there are
	N    int   // bytes, or what Do says
	K    uint8
}

// GoString is the operation as an element of a composite literal.
func (o Op) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "{Do: model.%v", o.Do)
	field := func(name string, v int) {
		if v != 0 {
			fmt.Fprintf(&b, ", %s: %d", name, v)
		}
	}
	field("Slot", int(o.Slot))
	field("Who", int(o.Who))
	field("N", o.N)
	field("K", int(o.K))
	return b.String() + "}"
}

// End says how a program ends.
type End uint8

// The ends of a program.
const (
	FreeAll    End = iota // everything is freed, then closed: nothing is left anywhere
	Leak                  // closed as it is: every block out is reported, and keeps its bytes
	ArenaFirst            // the arena is closed under everything
	numEnds
)

// String is the name of the constant.
func (e End) String() string {
	if e < numEnds {
		return [...]string{"FreeAll", "Leak", "ArenaFirst"}[e]
	}
	return fmt.Sprintf("End(%d)", uint8(e))
}

// Setup is the system that a program runs on.
type Setup struct {
	Limit         int64 // of the arena, in bytes
	Guard, Shared bool  // of the arena
	ParkedPerP    int   // of the allocator
	Tags          int   // how many tags there are
	Lists         [2]slab.Config
	End           End
}

// Program is a list of operations and the system that they run on.
type Program struct {
	Setup Setup
	Ops   []Op
}

// GoString is the program as one row of the table in the tests of this package.
func (p Program) GoString() string {
	var b strings.Builder
	s := p.Setup
	fmt.Fprintf(&b, "{\n\tSetup: model.Setup{\n\t\tLimit: %d, Guard: %v, Shared: %v, ParkedPerP: %d, Tags: %d, End: model.%v,\n",
		s.Limit, s.Guard, s.Shared, s.ParkedPerP, s.Tags, s.End)
	b.WriteString("\t\tLists: [2]slab.Config{\n")
	for _, l := range s.Lists {
		fmt.Fprintf(&b, "\t\t\t{Name: %q, Size: %d, Align: %d, Depth: slab.Depth{Min: %d, Max: %d}, Debug: %d, Zero: %v, Tag: slab.Tag{%q, %q, %q, %q}},\n",
			l.Name, l.Size, l.Align, l.Depth.Min, l.Depth.Max, l.Debug, l.Zero, l.Tag[0], l.Tag[1], l.Tag[2], l.Tag[3])
	}
	b.WriteString("\t\t},\n\t},\n\tOps: []model.Op{\n")
	for _, o := range p.Ops {
		fmt.Fprintf(&b, "\t\t%#v,\n", o)
	}
	b.WriteString("\t},\n},\n")
	return b.String()
}
