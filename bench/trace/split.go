package trace

// Shared is the operation of a pair of words in a Part: the operation that
// follows is on a shared block. The operand of the first word is the block's
// index among the shared ones, that of the second how many operations on it
// come before. Threads and times do not occur in a Part.
const Shared = Thread

// Part is one thread's share of a trace.
type Part struct {
	Segments [][]byte // as those of a Trace, of this thread alone
	Slots    int      // places that a table of its own blocks needs
	Ops      int64
}

// Split is a trace taken apart into its threads, for a replay in which each
// runs at its own speed. A block that only one thread ever touches is its own:
// slots are the thread's, by the rule of Slots. Every other block is shared: it
// has an index of its own for the whole trace, and every operation on it says
// how many others come before it. A thread that waits for these keeps every
// dependency there is between threads. It cannot wait forever, because the
// order in which the trace was recorded satisfies them all.
type Split struct {
	Parts  []Part // by thread, as Trace.Threads
	Shared int    // number of shared blocks

	store store
}

// Close gives the memory of the parts back.
func (s *Split) Close() error {
	s.Parts = nil
	return s.store.close()
}

// Split takes the trace apart.
func (t *Trace) Split() (*Split, error) {
	shared := t.sharedBlocks()
	parts := make([]splitPart, len(t.Threads))
	out := &Split{Parts: make([]Part, len(t.Threads))}
	for i := range parts {
		parts[i].store = &out.store
	}
	place := make([]uint32, t.Slots) // slot to its place in the part or among the shared
	turn := make([]uint64, t.Slots)  // operations on a shared block so far
	c := t.Cursor()
	var e Event
	for c.Next(&e) {
		if !e.Op.Moves() {
			continue
		}
		p := &parts[e.Thread]
		p.ops++
		own := !shared.has(e.Number)
		if e.Op.Allocates() {
			turn[e.Slot] = 0
			if own {
				place[e.Slot] = p.slots.Take()
			} else {
				place[e.Slot] = uint32(out.Shared)
				out.Shared++
			}
		}
		p.room()
		slot := uint64(place[e.Slot])
		if !own {
			p.word(Shared, slot)
			p.word(Shared, turn[e.Slot])
			turn[e.Slot]++
			slot = 0
		} else if e.Op == Free {
			p.slots.Give(place[e.Slot])
		}
		switch e.Op {
		case Alloc, Zeroed:
			p.word(e.Op, uint64(e.Size))
		case Aligned:
			p.word(e.Op, uint64(e.Size))
			p.word(e.Op, log2(uint64(e.Align)))
		case Free:
			p.word(e.Op, slot)
		case Realloc:
			p.word(e.Op, slot)
			p.word(e.Op, uint64(e.Size))
		}
	}
	for i := range parts {
		parts[i].seal()
		out.Parts[i] = Part{Segments: parts[i].segs, Slots: parts[i].slots.Len(), Ops: parts[i].ops}
	}
	return out, nil
}

// splitPart collects one thread's words.
type splitPart struct {
	segmented
	slots Slots
	ops   int64
}

// sharedBlocks is the set of the numbers of the blocks that more than one
// thread touches.
func (t *Trace) sharedBlocks() numberSet {
	shared := make(numberSet, (t.Totals.Allocs+63)/64)
	owners := make([]uint32, t.Slots)
	c := t.Cursor()
	var e Event
	for c.Next(&e) {
		switch {
		case e.Op.Allocates():
			owners[e.Slot] = e.Thread
		case e.Op.Moves() && owners[e.Slot] != e.Thread:
			shared[e.Number/64] |= 1 << (e.Number % 64)
		}
	}
	return shared
}

type numberSet []uint64

func (s numberSet) has(n uint32) bool { return s[n/64]>>(n%64)&1 != 0 }
