package object

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"

	"offheap.example/lookaside/internal/objtab"
)

// tracing is the switch of the whole process.
var tracing counted

// counted is on until it was switched off as often as on.
type counted struct {
	n atomic.Int32 // Publishes: nothing. Pairs with: itself.
}

// Load reports whether it is on.
func (c *counted) Load() bool { return c.n.Load() > 0 }

func init() {
	if on, err := strconv.ParseBool(os.Getenv("LOOKASIDE_TRACE")); err == nil && on {
		Trace(true)
	}
}

// Trace switches tracing on for the whole process, or takes one such call
// back: it is on until it was switched off as often as on. While it is on every
// object that is made remembers where, and every reference that is taken where
// and by whom: a microsecond and some two hundred bytes each. Objects that were
// traced stay so until they are gone. The environment variable
// LOOKASIDE_TRACE=1 switches it on from the start.
func Trace(on bool) {
	if on {
		tracing.n.Add(1)
		return
	}
	for {
		n := tracing.n.Load()
		if n == 0 || tracing.n.CompareAndSwap(n, n-1) {
			return
		}
	}
}

// Tracing reports whether tracing is on for the whole process.
func Tracing() bool { return tracing.Load() }

var (
	plain   = objtab.Holder{Kind: objtab.Nobody} // who holds what Ref took
	visitor = objtab.Holder{Kind: "visitor"}     // who holds what visit took
)

const stackDepth = 16

// stack is where something happened.
type stack struct {
	n   int
	pcs [stackDepth]uintptr
}

// take records the stack from whoever called the function that called our
// caller.
func (s *stack) take(depth int) { s.n = runtime.Callers(4, s.pcs[:depth]) }

// notes are what a noted object has more. Guarded by the kin's mu.
type notes struct {
	full  bool // traced: each reference with its stack
	born  stack
	taken []record
}

// record is one reference.
type record struct {
	by objtab.Holder
	at stack
}

// forget empties the notes for the slot's next object.
func (n *notes) forget() {
	n.full, n.born.n = false, 0
	clear(n.taken)
	n.taken = n.taken[:0]
}

// RefAs is Ref by somebody who says who he is: where the object is watched or
// traced, reports name him. UnrefAs with the same Holder drops the reference.
func RefAs(o Object, by objtab.Holder) error {
	w, err := o.take()
	if err == nil && (w&noted != 0 || Tracing()) {
		o.note(by)
	}
	return err
}

// UnrefAs is Unref for references that RefAs took.
func UnrefAs(o Object, by objtab.Holder) { o.unref(&by) }

// note writes a reference down that the caller has just taken.
//
//go:noinline
func (o Object) note(by objtab.Holder) {
	k := o.lockNotes(Tracing())
	defer k.mu.Unlock()
	n := &k.dress.more.notes
	if len(n.taken) < cap(n.taken) {
		n.taken = n.taken[:len(n.taken)+1]
	} else {
		n.taken = append(n.taken, record{})
	}
	r := &n.taken[len(n.taken)-1]
	r.by, r.at.n = by, 0
	switch {
	case n.full:
		r.at.take(stackDepth)
	case by == plain:
		r.at.take(1)
	}
}

// lockNotes makes a noted object of one that a reference keeps, a traced one
// where full says so, and returns its notes with the kin's mu held.
func (o Object) lockNotes(full bool) *kin {
	const known = adorned | seen | noted
	s := o.slot()
	k := s.ensureKin()
	k.mu.Lock()
	n := &k.rest().notes
	n.full = n.full || full
	for {
		w := s.word.Load()
		switch {
		case w&known == known:
			return k
		case w&busy != 0:
			runtime.Gosched()
		// Publishes: that references are written down. Pairs with: Ref and Unref.
		case s.word.CompareAndSwap(w, w|known):
			return k
		}
	}
}

// trace makes a traced object of a new one.
//
//go:noinline
func (o Object) trace() {
	k := o.lockNotes(true)
	k.dress.more.notes.born.take(stackDepth)
	k.mu.Unlock()
}

// strike takes the record of a reference out that the caller is about to drop.
// What was taken before the object was noted has none.
func (o Object) strike(by objtab.Holder) {
	o.look(func(k *kin) {
		n := &k.rest().notes
		for i := len(n.taken) - 1; i >= 0; i-- {
			if n.taken[i].by == by {
				last := len(n.taken) - 1
				copy(n.taken[i:], n.taken[i+1:])
				n.taken[last].by = objtab.Holder{}
				n.taken = n.taken[:last]
				return
			}
		}
	})
}

// Watch has references on o written down from now on, also while tracing is
// off: with who took them, and where a plain Ref was called. On an object
// that is gone it does nothing.
func Watch(o Object) {
	if o.TryRef() {
		o.lockNotes(false).mu.Unlock()
		o.Unref()
	}
}

// Holders returns who holds references on o, in the order in which they came:
// what was written down, and one entry for the references nobody wrote down.
// The one that Delete consumes is nobody's. An object that is gone has no
// holders.
func Holders(o Object) []objtab.Held {
	s := o.slot()
	if s == nil {
		return nil
	}
	var held []objtab.Held
	known := 0
	o.look(func(k *kin) {
		m := k.seenRest()
		if m == nil {
			return
		}
		for i := range m.notes.taken {
			r := &m.notes.taken[i]
			known++
			held = addHeld(held, r.by, r.at.pcs[:r.at.n])
		}
	})
	w := s.word.Load()
	if genOf(w) != o.gen {
		return nil
	}
	others := refsOf(w) - known
	if s := w & stateMask; s == live || s == closing {
		others--
	}
	if others > 0 {
		held = append(held, objtab.Held{Holder: plain, Count: others})
	}
	return held
}

// Born returns where an object was made, innermost first, as runtime.Callers
// gives it; nil unless tracing was on.
func Born(o Object) (pcs []uintptr) {
	o.look(func(k *kin) {
		if m := k.seenRest(); m != nil {
			born := &m.notes.born
			pcs = append(pcs, born.pcs[:born.n]...)
		}
	})
	return pcs
}

// addHeld counts a reference in held.
func addHeld(held []objtab.Held, by objtab.Holder, pcs []uintptr) []objtab.Held {
	for i := range held {
		if held[i].Holder == by && slices.Equal(held[i].PCs, pcs) {
			held[i].Count++
			return held
		}
	}
	return append(held, objtab.Held{Holder: by, Count: 1, PCs: append([]uintptr(nil), pcs...)})
}
