package stats

import (
	"fmt"
	"io"
	"time"

	"offheap.example/lookaside/internal/statspage"
)

// Source is one arena's counters in one process.
type Source struct {
	PID  int
	FD   int    // the process's descriptor for them
	Name string // the arena's name
}

// String names process and arena.
func (s Source) String() string { return fmt.Sprintf("process %d, arena %q", s.PID, s.Name) }

// Reader reads the counters of one source. It is for one goroutine at a time.
type Reader struct {
	src  Source
	view *statspage.View
	file io.Closer
}

// Source is what the reader is attached to.
func (r *Reader) Source() Source { return r.src }

// Close lets go of the counters.
func (r *Reader) Close() error { return r.file.Close() }

// Snapshot reads everything once. The error wraps what reading failed with, or
// says which record of the file makes no sense.
func (r *Reader) Snapshot() (Snapshot, error) {
	h, entries, err := r.view.Entries()
	if err != nil {
		return Snapshot{}, fmt.Errorf("stats: snapshot of %v: %w", r.src, err)
	}
	s := Snapshot{
		Time: time.Now(),
		Process: Process{
			PID:     r.src.PID,
			Command: command(r.src.PID),
			Started: time.Unix(0, h.Started),
		},
		Arena: arenaOf(&h),
	}
	m, err := r.resident(&h)
	if err != nil {
		s.Arena.ResidentUnknown = err.Error()
	}
	s.Arena.Resident, s.Arena.MetadataResident, s.Arena.CountersResident = m.Blocks, m.Metadata, m.Counters
	c := collector{view: r.view, entries: entries}
	if err := c.collect(); err != nil {
		return Snapshot{}, fmt.Errorf("stats: snapshot of %v: %w", r.src, err)
	}
	s.Lists = c.lists
	return s, nil
}

func arenaOf(h *statspage.Header) Arena {
	a := &h.Arena
	return Arena{
		Name:      h.Text(),
		Reserved:  int64(a.Reserved),
		Committed: int64(a.Committed),
		InUse:     int64(a.InUse),
		Purged:    int64(a.Purged),
		Limit:     int64(a.Limit),
		Metadata:  int64(a.Metadata),
		Pieces:    a.Pieces,
		Acquires:  a.Acquires,
		Releases:  a.Releases,
		Purges:    a.Purges,
	}
}
