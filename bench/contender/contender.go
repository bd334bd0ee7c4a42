package contender

import (
	"fmt"
	"strings"

	"offheap.example/lookaside/slab"
)

// Contender is an allocator under comparison. Its methods may be called by
// several goroutines at a time, Close and Resident apart. A block is used by
// one goroutine at a time.
type Contender interface {
	// Alloc returns a block of n bytes with undefined contents.
	Alloc(n int) ([]byte, error)
	// AllocZeroed returns a block of n bytes that read zero.
	AllocZeroed(n int) ([]byte, error)
	// AllocAligned returns a block of n bytes at a multiple of to, a
	// power of two.
	AllocAligned(n, to int) ([]byte, error)
	// Realloc makes the block n bytes long; the first min(len(b), n) are
	// kept. b is not used any more.
	Realloc(b []byte, n int) ([]byte, error)
	// Free takes back what was returned by the others.
	Free(b []byte)
	// Resident is the physical memory in bytes that the contender
	// occupies now.
	Resident() (int64, error)
	// Close gives everything back. Blocks still out are an error where
	// the contender can tell.
	Close() error
}

// Accountant is a contender that counts.
type Accountant interface {
	Stats() slab.Stats
}

// Spec names a contender and opens a fresh one.
type Spec struct {
	Name string
	Open func() (Contender, error)
}

// All returns the contenders in the order of the package's table.
func All() []Spec {
	return []Spec{
		{"lookaside", OpenLookaside},
		{"goheap", OpenGoHeap},
		{"syncpool", OpenSyncPool},
	}
}

// Select returns the contenders that a comma-separated list names, in the
// list's order. An unknown or repeated name is an error.
func Select(list string) ([]Spec, error) {
	var out []Spec
	for name := range strings.SplitSeq(list, ",") {
		s, err := find(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		for _, have := range out {
			if have.Name == s.Name {
				return nil, fmt.Errorf("contender %q is named twice", s.Name)
			}
		}
		out = append(out, s)
	}
	return out, nil
}

func find(name string) (Spec, error) {
	var names []string
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Spec{}, fmt.Errorf("no contender %q: there are %s", name, strings.Join(names, ", "))
}
