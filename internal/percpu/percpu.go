package percpu

import "strconv"

// Mode is the way in which a section of code is kept alone with an id. It is decided once, before any code outside
// this package runs, and never changes in the life of a process.
type Mode uint8

const (
	// Unpreemptible: the id is a P's, read by ID in functions that cannot be preempted. Pin and Unpin work too, with
	// the same ids.
	Unpreemptible Mode = iota
	// Pinned: the id is a P's, and only Pin and Unpin give it. ID returns -1.
	Pinned
	// Tokens: the id is the number of a token that Pin takes and Unpin returns. ID returns -1.
	Tokens
)

// String returns the name of the mode in lower case.
func (m Mode) String() string {
	switch m {
	case Unpreemptible:
		return "unpreemptible"
	case Pinned:
		return "pinned"
	case Tokens:
		return "tokens"
	}
	return "mode " + strconv.Itoa(int(m))
}

// Offsets leads from a goroutine's descriptor to the id of its P: the
// thread's descriptor is at m in the goroutine's, the P's at p in the
// thread's, and the id, 32 bits, at id in the P's. ok is false unless the mode
// is Unpreemptible; then they have been verified, and assembly under the same
// rules as ID may use them.
func Offsets() (m, p, id uintptr, ok bool) { return verified() }
