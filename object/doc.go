// Package object has lifetime without memory: handles that are counted, have
// a parent, carry typed contexts and call back when they are deleted and when
// they are destroyed. Memory objects, requests and domains are made of it. It
// is the object model of the Windows Driver Framework.
//
// # Two questions, two callbacks
//
// Deleting an object answers two questions apart. "Stop using it" is Delete:
// everything below the object hears of it in Cleanup, then the object itself.
// "Nobody uses it any more" is the last Unref: Destroy runs and what the
// object held is given back. A device that still reads a buffer holds a
// reference, so the buffer outlives its Delete for as long as that takes, and
// its parent too.
//
//	P ── C1 ── G1      P.Delete()   Cleanup: G1 C1 C2 P   Destroy: G1 C1 C2 P
//	 └── C2            the same with a reference on C1:
//	                                Cleanup: G1 C1 C2 P   Destroy: G1 C2 P … C1 at its last Unref
//
// Parents and children hold no references on each other.
//
// # States
//
// An object goes down this table and never up. Each row says what a handle can
// do in that state; a test tries every cell.
//
//	state      refs  Ref      Unref     Delete   child    AddContext  Adopt    Context  Parent
//	live       1     yes      misuse    yes      yes      yes         yes      yes      yes
//	closing    1     yes      misuse    deleted  deleted  deleted     deleted  yes      yes
//	closed     1     yes      destroys  deleted  deleted  deleted     deleted  yes      none
//	destroyed  0     deleted  misuse    deleted  deleted  deleted     deleted  yes      none
//	gone       0     deleted  misuse    deleted  deleted  deleted     deleted  none     none
//	none       0     invalid  misuse    invalid  -        invalid     invalid  none     none
//
// Live is what New makes. Closing is while Delete, or the parent's Delete, runs
// the Cleanup callbacks; an object whose own Delete began it has left its
// parent by then. Closed is deleted with references left. Destroyed is while
// the Destroy callback runs, gone is after it: State does not tell the two
// apart, and only the callback can. None is the zero handle.
//
// Refs is the number of references that remain when the holder of the handle
// holds none but the one of birth; Unref drops that one. "deleted" is
// ErrDeleted, "invalid" ErrInvalid, and "misuse" a panic with *MisuseError
// that changes nothing.
//
// # Handles and slots
//
// A handle is a slot and a generation. Slots are records of 64 bytes on the
// Go heap that are never freed but used again; the slot's word holds the
// generation of the object that lives there, its state and its references,
// and changes by compare and swap. A handle whose generation is not the
// word's is stale, whatever happened since: generations have 32 bits, and a
// slot that has used up its generations is never used again.
//
// Contexts, callbacks and relatives are in a second record, the kin, which a
// slot gets when an object first needs one, and keeps. Creating and deleting
// allocates nothing once there are slots enough. Since slots are in Go memory
// the race detector sees everything that happens to an object.
//
// # Locks
//
// Each kin has a mutex. A child's may be held while the parent's is taken,
// never the other way round, and none is held while a callback runs: callbacks
// may delete, reference and create objects, their own relatives included.
package object
