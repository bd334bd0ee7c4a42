package contender

import (
	"errors"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/slab"
)

// ArenaName is the name of the arena that the lookaside contender opens, as it
// shows in mappings and snapshots.
const ArenaName = "replay"

// Lookaside is this library's allocator over an arena of its own.
type Lookaside struct {
	*slab.Allocator
	arena *arena.Arena
}

// OpenLookaside opens an arena and an allocator over it.
func OpenLookaside() (Contender, error) {
	a, err := arena.Open(arena.Config{Name: ArenaName})
	if err != nil {
		return nil, err
	}
	s, err := slab.NewAllocator(a, slab.AllocatorConfig{Name: ArenaName})
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return &Lookaside{Allocator: s, arena: a}, nil
}

// Resident is the physical memory behind the arena's pages, its records about
// them and its counters, as the kernel counts page by page. Where the arena is on
// the Go heap it is the most that these can occupy.
func (l *Lookaside) Resident() (int64, error) {
	s := l.arena.Stats()
	return s.Resident + s.MetadataResident + s.CountersResident, nil
}

// Close closes the allocator and then the arena.
func (l *Lookaside) Close() error {
	return errors.Join(l.Allocator.Close(), l.arena.Close())
}
