// Package invariant has the checks that exist twice, on and off, with one face. They are on in builds with the tag
// lookaside_check and in race builds; in all others Enabled is the constant false, Check and Sometimes inline to
// nothing, and an Only field takes no room. Call sites never mention a build tag.
//
// A failed Check panics: it reports a mistake in this library, never one of its caller, whose mistakes are found by
// code that is always there. A panic is fatal in a pinned section, so Check does not belong between percpu.Pin and
// percpu.Unpin, nor into an unpreemptible function: where it is on, it is a call that can be preempted.
//
// Sometimes takes the road less travelled: a magazine that pretends to be empty, a depot that pretends to be
// contended. Whatever it decides must be right either way, only slower.
//
// The condition given to Check is computed even where Check is off, unless the compiler sees that nothing comes of
// it; a condition that costs something belongs behind
//
//	if invariant.Enabled {
//		invariant.Check(s.recount() == s.live, "slab: live blocks recounted")
//	}
package invariant
