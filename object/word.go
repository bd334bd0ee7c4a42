package object

// The word of a slot, 64 bits that change together:
//
//	63…32  generation: counts the objects that lived in this slot, from 1
//	31     seen: others than New and Delete have been in the kin; whoever goes there takes its mu
//	30     noted: references are written down in the kin
//	29     adorned: the slot's kin holds something of this object
//	28     busy: the one holder is changing the body; everybody else waits
//	27…26  state: live, closing, closed, destroyed
//	25…0   references
//
// A free slot carries the word that its next object will have: the next
// generation, live, one reference. No handle with that generation exists yet,
// so nothing can tell; and New need not touch the word, which saves a locked
// instruction. The free slots of objects that are born with a kin are adorned already.
const (
	genShift = 32
	lastGen  = 1<<32 - 1

	seen    = 1 << 31
	noted   = 1 << 30
	adorned = 1 << 29
	busy    = 1 << 28

	stateShift = 26
	stateMask  = 3 << stateShift
	live       = 0 << stateShift
	closing    = 1 << stateShift
	closed     = 2 << stateShift
	destroyed  = 3 << stateShift

	refMask = 1<<stateShift - 1
	maxRefs = refMask
)

// armed is the word of a free slot whose next object has generation gen.
func armed(gen uint32) uint64 { return uint64(gen)<<genShift | live | 1 }

// after is the word of a slot whose object of generation gen is gone. The
// generation after the last is never given out: the slot is retired, so that
// a stale handle stays stale for ever. It costs one slot in four billion
// objects.
func after(gen uint32) uint64 {
	if gen == lastGen {
		return uint64(gen)<<genShift | destroyed
	}
	return armed(gen + 1)
}

func genOf(w uint64) uint32 { return uint32(w >> genShift) }
func refsOf(w uint64) int   { return int(w & refMask) }

// withState returns w with its state replaced.
func withState(w, state uint64) uint64 { return w&^stateMask | state }

// State is where an object stands in its life.
type State uint8

// The states, in the order in which every object passes through them. The
// table in the package comment says what works in which.
const (
	None      State = iota // the zero handle
	Live                   // as New made it
	Closing                // Delete, or the parent's Delete, runs the Cleanup callbacks
	Closed                 // deleted, but references remain
	Destroyed              // the last reference is gone; in the Destroy callback and ever after
)

var stateNames = [...]string{"none", "live", "closing", "closed", "destroyed"}

// String returns the name of the state in lower case.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "state?"
}

func stateOf(w uint64) State { return Live + State(w&stateMask>>stateShift) }
