// Package align rounds sizes and addresses, and knows the two sizes of the
// machine that everything above is laid out by: the page and the cache line.
//
// # Theory
//
// Rounding to a power of two is one mask. With a = to, all bits of a-1 lie
// below the alignment and all bits of ^(a-1) at or above it:
//
//	Down(n, a) = n AND NOT (a-1)
//	Up(n, a)   = Down(n + a-1, a)
//
// These are WDF_ALIGN_SIZE_DOWN and WDF_ALIGN_SIZE_UP to the letter. Like the
// macros, they check nothing:
//
//   - a sum that does not fit wraps, so that Up(n, a) < n (this is the
//     documented overflow test);
//   - an alignment that is no power of two gives a value that means nothing;
//   - an alignment of zero gives zero.
//
// They are for numbers the program made itself. A number that came from outside
// goes through [TryUp] or [TryDown], which say no instead:
//
//	                        Up, Down         TryUp, TryDown
//	n negative              formula          false
//	to zero or negative     0, or formula    false
//	to no power of two      meaningless      false
//	result does not fit     wraps            false (TryUp)
//	anything else           the multiple     the same multiple, true
//
// # Pages
//
// [Pages] is BYTES_TO_PAGES and [SpanPages] is ADDRESS_AND_SIZE_TO_SPAN_PAGES
// with this machine's page size. Both add only remainders below one page, never
// the whole size, so neither wraps. The Windows span macro does wrap for sizes
// within two pages of 2^64; a count that came out too small would be believed,
// so here that range gives the true count, and everywhere else the two agree.
//
// # Cost
//
// Every function here that a hot path calls is inlined by the compiler; a test
// reads the compiler's own report and fails when one no longer is.
package align
