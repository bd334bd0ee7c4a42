package mdl

import "offheap.example/lookaside/slab"

// kernelState is what a list has asked the kernel for. It follows the list's
// front, and ends with the list.
type kernelState struct {
	lock *locking // nil unless the list is locked
	view *view    // nil unless the list is mapped
}

// moved tells that n bytes were taken off the front, or, where n is negative,
// that -n bytes came to it.
func (k *kernelState) moved(n int) {
	switch {
	case k.lock == nil:
	case n < 0:
		k.lock.lead -= n
	default:
		k.lock.advance(n)
	}
}

// mustEnd panics when the list may not be released yet: its pages are locked.
func (k *kernelState) mustEnd() {
	if k.lock != nil {
		panic(&MisuseError{Op: "release", Kind: slab.Unbalanced, List: "scatter list"})
	}
}

// end takes a mapping away.
func (k *kernelState) end() {
	if v := k.view; v != nil {
		k.view = nil
		v.end()
	}
}
