package slab

import "sync"

// A depot is what a list keeps between the caches of the Ps and its slabs: a
// queue whose ends are the newest block, which the next cache gets, and the
// oldest, which the slabs get back. The references lie in segments that the
// lists of an owner lend each other, so that all depots together take as much
// memory as their blocks need references, and a depot that grows leaves
// nothing behind. Guarded by the list's lock.
type depot struct {
	segments []*segment // as many as there is room
	first    int        // where in the first one the oldest block is
	n        int        // blocks
}

// segment is room for some references: half a kilobyte.
type segment [segmentRefs]ref

const (
	segmentRefs = 32
	// segmentsAtOnce is how many segments are made at a time.
	segmentsAtOnce = 8
	// spareSegments is how many segments a depot has beyond what it needs.
	spareSegments = 1
)

// room is how many blocks more d can take.
func (d *depot) room() int { return len(d.segments)*segmentRefs - d.first - d.n }

// at returns the i-th of the blocks, the oldest one being the first.
func (d *depot) at(i int) *ref {
	i += d.first
	return &d.segments[i/segmentRefs][i%segmentRefs]
}

// push adds blocks, for which there is room; the last one is the newest.
func (d *depot) push(refs []ref) {
	for len(refs) > 0 {
		end := d.first + d.n
		k := copy(d.segments[end/segmentRefs][end%segmentRefs:], refs)
		d.n += k
		refs = refs[k:]
	}
}

// pop moves the newest blocks, as many as there is room for in to, which is not
// more than d has. The last one is the newest.
func (d *depot) pop(to []ref) {
	for len(to) > 0 {
		end := d.first + d.n - 1
		c := d.segments[end/segmentRefs][:end%segmentRefs+1]
		k := min(len(c), len(to))
		copy(to[len(to)-k:], c[len(c)-k:])
		d.n -= k
		to = to[:len(to)-k]
	}
	if d.n == 0 {
		d.first = 0
	}
}

// oldest returns blocks that lie together, from the oldest one on, n at most.
// d has some.
func (d *depot) oldest(n int) []ref {
	return d.segments[0][d.first:min(segmentRefs, d.first+min(n, d.n))]
}

// drop takes the k oldest blocks out, which oldest returned.
func (d *depot) drop(k int) {
	d.first, d.n = d.first+k, d.n-k
	switch {
	case d.n == 0:
		d.first = 0
	case d.first == segmentRefs: // the first segment becomes room at the end
		c := d.segments[0]
		copy(d.segments, d.segments[1:])
		d.segments[len(d.segments)-1] = c
		d.first = 0
	}
}

// segments are those that no depot has.
type segments struct {
	mu   sync.Mutex
	free []*segment
}

// lend makes room for n more blocks in d.
func (s *segments) lend(d *depot, n int) {
	if d.room() >= n {
		return
	}
	s.mu.Lock()
	for d.room() < n {
		if len(s.free) == 0 {
			more := new([segmentsAtOnce]segment)
			for i := range more {
				s.free = append(s.free, &more[i])
			}
		}
		last := len(s.free) - 1
		d.segments = append(d.segments, s.free[last])
		s.free = s.free[:last]
	}
	s.mu.Unlock()
}

// takeBack takes the room that d does not need.
func (s *segments) takeBack(d *depot) {
	need := (d.first+d.n+segmentRefs-1)/segmentRefs + spareSegments
	if len(d.segments) <= need {
		return
	}
	s.mu.Lock()
	s.free = append(s.free, d.segments[need:]...)
	s.mu.Unlock()
	clear(d.segments[need:])
	d.segments = d.segments[:need]
}

// takeAll takes all the room of d, which has no block.
func (s *segments) takeAll(d *depot) {
	if len(d.segments) == 0 {
		return
	}
	s.mu.Lock()
	s.free = append(s.free, d.segments...)
	s.mu.Unlock()
	*d = depot{}
}

// forget leaves the segments that no depot has to the collector.
func (s *segments) forget() {
	s.mu.Lock()
	s.free = nil
	s.mu.Unlock()
}

// roomInDepot makes room for n more blocks, so that nobody allocates while
// pinned.
func (l *list) roomInDepot(n uint32) { l.o.segments.lend(&l.depot, int(n)) }

// popDepot takes the newest good block from the depot, if there is one; see
// pop.
func (l *list) popDepot() ref {
	for l.depot.n > 0 {
		var one [1]ref
		l.depot.pop(one[:])
		l.n.Depot = uint64(l.depot.n)
		if r := one[0]; *r.stateByte()&^subMask == stParked {
			return r
		}
	}
	return ref{}
}

// spillDepot puts the oldest blocks of the depot on their slabs until keep
// are left.
func (l *list) spillDepot(keep int) {
	l.putOldestBack(&l.depot, keep)
	l.n.Depot = uint64(l.depot.n)
}

// emptyDepot is spillDepot of everything, and of the room.
func (l *list) emptyDepot() {
	l.spillDepot(0)
	l.o.segments.takeBack(&l.depot)
}

// putOldestBack puts the oldest blocks of d on their slabs until keep are left.
func (l *list) putOldestBack(d *depot, keep int) {
	for d.n > keep {
		refs := d.oldest(d.n - keep)
		l.putBack(refs)
		d.drop(len(refs))
	}
}
