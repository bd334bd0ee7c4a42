// Package record is the result of a comparison of allocators: what was measured
// where, as data; the ratios that follow from it; and a page to look at.
//
// # What a ratio is
//
// All contenders make one shot of a workload in every round, one after the other,
// and the order is reversed from round to round. A ratio divides a value of
// lookaside by that of a rival in the same round, so that what disturbed the
// machine disturbed both. Of the rounds' ratios the median counts, and the
// smallest and the largest are told with it. Below one, lookaside needs less.
//
// # Metrics
//
//	time                nanoseconds for one operation, all threads together
//	p50 … p99.99        nanoseconds of single operations, the clock's own reading included
//	peak, residual …    resident bytes, less what the process occupied before the first block
//	pause, cpu          nanoseconds of a collection with the world stopped, and of all processors together
//
// # Files
//
// A Record is written as JSON and as one HTML page that needs nothing else.
// Path gives a record's place in a folder: the processor's model, then the day.
// Nothing in a record names a host, a user or a folder.
package record
