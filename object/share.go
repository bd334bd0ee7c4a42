package object

import "offheap.example/lookaside/internal/objtab"

// ShareAs is RefAs for those who hold a reference by RefAs already and need
// another for the same purpose: lists, which take many at a time. It is a short
// way for objects that nobody watches.
func ShareAs(o Object, by *objtab.Holder) error {
	if s := o.slot(); s != nil && !tracing.Load() {
		w := s.word.Load()
		// Publishes: nothing. Acquires: nothing that the first reference has not.
		if genOf(w) == o.gen && w&(busy|noted) == 0 && w&refMask-1 < maxRefs-1 && s.word.CompareAndSwap(w, w+1) {
			return nil
		}
	}
	return RefAs(o, *by)
}

// DropAs is UnrefAs, short while others hold references too and nobody watches.
func DropAs(o Object, by *objtab.Holder) {
	if s := o.slot(); s != nil {
		w := s.word.Load()
		// Publishes: what was done under this reference. Pairs with: last.
		if genOf(w) == o.gen && w&(busy|noted) == 0 && w&refMask > 1 && s.word.CompareAndSwap(w, w-1) {
			return
		}
	}
	o.unref(by)
}
