// Package objtab has what packages object, memory and mdl share and nobody else should see: how records on the Go
// heap are recycled without allocating, and what a package hangs on the objects that it makes.
//
// # Records that are recycled
//
// Objects, lists and their handles are records on the Go heap that are never freed but used again: creating and
// deleting one allocates nothing in steady state, and a stale handle always points at a record, never at something
// else.
//
//	Cache  last in, first out: the record given back last is the next one taken. For records that carry a
//	       generation, which tells a stale handle from a new one.
//	Queue  first in, first out, and never before a stated number of others have been given back. For records that
//	       carry none.
//
// Both keep a few records per P, taken and given back in an unpreemptible or pinned section without a lock or a locked instruction,
// and the rest in a central store under a mutex, moved by batches. Records parked by a P that went idle stay there
// until it works again: at most shardCap of each kind, 64 bytes and less apiece.
//
// The records of a Cache that says Hidden are in memory that the collector does not look into, and so are the lists of
// free records: what they point at must never be freed, or be kept by somebody else (hidden_unsafe.go).
//
// Lock order: the mutex of a Cache or Queue is the innermost; nothing is called while it is held but Init, which may
// take records of another Cache.
//
// # Bodies
//
// An object's record has room for a Body: bytes, who owns them, flags. Package memory fills it. A Kind is both the
// name of what was made and the key to the body: whoever has no Kind cannot reach one, and a Kind cannot be named
// outside this module.
package objtab
