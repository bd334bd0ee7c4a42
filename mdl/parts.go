package mdl

import (
	"iter"

	"offheap.example/lookaside/memory"
)

// Parts is All with the memory object that each part belongs to: the zero
// handle where the bytes are borrowed. On a released list the sequence panics
// with *MisuseError.
func (l *List) Parts() iter.Seq2[memory.Object, []byte] {
	return func(yield func(memory.Object, []byte) bool) {
		for i := 0; ; i++ {
			b := l.must("parts")
			if i >= b.hi-b.lo {
				return
			}
			s := &b.segments[b.lo+i]
			if !yield(s.m, s.bytes()) {
				return
			}
		}
	}
}

// Released reports whether the list was released.
func (l *List) Released() bool { return l == nil || l.b == nil }
