package slab

// What the compiler cannot check here: what entry_unsafe.go says of entries.
// These two share their code with Put and Free and differ in where that code
// jumps when it cannot do it: assembly takes the slow path from the entry, so
// a reclaim costs what a Put does. It holds where the code is the assembly;
// the functions in Go know their slow path themselves, and a reclaim calls
// the whole of its own instead. Assembly that knew its slow path by name would
// break it.

import "unsafe"

var reclaimEntry, reclaimAllocEntry pEntry

// Reclaim gives back a block for somebody who may be later than Close: on an
// open list it is Put. On a closed one, where the block was reported as leaked,
// its pages go back to the arena as soon as all of its slab is back; on a closed
// arena, or for a block that is not out, it does nothing. It is for the floor
// above, whose objects may outlive their list.
func (l *Lookaside) Reclaim(b []byte) {
	e := &reclaimEntry
	(*(*func(*Lookaside, []byte))(unsafe.Pointer(&e)))(l, b)
}

// Reclaim is Lookaside.Reclaim for an allocator.
func (a *Allocator) Reclaim(b []byte) {
	e := &reclaimAllocEntry
	(*(*func(*Allocator, []byte))(unsafe.Pointer(&e)))(a, b)
}

// Reclaim is Lookaside.Reclaim for a tag.
func (x *Tagged) Reclaim(b []byte) {
	defer x.a.late(b, x.state)
	x.Free(b)
}

func (l *Lookaside) reclaimSlow(b []byte) {
	defer l.late(b, stLive)
	l.putSlow(b)
}

func (l *Lookaside) reclaimWhole(b []byte) {
	defer l.late(b, stLive)
	l.putHot(b)
}

func (a *Allocator) reclaimSlow(b []byte) {
	defer a.late(b, stLive)
	a.freeSlow(b)
}

func (a *Allocator) reclaimWhole(b []byte) {
	defer a.late(b, stLive)
	a.freeHot(b)
}

// late is deferred: it takes the block back that Put or Free was too late
// with. Every other panic goes on.
func (o *owner) late(b []byte, want uint8) {
	if r := recover(); r != nil {
		if e, ok := r.(*MisuseError); !ok || e.Kind != UseAfterClose {
			panic(r)
		}
		o.reclaim(b, want)
	}
}

func init() {
	reclaimEntry.code = codeOf((*Lookaside).reclaimWhole)
	reclaimAllocEntry.code = codeOf((*Allocator).reclaimWhole)
	if putEntry.code != putEntry.whole { // the init of entry_unsafe.go came first, and found assembly
		reclaimEntry, reclaimAllocEntry = putEntry, freeEntry
		reclaimEntry.slow = codeOf((*Lookaside).reclaimSlow)
		reclaimAllocEntry.slow = codeOf((*Allocator).reclaimSlow)
	}
}
