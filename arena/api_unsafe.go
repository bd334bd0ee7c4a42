package arena

// What the compiler cannot check here: nothing yet; this file only names pointer types.
// Why it holds: no pointer is formed.
// What would break it: forming one.

import (
	"errors"
	"unsafe"
)

// GranuleShift is the binary logarithm of Granule.
const GranuleShift = 12

// Granule is the bookkeeping unit in bytes.
const Granule = 1 << GranuleShift

// Errors of the package.
var (
	ErrLimit     = errors.New("limit reached")
	ErrExhausted = errors.New("address space exhausted")
	ErrClosed    = errors.New("arena closed")
	ErrInvalid   = errors.New("invalid argument")
)

// HugeMode says how an arena uses huge pages.
type HugeMode uint8

// Modes.
const (
	HugeAdvise HugeMode = iota
	HugeNever
	HugeCollapse
)

// Node is a NUMA node; the zero value is any.
type Node struct {
	n   int
	set bool
}

// OnNode names NUMA node n.
func OnNode(n int) Node { return Node{n, true} }

// Config describes an arena.
type Config struct {
	Name    string
	Reserve int64
	Limit   int64
	Huge    HugeMode
	Shared  bool
	Node    Node
	Guard   bool
}

// Stats are an arena's figures in bytes.
type Stats struct {
	Reserved, Committed, InUse, Purged, Limit, Resident, Metadata int64
	Pieces                                                        int
	Piecewise                                                     bool
	Backing                                                       string
	Acquires, Releases, Purges, Syscalls                          uint64
}

// PageState says what an address is to an arena.
type PageState uint8

// States.
const (
	PageForeign PageState = iota
	PageFree
	PageUsed
)

// Place is where an address lies.
type Place struct {
	Page     int64
	Offset   int
	State    PageState
	RunPage  int64
	RunPages int
}

// Space describes the primary piece.
type Space struct {
	Base  unsafe.Pointer
	Size  uintptr
	Table unsafe.Pointer
}

// Owner is told that its arena closes.
type Owner interface{ ArenaClosing() }

// Arena is reserved address space and its pages.
type Arena struct{}

// Run is a run of pages.
type Run struct {
	a     *Arena
	base  unsafe.Pointer
	pages int
}

func Open(cfg Config) (*Arena, error)                             { return &Arena{}, nil }
func (a *Arena) Acquire(pages int) (Run, error)                   { return Run{}, ErrExhausted }
func (a *Arena) AcquireUninitialized(pages int) (Run, error)      { return Run{}, ErrExhausted }
func (a *Arena) AcquireAligned(pages int, align int) (Run, error) { return Run{}, ErrExhausted }
func (a *Arena) Extend(r Run, pages int) (Run, bool)              { return r, false }
func (a *Arena) Release(r Run)                                    {}
func (a *Arena) Purge(keepBytes int64) (purged int64)             { return 0 }
func (a *Arena) Collapse() (int64, error)                         { return 0, nil }
func (a *Arena) Locate(b []byte) (Place, bool)                    { return Place{}, false }
func (a *Arena) Stats() Stats                                     { return Stats{} }
func (a *Arena) Close() error                                     { return nil }
func (a *Arena) Space() Space                                     { return Space{} }
func (a *Arena) Record(p unsafe.Pointer) (rec unsafe.Pointer, state PageState) {
	return nil, PageForeign
}
func (a *Arena) Metadata(bytes int) (unsafe.Pointer, error) { return nil, ErrExhausted }
func (a *Arena) Attach(o Owner) (id uint16, err error)      { return 1, nil }
func (a *Arena) Detach(id uint16)                           {}
func (a *Arena) Fd() (int, bool)                            { return -1, false }
func (a *Arena) Offset(b []byte) (int64, bool)              { return 0, false }
func (a *Arena) PageSize() int                              { return 4096 }
func (r Run) Base() unsafe.Pointer                          { return r.base }
func (r Run) Bytes() []byte                                 { return unsafe.Slice((*byte)(r.base), r.pages*4096) }
func (r Run) Pages() int                                    { return r.pages }
func (r Run) Valid() bool                                   { return r.base != nil }
