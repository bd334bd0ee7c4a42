package stats

import "time"

// Kind says what a List is.
type Kind string

// The kinds of lists.
const (
	Lookaside Kind = "lookaside" // a list of its own
	Allocator Kind = "allocator" // the sum of its classes and its large blocks
	Class     Kind = "class"     // one size class of an allocator
	Large     Kind = "large"     // an allocator's blocks above its largest class
	Tag       Kind = "tag"       // what an allocator accounts to one tag
)

// Snapshot is what one arena's counters said at one time.
type Snapshot struct {
	Time    time.Time `json:"time"`
	Process Process   `json:"process"`
	Arena   Arena     `json:"arena"`
	// Lists has lookasides and allocators in the order of their creation;
	// an allocator is followed by its classes, its large blocks and its
	// tags.
	Lists []List `json:"lists"`
}

// Process is who publishes the counters.
type Process struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"` // as /proc/PID/comm has it; may be empty
	Started time.Time `json:"started"` // when the counters began
}

// Arena is the page account of an arena, in bytes unless it says otherwise.
type Arena struct {
	Name      string `json:"name"`
	Reserved  int64  `json:"reserved"`
	Committed int64  `json:"committed"`
	InUse     int64  `json:"in_use"`
	Purged    int64  `json:"purged"`
	Limit     int64  `json:"limit"`
	Metadata  int64  `json:"metadata"` // handed out, and the most that the arena's own records can occupy
	// Resident, MetadataResident and CountersResident are the physical memory
	// behind the arena's pages, behind its records about them and behind the
	// published counters, as the kernel counts; -1 is unknown, and
	// ResidentUnknown then says why.
	Resident         int64  `json:"resident"`
	MetadataResident int64  `json:"metadata_resident"`
	CountersResident int64  `json:"counters_resident"`
	ResidentUnknown  string `json:"resident_unknown,omitempty"`

	Pieces   uint64 `json:"pieces"` // reservations that the arena consists of
	Acquires uint64 `json:"acquires"`
	Releases uint64 `json:"releases"`
	Purges   uint64 `json:"purges"`
}

// List is the account of one lookaside, allocator, class or tag.
type List struct {
	Kind    Kind      `json:"kind"`
	Name    string    `json:"name"`
	Parent  string    `json:"parent,omitempty"` // the allocator's name
	Tag     string    `json:"tag,omitempty"`
	Created time.Time `json:"created"`
	Size    int64     `json:"size"` // bytes a block holds; 0 where sizes differ

	Gets     uint64 `json:"gets"`
	Puts     uint64 `json:"puts"`
	Refills  uint64 `json:"refills"`
	Spills   uint64 `json:"spills"`
	Failures uint64 `json:"failures"`

	Live      int64 `json:"live"`   // blocks out
	Parked    int64 `json:"parked"` // free blocks in shards and the depot
	Slabs     int64 `json:"slabs"`
	LiveBytes int64 `json:"live_bytes"` // what the live blocks hold
	HeldBytes int64 `json:"held_bytes"` // pages of slabs and large blocks
	Depth     int64 `json:"depth"`      // blocks a P may park now

	id uint64 // record of the directory, and which part of it
}

// HitRate is the share of gets that found a block parked on their P, between 0
// and 1; 1 when there were none.
func (l List) HitRate() float64 { return hitRate(l.Gets, l.Refills) }

func hitRate(gets, refills uint64) float64 {
	if gets == 0 {
		return 1
	}
	return 1 - float64(min(refills, gets))/float64(gets)
}

// Delta is what happened between two snapshots of one source.
type Delta struct {
	Elapsed time.Duration
	Lists   []ListDelta // in the order of the later snapshot
}

// ListDelta is what happened to one list. List is its later state.
type ListDelta struct {
	List
	DGets, DPuts, DRefills, DSpills, DFailures uint64
	DLive, DParked, DHeldBytes                 int64
}

// HitRate is the share of the gets between the snapshots that found a block
// parked on their P; 1 when there were none.
func (d ListDelta) HitRate() float64 { return hitRate(d.DGets, d.DRefills) }

// Since returns what happened between an earlier snapshot and s. A list that
// the earlier one does not have counts from zero; one that is gone is left
// out.
func (s Snapshot) Since(earlier Snapshot) Delta {
	type key struct {
		id      uint64
		created int64
	}
	before := make(map[key]List, len(earlier.Lists))
	for _, l := range earlier.Lists {
		before[key{l.id, l.Created.UnixNano()}] = l
	}
	d := Delta{Elapsed: s.Time.Sub(earlier.Time)}
	for _, l := range s.Lists {
		was := before[key{l.id, l.Created.UnixNano()}]
		d.Lists = append(d.Lists, ListDelta{
			List:       l,
			DGets:      l.Gets - was.Gets,
			DPuts:      l.Puts - was.Puts,
			DRefills:   l.Refills - was.Refills,
			DSpills:    l.Spills - was.Spills,
			DFailures:  l.Failures - was.Failures,
			DLive:      l.Live - was.Live,
			DParked:    l.Parked - was.Parked,
			DHeldBytes: l.HeldBytes - was.HeldBytes,
		})
	}
	return d
}
