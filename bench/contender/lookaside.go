package contender

import (
	"errors"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/slab"
	"offheap.example/lookaside/stats"
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

// Resident is the physical memory behind the arena's mappings, counted by the
// kernel where it can be asked.
func (l *Lookaside) Resident() (int64, error) {
	n, err := stats.ResidentSelf(ArenaName)
	if err == nil && n > 0 {
		return n, nil
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return 0, err
	}
	s := l.arena.Stats()
	return s.Resident + s.Metadata, nil
}

// Close closes the allocator and then the arena.
func (l *Lookaside) Close() error {
	return errors.Join(l.Allocator.Close(), l.arena.Close())
}
