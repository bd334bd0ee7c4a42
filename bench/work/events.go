package work

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/bench/trace"
)

// The form in which a trace is replayed, in Go and in C: a head of eight words
// of 64 bits (magic, slots, operations, peak of live bytes, allocations, bytes
// asked for, number of events, 0), then one word for each event, all little
// endian:
//
//	bits 0–2    the operation, below
//	bits 3–7    binary logarithm of the alignment
//	bits 8–31   slot in the table of live blocks
//	bits 32–63  size in bytes
//
// Threads are left out: one thread replays everything in the recorded order.
// Blocks of no bytes become blocks of one, since C leaves open what they are.
const (
	EventAlloc   = iota // malloc
	EventZeroed         // calloc
	EventAligned        // aligned allocation
	EventFree
	EventRealloc
	EventSample // time to look at the resident memory
)

const (
	eventMagic = 0x31564B4C // "LKV1"
	headWords  = 8
)

// EventOp is what the event does.
func EventOp(e uint64) int { return int(e & 7) }

// EventAlign is the event's alignment in bytes.
func EventAlign(e uint64) int { return 1 << (e >> 3 & 31) }

// EventSlot is the event's slot.
func EventSlot(e uint64) int { return int(e >> 8 & (1<<24 - 1)) }

// EventSize is the event's size in bytes.
func EventSize(e uint64) int { return int(e >> 32) }

// Events are the events of a trace, outside the Go heap where that is
// possible, so that they do not make collections rarer.
type Events struct {
	Slots    int
	Ops      int64
	PeakLive int64
	Tally    Tally // blocks left live at the end are freed, too
	Words    []uint64
	source   *arena.Arena
}

// WriteEvents writes the events of t to a file.
func WriteEvents(name string, t *trace.Trace) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	e := &eventWriter{w: w, t: t, sizes: make([]int64, t.Slots)}
	head := [headWords]uint64{}
	for _, v := range head {
		e.word(v)
	}
	e.all()
	err = errors.Join(e.err, w.Flush())
	head = [headWords]uint64{
		eventMagic, uint64(t.Slots), uint64(t.Totals.Ops()), uint64(e.peak),
		uint64(t.Totals.Allocs), uint64(e.bytes), e.count - headWords,
	}
	if err == nil {
		if _, err = f.Seek(0, io.SeekStart); err == nil {
			err = binary.Write(f, binary.LittleEndian, head)
		}
	}
	return errors.Join(err, f.Close())
}

// eventWriter turns the events of a trace into words.
type eventWriter struct {
	w       *bufio.Writer
	t       *trace.Trace
	err     error
	count   uint64
	sizes   []int64 // by slot
	live    int64
	peak    int64
	sampled int64
	bytes   int64
}

func (e *eventWriter) word(v uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	if _, err := e.w.Write(b[:]); err != nil && e.err == nil {
		e.err = err
	}
	e.count++
}

func (e *eventWriter) all() {
	if e.t.Slots > 1<<24 {
		e.err = fmt.Errorf("events: %d blocks live at a time exceed %d", e.t.Slots, 1<<24)
		return
	}
	every, ops := max(e.t.Totals.Ops()/256, 1), int64(0)
	var v trace.Event
	for c := e.t.Cursor(); c.Next(&v); {
		if !v.Op.Moves() {
			continue
		}
		e.event(&v)
		ops++
		if ops%every == 0 || e.live > 64<<10 && e.live >= e.sampled+e.sampled/100 {
			e.sampled = max(e.sampled, e.live)
			e.word(EventSample)
		}
	}
}

func (e *eventWriter) event(v *trace.Event) {
	if v.Size >= 1<<32 && e.err == nil {
		e.err = fmt.Errorf("events: a block of %d bytes exceeds %d", v.Size, int64(1<<32-1))
	}
	size := max(v.Size, 1)
	word := uint64(v.Slot)<<8 | uint64(size)<<32
	e.live -= e.sizes[v.Slot]
	e.sizes[v.Slot] = 0
	switch v.Op {
	case trace.Alloc:
		word |= EventAlloc
	case trace.Zeroed:
		word |= EventZeroed
	case trace.Aligned:
		word |= EventAligned | uint64(bits.TrailingZeros64(uint64(v.Align)))<<3
	case trace.Realloc:
		word |= EventRealloc
	case trace.Free:
		e.word(EventFree | uint64(v.Slot)<<8)
		return
	}
	e.sizes[v.Slot] = size
	e.live += size
	e.bytes += size
	e.peak = max(e.peak, e.live)
	e.word(word)
}

// OpenEvents reads what WriteEvents wrote.
func OpenEvents(name string) (*Events, error) {
	text, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer text.Close()
	var head [headWords]uint64
	if err := binary.Read(text, binary.LittleEndian, &head); err != nil || head[0] != eventMagic {
		return nil, fmt.Errorf("events: %s does not begin like a file of events", name)
	}
	e := &Events{Slots: int(head[1]), Ops: int64(head[2]), PeakLive: int64(head[3])}
	e.Tally = Tally{Allocs: int(head[4]), Frees: int(head[4]), Bytes: int(head[5])}
	raw, err := e.room(int(head[6]) * 8)
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(text, raw); err != nil {
		return nil, errors.Join(fmt.Errorf("events: %s: %w", name, err), e.Close())
	}
	e.Words = Words(raw)
	return e, nil
}

// room is n bytes for the events.
func (e *Events) room(n int) ([]byte, error) {
	a, err := arena.Open(arena.Config{Name: "events", Reserve: int64(n) + 64<<20, Huge: arena.HugeNever})
	if err != nil {
		return nil, err
	}
	run, err := a.Acquire(n/a.PageSize() + 1)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	e.source = a
	return run.Bytes()[:n], nil
}

// Close gives the events' memory back.
func (e *Events) Close() error {
	e.Words = nil
	return e.source.Close()
}
