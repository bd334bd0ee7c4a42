package sys

import (
	"os"
	"sync/atomic"
)

// hook is the fault hook, nil in production. Publishes: the function given to SetFault. Pairs with: Fault.
var hook atomic.Pointer[func(op string) error]

// SetFault makes every call that may be refused ask f first, with the name of the operation; an error from f is
// returned in place of the call. Nil switches the hook off. It returns a function that puts the former hook back.
// For tests; safe while other goroutines map.
func SetFault(f func(op string) error) (restore func()) {
	var p *func(op string) error
	if f != nil {
		p = &f
	}
	old := hook.Swap(p) // Publishes: f. Pairs with: Fault.
	return func() { hook.Store(old) }
}

// Fault asks the hook about op. Backings that need no kernel call ask it as well, so that their refusals are tested
// by the same tests.
func Fault(op string) error {
	f := hook.Load() // Reads what SetFault published.
	if f == nil {
		return nil
	}
	return (*f)(op)
}

// cut is the hook that makes transfers short, nil in production. Publishes: the function given to SetCut. Pairs with:
// cutTo.
var cut atomic.Pointer[func(op string) int]

// SetCut makes Writev and Readv ask f, with the name of the operation, how many bytes they may transfer at most. Nil
// switches the hook off. It returns a function that puts the former hook back. For tests, which prove with it that a
// short transfer at any byte loses nothing.
func SetCut(f func(op string) int) (restore func()) {
	var p *func(op string) int
	if f != nil {
		p = &f
	}
	old := cut.Swap(p) // Publishes: f. Pairs with: cutTo.
	return func() { cut.Store(old) }
}

// cutTo is how many bytes op may transfer, and false for any number.
func cutTo(op string) (most int, ok bool) {
	f := cut.Load() // Reads what SetCut published.
	if f == nil {
		return 0, false
	}
	return (*f)(op), true
}

// held is how many bytes are mapped. Publishes: nothing but the sum. Pairs with: Held.
var held atomic.Int64

// Held is how many bytes of address space this package has mapped and not unmapped since.
func Held() int64 { return held.Load() }

// PageSize is the size of a page in bytes, a power of two.
func PageSize() int { return os.Getpagesize() }
