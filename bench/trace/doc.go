// Package trace reads, holds and writes allocation traces: the record of every
// malloc, calloc, aligned allocation, realloc and free that a program did, with
// its thread, in the order in which they happened.
//
// # The text
//
// One event a line, plain or compressed by gzip, which is recognised by its
// first two bytes:
//
//	# alloctrace v1   the first line, exactly
//	# …               a comment; the program and the number of threads by custom
//	@ MS              milliseconds since the first event
//	T N               what follows is thread N's; thread 0 until the first such line
//	a SIZE            malloc: a new block; blocks are numbered 0, 1, 2 … in file order
//	z SIZE            calloc: a new block that reads zero
//	m SIZE ALIGN      a new block at a multiple of ALIGN
//	f BACK            free of block (newest number - BACK)
//	r BACK SIZE       realloc of that block, which keeps its number
//	# end: KEY=N …    the last line: totals to check against
//
// Size 0 is legal. The reader is strict: whatever is not in this table, and
// whatever could not have happened (a free of a block that was never
// allocated, or is free already), is a *SyntaxError with file, line and one
// sentence. Of the totals, allocs, frees, reallocs and xthread_frees (frees
// on another thread than the one that allocated) are checked when present.
//
// # The shape in memory
//
// A trace of millions of events must not weigh more than the program that it
// replays, and must not lie on the Go heap, where it would make collections
// rarer than they would be for the program alone. So events are words of one
// to four bytes in pages of an arena:
//
//	bits 0–2   operation, or "high": this word holds bits 27 and up of the next
//	bits 3–4   length of the word in bytes, less one
//	bits 5–…   the operand: 3, 11, 19 or 27 bits
//
// An allocation's operand is its size, so most take two bytes. A free's operand
// is the block's slot. Slots are what the replay's table of live blocks is
// indexed by: a new block takes the slot that was freed last, or the next new
// one, so that the table is as long as the largest number of blocks live at
// one time and slots are small numbers; since the rule is fixed (type Slots),
// an allocation need not name its slot. Realloc has a second word with the
// size, aligned allocations one with the binary logarithm of the alignment.
//
// The C compiler's trace of 7.5 million events takes 19 MB in this shape, 2.6
// bytes an event, against 38 MB of text and 60 MB at eight bytes an event.
package trace
