package object

// Each calls f with every object in the process of which it can be told that it
// is in use: with references besides the one of birth, deleted but not gone, or
// noted. Those that have nothing but the reference they were born with look like
// free slots. While f runs there is a reference on the object. It is for
// reports: it looks at every slot there is, and what it finds may have changed
// when it returns.
func Each(f func(Object)) {
	visit := func(s *slot) {
		o, ok := s.visit()
		if !ok {
			return
		}
		defer o.unref(&visitor)
		f(o)
	}
	for b := range slots {
		slots[b].Each(visit)
	}
}

// visit takes a reference on the object that lives in the slot, if it is
// certain that one does. Nothing is written down.
func (s *slot) visit() (Object, bool) {
	for {
		w := s.word.Load()
		inUse := w&refMask > 1 || w&refMask == 1 && w&(stateMask|noted) != 0
		if !inUse {
			return Object{}, false
		}
		o := s.handle(w)
		// It had a handle when we looked, so its body is published, and a reference keeps it.
		if _, err := o.take(); err == nil {
			return o, true
		}
	}
}
