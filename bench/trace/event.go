package trace

import "fmt"

// Op is what an event does.
type Op uint8

// The operations.
const (
	Alloc   Op = iota // a new block of Size bytes
	Zeroed            // a new block of Size bytes that reads zero
	Aligned           // a new block of Size bytes at a multiple of Align
	Free              // the block is freed
	Realloc           // the block is now Size bytes and may have moved
	Thread            // the events that follow are those of Event.Thread
	Time              // Event.Millis have passed since the first event
	high              // inside words only: bits above the operand of the next word
)

var opLetters = [...]byte{Alloc: 'a', Zeroed: 'z', Aligned: 'm', Free: 'f', Realloc: 'r', Thread: 'T', Time: '@'}

// String is the letter that begins the operation's line.
func (o Op) String() string {
	if int(o) < len(opLetters) {
		return string(opLetters[o])
	}
	return fmt.Sprintf("Op(%d)", uint8(o))
}

// Allocates tells whether the operation makes a new block.
func (o Op) Allocates() bool { return o <= Aligned }

// Moves tells whether the operation is one that a contender performs, not a
// mark in the trace.
func (o Op) Moves() bool { return o <= Realloc }

// Event is one line of a trace.
type Event struct {
	Op     Op
	Thread uint32 // index into Trace.Threads: whose event it is
	Slot   uint32 // the block's place in a table of live blocks
	Number uint32 // the block's number in the trace
	Size   int64  // bytes; for Alloc, Zeroed, Aligned and Realloc
	Align  int64  // bytes, a power of two; for Aligned
	Millis int64  // for Time
}

// Slots gives every live block a small number: the one that became free last,
// or the next new one. Parser and replay both follow it, so that they agree
// without the trace saying it. The zero value is ready.
type Slots struct {
	free []uint32
	next uint32
}

// NewSlots returns an empty set with room for n slots, so that Take and Give
// do not allocate as long as no more than n are out at a time.
func NewSlots(n int) *Slots { return &Slots{free: make([]uint32, 0, n)} }

// Take returns a slot that is not in use.
func (s *Slots) Take() uint32 {
	if n := len(s.free) - 1; n >= 0 {
		v := s.free[n]
		s.free = s.free[:n]
		return v
	}
	s.next++
	return s.next - 1
}

// Give says that slot v is not in use any more.
func (s *Slots) Give(v uint32) { s.free = append(s.free, v) }

// Len is the number of different slots handed out so far.
func (s *Slots) Len() int { return int(s.next) }
