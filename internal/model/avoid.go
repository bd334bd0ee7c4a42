package model

// Avoid names what programs step around because the system is known to do it wrong. Each has a shrunk program in the
// tests that shows it; a field goes when its mistake is mended.
var Avoid = struct {
	// ReallocUnderOtherTag: past the first dozen tags, Realloc under a wrong tag is not refused where the block need not move,
	// and leaves a block behind where it must.
	ReallocUnderOtherTag bool
	// GrowAlignedUnderTag: a tag's account misses the bytes by which Realloc extends in place a block that has pages
	// of its own and holds no more than the largest class.
	GrowAlignedUnderTag bool
	// LargeAfterClose: a large Alloc on a closed allocator asks the arena first, and answers ErrNoMemory where that
	// refuses.
	LargeAfterClose bool
	// FailuresByAttempt: an allocation that is tried again after parked blocks were taken back counts a failure for
	// each try, though Stats.Failures are gets that returned an error.
	FailuresByAttempt bool
}{true, true, true, true}

// sideTags is the number of the first tag that Avoid.ReallocUnderOtherTag is about.
const sideTags = 12
