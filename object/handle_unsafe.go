package object

// What the compiler cannot check here: that the distance in a handle leads to
// a slot. A handle keeps it in place of a pointer, so that the collector does
// not follow handles: a million of them cost a collection nothing.
//
// Why it holds: handle alone makes distances, from slots; slots are never
// freed, because their cache knows all of them, and the collector moves
// neither them nor variables of the program.
//
// What would break it: a slot that is not a cache's, a handle made of
// anything but a slot, or a collector that moves objects.

import "unsafe"

// anchor is what distances are measured from. No slot is here, so that 0 is
// free for the zero handle.
var anchor [64]byte

// slot returns where the object lives or lived, nil for the zero handle. Builds
// that check pointer arithmetic would take the way from the anchor for one out
// of bounds.
//
//go:nocheckptr
func (o Object) slot() *slot {
	if o.at == 0 {
		return nil
	}
	return (*slot)(unsafe.Add(unsafe.Pointer(&anchor), o.at))
}

// handle returns the handle of the object that lives here, whose word is w.
func (s *slot) handle(w uint64) Object {
	return Object{uintptr(unsafe.Pointer(s)) - uintptr(unsafe.Pointer(&anchor)), genOf(w)}
}
