package lookaside

import (
	"os"
	"time"

	"offheap.example/lookaside/slab"
	"offheap.example/lookaside/stats"
)

// Snapshot returns the account of the domain: its pages, its allocator with
// every class and tag, and its lookasides. It is what stats.Reader reads from
// outside, but that it works on every platform; counts are exact when nobody
// is inside an operation. It reads the residency of the pages from the kernel
// and is not for hot paths.
func (d *Domain) Snapshot() stats.Snapshot {
	a := d.arena.Stats()
	s := stats.Snapshot{
		Time:    time.Now(),
		Process: stats.Process{PID: os.Getpid(), Command: d.name},
		Arena: stats.Arena{
			Name: d.name, Reserved: a.Reserved, Committed: a.Committed, InUse: a.InUse, Purged: a.Purged,
			Limit: a.Limit, Metadata: a.Metadata, Resident: a.Resident, MetadataResident: a.MetadataResident, CountersResident: a.CountersResident,
			Pieces: uint64(a.Pieces), Acquires: a.Acquires, Releases: a.Releases, Purges: a.Purges,
		},
	}
	s.Lists = appendAllocator(s.Lists, d.alloc.Stats())
	d.mu.Lock()
	lists := append([]*slab.Lookaside(nil), d.lists...)
	d.mu.Unlock()
	for _, l := range lists {
		s.Lists = append(s.Lists, listOf(stats.Lookaside, l.Stats()))
	}
	return s
}

// appendAllocator appends an allocator, its classes and its tags.
func appendAllocator(to []stats.List, a slab.Stats) []stats.List {
	to = append(to, listOf(stats.Allocator, a))
	for _, c := range a.Classes {
		kind := stats.Class
		if c.Size == 0 {
			kind = stats.Large
		}
		l := listOf(kind, c)
		l.Parent = a.Name
		to = append(to, l)
	}
	for _, t := range a.Tags {
		l := listOf(stats.Tag, t)
		l.Parent = a.Name
		to = append(to, l)
	}
	return to
}

func listOf(kind stats.Kind, s slab.Stats) stats.List {
	return stats.List{
		Kind: kind, Name: s.Name, Tag: s.Tag.String(), Size: int64(s.Size),
		Gets: s.Gets, Puts: s.Puts, Refills: s.Refills, Spills: s.Spills, Failures: s.Failures,
		Live: s.Live, Parked: s.Parked, Slabs: s.Slabs, LiveBytes: s.LiveBytes, HeldBytes: s.HeldBytes,
		Depth: int64(s.Depth),
	}
}
