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

// Resident is the physical memory behind the arena's pages, as the kernel counts
// it, and what the arena's records and the counters occupy. The records are
// taken at the most that they can occupy, since their mappings are not told
// apart from those of other arenas.
func (l *Lookaside) Resident() (int64, error) {
	s := l.arena.Stats()
	m, err := stats.ResidentSelf(ArenaName)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return s.Resident + s.Metadata, nil
	case err != nil:
		return 0, err
	case m.Named:
		return m.Blocks + m.Counters + s.Metadata, nil
	}
	return s.Resident + m.Counters + s.Metadata, nil
}

// Close closes the allocator and then the arena.
func (l *Lookaside) Close() error {
	return errors.Join(l.Allocator.Close(), l.arena.Close())
}
