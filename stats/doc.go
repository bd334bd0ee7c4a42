// Package stats reads the counters of a living process from outside.
//
// A process that uses this library keeps the counters of its hot paths in the
// pages of a sealed memfd, one for every arena; package internal/statspage has
// the layout. Find looks for them under /proc/PID/fd, Attach opens one for
// reading, Snapshot reads it. The process does nothing for it and
// notices nothing: it may be stopped, wedged or deadlocked, or be the caller
// itself. What is needed is the right to look into /proc/PID/fd, which the same
// user has as a rule.
//
//	step      reads                                   changes in the target
//	Find      /proc/PID/fd                            nothing
//	Attach    /proc/PID/fd/N, opened read-only        nothing
//	Snapshot  header, directory, one line per shard   nothing
//	          and /proc/PID/pagemap for what is resident
//
// The file is read, not mapped, and every offset in it is checked before it is
// followed: a damaged or hostile file gives an error, never a fault, and never a
// long wait.
//
// An arena on the Go heap (in race builds, where LOOKASIDE_BACKING says so, and
// where there is no memfd) has no such file: Find does not see it.
//
// # What is resident
//
// The counters say what the process asked for, not what is in memory: pages
// arrive when they are touched, and the kernel takes some away. So the header
// says where the arena's pages and its records about them are, and
// Reader.Resident asks the kernel about each of them, as arena.Stats does from
// inside. Both count a page that was read and never written, although the one
// page of zeros may be behind it; memory that is swapped out they do not count.
// Of an arena in a memory file only the pages that the process has touched itself
// count here. What the counters occupy is what their file does. Where the
// kernel refuses, an arena is in more than 32 pieces, or it has handed out more
// than 512 GiB, the figure is -1 and Arena.ResidentUnknown says why.
//
// # What the figures mean
//
// While the process runs, the words of one snapshot are moments apart, so Live
// and Parked may be a few blocks off per P; on a quiet process they are exact.
// Every count is a sum over the shards:
//
//	Gets   = Σ gets of the shards + gets past them
//	Live   = Σ (moved in − moved out − parked) + gets past them − puts past them
//	Parked = Σ parked + depot
//
// A goroutine's own shard (slab.Local) counts to the classes it serves.
//
// Elsewhere than on Linux Find and Attach return an error that wraps
// errors.ErrUnsupported.
package stats
