package arena

import (
	"errors"
	"fmt"
)

// Errors of the package. They arrive wrapped in a text with the numbers; test them with errors.Is.
var (
	// ErrLimit says that Config.Limit does not allow the pages.
	ErrLimit = errors.New("limit reached")
	// ErrExhausted says that there is no address space left, or that the kernel refused to give memory; in the
	// second case its error is wrapped too.
	ErrExhausted = errors.New("address space exhausted")
	// ErrClosed says that the arena is closed or closing.
	ErrClosed = errors.New("arena closed")
	// ErrInvalid says that an argument or a Config value makes no sense.
	ErrInvalid = errors.New("invalid argument")
)

// Misuse says which mistake a MisuseError reports.
type Misuse uint8

// The mistakes that a caller can make with a run.
const (
	Foreign    Misuse = iota + 1 // the run is another arena's, or the zero Run
	NotInUse                     // the run was released before, or replaced by Extend
	AfterClose                   // the arena is closed
)

var misuseNames = [...]string{
	Foreign:    "the run is not this arena's",
	NotInUse:   "the run is not in use",
	AfterClose: "the arena is closed",
}

// String says it in words.
func (m Misuse) String() string {
	if int(m) < len(misuseNames) && misuseNames[m] != "" {
		return misuseNames[m]
	}
	return fmt.Sprintf("misuse %d", uint8(m))
}

// MisuseError is the value of the panic with which Release and Extend answer a run that is not in use. The arena is
// unchanged: whoever recovers may go on.
type MisuseError struct {
	Op    string  // "release" or "extend"
	Kind  Misuse  // what is wrong
	Arena string  // name of the arena asked
	Addr  uintptr // where the run begins, 0 for the zero Run
	Pages int     // how many pages it claims to have
}

// Error names the operation, the run and the mistake.
func (e *MisuseError) Error() string {
	return fmt.Sprintf("arena: %s: run of %d pages at %#x in %q: %v", e.Op, e.Pages, e.Addr, e.Arena, e.Kind)
}
