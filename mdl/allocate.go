package mdl

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/memory"
)

// Flags say how AllocatePages goes about it. The values are those of the
// MM_ALLOCATE flags.
type Flags uint32

// The flags of AllocatePages. The zero Flags ask for zeroed pages from
// wherever they are, as many as there are.
const (
	// NoZero leaves the contents undefined: old bytes of the same arena may
	// shine through. It is MM_DONT_ZERO_ALLOCATION.
	NoZero Flags = 0x01
	// LocalNode takes pages of the NUMA node that the caller runs on, or none.
	// The arena must be bound to that node, or the machine have no other. It is
	// MM_ALLOCATE_FROM_LOCAL_NODE_ONLY.
	LocalNode Flags = 0x02
	// FullyRequired gives all pages asked for or an error, never a shorter
	// list. It is MM_ALLOCATE_FULLY_REQUIRED.
	FullyRequired Flags = 0x04
	// PreferContiguous takes adjacent pages where it can, at the price of
	// leaving holes unused and free pages that are still resident. It is
	// MM_ALLOCATE_PREFER_CONTIGUOUS.
	PreferContiguous Flags = 0x10
	// RequireContiguous takes adjacent pages only: the list has one segment,
	// which is shorter than asked for where nothing longer is to be had, unless
	// FullyRequired is given too. Adjacent are addresses, and offsets in the
	// memory file; physical pages may lie anywhere. It is
	// MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS with everything as one piece.
	RequireContiguous Flags = 0x20

	allFlags = NoZero | LocalNode | FullyRequired | PreferContiguous | RequireContiguous
)

var flagNames = map[Flags]string{
	NoZero: "NoZero", LocalNode: "LocalNode", FullyRequired: "FullyRequired",
	PreferContiguous: "PreferContiguous", RequireContiguous: "RequireContiguous",
}

// String names the flags, with bars between them.
func (f Flags) String() string {
	var names []string
	for bit := Flags(1); bit != 0; bit <<= 1 {
		if f&bit == 0 {
			continue
		}
		name, ok := flagNames[bit]
		if !ok {
			name = fmt.Sprintf("Flags(%#x)", uint32(bit))
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "0"
	}
	return strings.Join(names, "|")
}

// AllocatePages returns a list of whole pages of a: as many as hold the given
// number of bytes, zeroed unless NoZero is given. The pages need not be
// adjacent: free runs are used up before the arena asks for memory that nobody
// had before. Each run of them is a memory object that the list alone has, and
// goes back to the arena with its last reference: when the list, and every
// list made of its parts, has been released.
//
// When there are fewer pages than asked for, the list is shorter: look at its
// Len. With FullyRequired, or where not even one page can be had, nothing is
// taken and the error wraps the arena's: arena.ErrLimit, arena.ErrExhausted or
// arena.ErrClosed. ErrInvalid is returned for no arena, for less than one byte,
// for flags that there are not, and for LocalNode where the arena may take its
// pages from another node. The memory of a Shared arena can be mapped (see Map)
// and sent (see Sender).
//
// It is MmAllocatePagesForMdlEx, and Release is MmFreePagesFromMdl. The pages
// are not locked; Lock does that.
func AllocatePages(a *arena.Arena, bytes int64, f Flags) (*List, error) {
	fail := func(err error) (*List, error) {
		return nil, fmt.Errorf("mdl: allocate pages: %d bytes, flags %v: %w", bytes, f, err)
	}
	pages, err := checkAllocation(a, bytes, f)
	if err != nil {
		return fail(err)
	}
	l := New()
	for left := pages; left > 0; {
		r, err := acquire(a, left, f)
		if err == nil {
			err = l.b.pushRun(a, r)
		}
		if err != nil {
			if f&FullyRequired != 0 || left == pages || !short(err) {
				l.Release()
				return fail(err)
			}
			break
		}
		if left -= r.Pages(); f&RequireContiguous != 0 {
			break
		}
	}
	return l, nil
}

// checkAllocation says how many pages are wanted, or what makes no sense.
func checkAllocation(a *arena.Arena, bytes int64, f Flags) (pages int, err error) {
	switch {
	case a == nil:
		return 0, fmt.Errorf("no arena: %w", ErrInvalid)
	case bytes < 1:
		return 0, fmt.Errorf("must be at least 1: %w", ErrInvalid)
	case f&^allFlags != 0:
		return 0, fmt.Errorf("no such flag as %v: %w", f&^allFlags, ErrInvalid)
	}
	page := int64(a.PageSize())
	n := bytes / page
	if bytes%page != 0 {
		n++
	}
	if n > math.MaxInt/page {
		return 0, fmt.Errorf("more than an int holds: %w", arena.ErrExhausted)
	}
	if f&LocalNode != 0 {
		if err := isLocal(a, sys.NumNodes(), sys.LocalNode); err != nil {
			return 0, err
		}
	}
	return int(n), nil
}

// isLocal makes sure that all of an arena's pages are of the node that the
// caller runs on, which local tells, on a machine of so many nodes.
func isLocal(a *arena.Arena, nodes int, local func() (int, error)) error {
	if nodes == 1 {
		return nil
	}
	number, bound := a.Node()
	if !bound {
		return fmt.Errorf("arena %q is not bound to a node: %w", a.Name(), ErrInvalid)
	}
	here, err := local()
	if err != nil {
		return err
	}
	if here != number {
		return fmt.Errorf("arena %q is bound to node %d, the caller runs on %d: %w", a.Name(), number, here, ErrInvalid)
	}
	return nil
}

// acquire takes the next run of at most most pages.
func acquire(a *arena.Arena, most int, f Flags) (arena.Run, error) {
	if f&(PreferContiguous|RequireContiguous) != 0 {
		r, err := acquireWhole(a, most, f)
		all := f&FullyRequired != 0 && f&RequireContiguous != 0
		if err == nil || all || !short(err) {
			return r, err
		}
	}
	return a.AcquirePart(most, f&NoZero == 0)
}

// short reports that there are fewer pages than asked for, which is no reason
// to give up.
func short(err error) bool {
	return errors.Is(err, arena.ErrLimit) || errors.Is(err, arena.ErrExhausted)
}

func acquireWhole(a *arena.Arena, n int, f Flags) (arena.Run, error) {
	if f&NoZero != 0 {
		return a.AcquireUninitialized(n)
	}
	return a.Acquire(n)
}

// pushRun appends a run as a memory object of its own, on which the list has
// the only reference. With an error the run is released.
func (b *body) pushRun(a *arena.Arena, r arena.Run) error {
	buf := r.Bytes()
	if buf == nil {
		return arena.ErrClosed // closed since the run was acquired; it has taken the run back
	}
	m, err := memory.Owned(buf, a)
	if err != nil {
		a.TakeBack(buf)
		return err
	}
	return b.adopt("allocate pages", m)
}
