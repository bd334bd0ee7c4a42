package trace

import (
	"errors"
	"math/bits"

	"offheap.example/lookaside/arena"
)

// Totals are the sums over a trace.
type Totals struct {
	Allocs       int64 // blocks: a, z and m
	Frees        int64
	Reallocs     int64
	CrossFrees   int64 // frees on another thread than the one that allocated
	Switches     int64 // changes of thread
	PeakBytes    int64 // largest sum of the sizes of the live blocks
	PeakBlocks   int64 // largest number of live blocks
	PeakOp       int64 // operations done when PeakBytes was first reached
	LeakedBlocks int64 // blocks live at the end
}

// Ops is the number of operations that a replay performs.
func (t Totals) Ops() int64 { return t.Allocs + t.Frees + t.Reallocs }

// Trace is a whole trace in memory. It does not change; any number of
// goroutines may read it.
type Trace struct {
	Name     string   // the file it came from
	Comments []string // comments ahead of the first event, without "# "
	Threads  []uint32 // the threads' names; an Event's Thread is an index
	Slots    int      // a table of live blocks needs this many places
	Totals   Totals

	segs  [][]byte
	store store
}

// Segments are the events as words, in order; Word and Wide read them. No event
// straddles two segments. Each is followed by the bytes that Word reads ahead:
// its words end Tail bytes before its end.
func (t *Trace) Segments() [][]byte { return t.segs }

// Tail is the number of bytes at the end of a segment that are not words.
const Tail = pad

// EncodedBytes is the memory that the events take.
func (t *Trace) EncodedBytes() int64 {
	var n int64
	for _, s := range t.segs {
		n += int64(len(s))
	}
	return n
}

// Close gives the memory of the events back. Nothing may read them any more.
func (t *Trace) Close() error {
	t.segs = nil
	return t.store.close()
}

const segmentSize = 64 << 10

// store is where segments come from: an arena, so that a long trace does not
// make the Go heap's collections rarer; the Go heap where there is none.
type store struct {
	a     *arena.Arena
	tried bool
}

func (s *store) segment() []byte {
	if !s.tried {
		s.tried = true
		s.a, _ = arena.Open(arena.Config{Name: "trace", Reserve: 8 << 30, Huge: arena.HugeNever})
	}
	if s.a != nil {
		if r, err := s.a.Acquire(segmentSize / s.a.PageSize()); err == nil {
			return r.Bytes()[:0:segmentSize]
		}
	}
	return make([]byte, 0, segmentSize)
}

func (s *store) close() error {
	if s.a == nil {
		return nil
	}
	a := s.a
	s.a = nil
	if err := a.Close(); err != nil && !errors.Is(err, arena.ErrClosed) {
		return err
	}
	return nil
}

// segmented collects words in segments.
type segmented struct {
	store *store
	segs  [][]byte
	cur   []byte
}

// room makes sure that a whole event fits the segment at hand.
func (s *segmented) room() {
	if cap(s.cur)-len(s.cur) < eventMax+pad {
		s.seal()
		s.cur = s.store.segment()
	}
}

func (s *segmented) word(op Op, v uint64) { s.cur = appendWord(s.cur, op, v) }

// seal ends the segment at hand.
func (s *segmented) seal() {
	if len(s.cur) > 0 {
		s.segs = append(s.segs, s.cur[:len(s.cur)+pad])
	}
	s.cur = nil
}

func (s *segmented) one(op Op, v uint64) {
	s.room()
	s.word(op, v)
}

func (s *segmented) two(op Op, v, w uint64) {
	s.room()
	s.word(op, v)
	s.word(op, w)
}

// Cursor walks over the events of a trace in order. It keeps which number and
// which thread belongs to which slot, so that every event is complete.
type Cursor struct {
	t       *Trace
	seg     int
	cur     []byte // the segment's words
	i, end  int
	slots   *Slots
	numbers []uint32 // by slot
	next    uint32   // number of the next new block
	thread  uint32
}

// Cursor returns a cursor ahead of the first event.
func (t *Trace) Cursor() *Cursor {
	return &Cursor{t: t, slots: NewSlots(t.Slots), numbers: make([]uint32, t.Slots)}
}

// Next reads one event into e and tells whether there was one.
func (c *Cursor) Next(e *Event) bool {
	for c.i >= c.end {
		if c.seg >= len(c.t.segs) {
			return false
		}
		c.cur = c.t.segs[c.seg]
		c.seg, c.i, c.end = c.seg+1, 0, len(c.cur)-pad
	}
	op, v, i := Wide(c.cur, c.i)
	*e = Event{Op: op, Thread: c.thread}
	switch op {
	case Alloc, Zeroed, Aligned:
		e.Size = int64(v)
		if op == Aligned {
			_, v, i = Wide(c.cur, i)
			e.Align = 1 << v
		}
		e.Slot, e.Number = c.slots.Take(), c.next
		c.numbers[e.Slot] = c.next
		c.next++
	case Free:
		e.Slot, e.Number = uint32(v), c.numbers[v]
		c.slots.Give(e.Slot)
	case Realloc:
		e.Slot, e.Number = uint32(v), c.numbers[v]
		_, v, i = Wide(c.cur, i)
		e.Size = int64(v)
	case Thread:
		c.thread = uint32(v)
		e.Thread = c.thread
	case Time:
		e.Millis = int64(v)
	}
	c.i = i
	return true
}

// log2 is the exponent of a power of two.
func log2(n uint64) uint64 { return uint64(bits.TrailingZeros64(n)) }
