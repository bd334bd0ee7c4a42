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
// # Parents
//
// An object made without a parent has none: nobody deletes it but its owner.
// What a lookaside.Domain makes has the domain's root for a parent unless an
// option says otherwise. Children are disposed of in the order in which they
// were created; those that several goroutines create at once in some order.
//
// # Handles and slots
//
// A handle is the place of a slot and a generation. Slots are records of 64
// bytes on the Go heap that are never freed but used again; the slot's word
// holds the generation of the object that lives there, its state and its
// references, and changes by compare and swap. A handle whose generation is not
// the word's is stale, whatever happened since: generations have 32 bits, and a
// slot that has used up its generations is never used again.
//
// Relatives are in a second record, the kin, contexts and callbacks in a third,
// the dress. Slots come in three births, by what their objects are born with:
// nothing more, a kin, a kin and a dress. A slot gets what it lacks when an
// object first needs it, and keeps it. Creating and deleting allocates nothing
// once there are slots enough. Since slots are in Go memory the race detector
// sees everything that happens to an object.
//
// The collector looks into dresses and nowhere else: handles are no pointers,
// and slots and kins are in memory without any as far as it knows. Whatever
// those point at lives for ever (slots, kins, dresses, the homes of lists), is
// mapped, or is kept by the dress.
//
// # Who holds what
//
// Floors above take references by RefAs and say who they are. What a watched
// or traced object has is written down: who, and while tracing is on where.
// Holders tells it; Trace and the environment variable LOOKASIDE_TRACE=1 switch
// tracing on, Watch marks one object. Without either a reference costs one
// test more, and Holders knows only how many there are. Each finds the objects
// of the process that somebody holds by looking at every slot, so that nothing
// needs to be kept for reports.
//
// # What does not map to Go
//
// Of the contract's failures these cannot happen here, and have no test: a
// wrong size of a structure, a context size without a type, execution levels
// and synchronization scopes (there are none), a parent where none may be or
// none where one must be (every object may have one), the parent being the
// object itself (New returns the handle after the parent is assigned), a
// context in memory embedded in another object (embedded memory has its own
// handle and contexts), types of objects that must not be deleted, and passive
// level: callbacks always run before Delete or Unref returns.
//
// # Locks
//
// Each kin has a mutex. A child's may be held while the parent's is taken,
// never the other way round, and none is held while a callback runs: callbacks
// may delete, reference and create objects, their own relatives included.
//
// Most objects are deleted by whoever made them, and nobody else ever looked
// into their kin. As long as the word does not say "seen" the deleter takes no
// lock of the object's own: whoever comes into a kin from outside sets the bit
// with a compare and swap, which fails if the object was claimed before.
package object
