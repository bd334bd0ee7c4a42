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
