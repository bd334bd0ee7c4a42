package arena

const (
	// hotMost is how many bytes of free pages stay resident while there is traffic that wants them, and hotLeast how many
	// while there is traffic.
	hotMost, hotLeast = 64 << 20, 16 << 20
	// dropLeast is how many bytes go at the end of an epoch at least.
	dropLeast = 8 << 20
	// coldLeast is how many may stay for good.
	coldLeast = 1 << 20
	// rangeLeast is the shortest range in bytes that is given back without being asked, while there is not twice too
	// much: shorter ones cost more in system calls than they are worth.
	rangeLeast = 64 << 10

	// flatPart is which part of what is in use may be free and resident when resident memory grows to a new peak, and
	// flatLeast how many bytes may in any case.
	flatPart, flatLeast = 64, 128 << 10
	// flatRange is the shortest range in bytes that is given back for that.
	flatRange = 4 << 10
	// aheadPart is which part of the peak is given back then beyond what is above it, and aheadLeast how many bytes are:
	// the more, the seldomer that is, and the more is soon wanted again.
	aheadPart, aheadLeast = 16, 512 << 10

	// partOfHuge is which part of a huge page must be free in one range to break it up without being asked.
	partOfHuge = 4
	// callEvery is how many operations pay for one system call that nobody asked for: an alternation of growing and
	// shrinking makes less than one call in 100 operations.
	callEvery = 128
	// roundEvery is how many releases lie between two rounds at least, where nothing has come in since.
	roundEvery = 64
	// callsFirst is how many calls are paid for when an arena opens, and callsMost how many can be saved up.
	callsFirst, callsMost = 16, 1024

	// EpochOps is how many operations make an epoch, at whose end the pages that nobody wanted in it are half given
	// back. Operations are those of the arena (Acquire and its kin, Extend, Release) and those that Tick is told of.
	EpochOps = 16 << 10
)

// policy decides when pages are given back that nobody asked for. It counts operations and has no clock.
//
// Free pages that are resident may amount to a window: 64 MiB, half as much after every epoch in which some were not
// wanted, down to 16, until some are wanted that were given back; an eighth of what is in use, or what was given back and
// soon wanted again (the regret), whichever is the most. When they exceed it and half a window has come in since the
// last round, Release makes a round: it gives back the longest ranges until half the window is left, or three quarters
// of the regret.
//
// Growth that begins again soon finds its pages: an epoch remembers the least number of free resident pages in it, and
// at its end half of those, which nobody wanted, are given back, and a quarter of the regret is forgotten, of which
// every release forgets a little, too. So what is not
// wanted any more halves with every epoch, and what an alternation that is shorter than an epoch needs is never
// touched. The regret never keeps more resident than was in use at the peak: it cannot raise the peak of resident
// memory.
//
// Every operation pays a little towards system calls, and rounds make no more calls than were paid for: while free
// pages lie scattered a round waits for its ranges to become longer. Only where free pages are more than four times
// too much, which the regret does not let happen twice, a range goes as soon as it is a quarter of a huge page.
type policy struct {
	regret int64 // bytes given back and wanted again
	hot    int64 // bytes that may be resident in any case
	paid   int64 // operations that were not spent on calls yet
	since  int64 // releases since the last round
	left   int64 // bytes of dirty free pages that the last round left
	ops    int64 // in this epoch
	low    int64 // the least number of dirty pages in it
}

// newPolicy is the policy of an arena without dirty pages.
func newPolicy() policy { return policy{paid: callsFirst * callEvery, hot: hotMost} }

// took notes an Acquire: pages given back before were handed out again, and dirty ones are left.
func (y *policy) took(refaults, dirty int64) {
	if refaults > 0 {
		y.regret += refaults
		y.hot = hotMost
	}
	y.low = min(y.low, dirty)
}

// window is how many bytes of free pages may be resident.
func (a *Arena) window() int64 {
	return max(a.policy.hot, a.bytesOf(a.inUse)/8, a.wanted())
}

// wanted is how much of the regret there is room for.
func (a *Arena) wanted() int64 { return min(a.policy.regret, a.bytesOf(a.peak-a.inUse)) }

// passed is the end of every operation, and of n at once in Tick.
func (a *Arena) passed(n int64) {
	y := &a.policy
	y.paid = min(y.paid+n, callsMost*callEvery)
	if y.ops += n; y.ops >= EpochOps {
		a.endEpoch()
	}
}

// flatten is called when pages were taken. Where resident memory is at a new peak, free pages have not been where pages
// were wanted: the longest ranges of them are given back, so that the peak is not theirs, and some more, which makes
// that seldom.
func (a *Arena) flatten() {
	most := a.most.Load()
	if a.committed() <= most {
		return
	}
	keep := max(a.inUse/flatPart, flatLeast>>a.shift)
	if a.dirtyPages > 2*keep {
		drop := a.committed() - most + max(most/aheadPart, aheadLeast>>a.shift)
		a.round(max(keep, a.dirtyPages-drop), max(1, uint32(flatRange>>a.shift)))
	}
	a.most.Store(max(most, a.committed()))
}

// PeakCommitted returns the most that Committed ever was after pages were taken, in bytes. It does not wait for
// anybody.
func (a *Arena) PeakCommitted() int64 { return a.bytesOf(a.most.Load()) }

// relax is the end of Release, which made pages [first, first+n) part of free run id: a round, where it is due.
func (a *Arena) relax(id, first, n uint32) {
	y := &a.policy
	released := a.bytesOf(int64(n))
	y.regret = min(y.regret, 2*a.bytesOf(a.peak)) // twice: it takes a while to fade
	y.regret -= min(y.regret, released/16)
	y.since++
	a.passed(1)
	window := a.window()
	if a.bytesOf(a.dirtyPages) > 4*window {
		a.dropAround(id, first, n, window/2>>a.shift)
	}
	dirty := a.bytesOf(a.dirtyPages)
	if dirty <= window || dirty < y.left+window/2 && (dirty <= 2*window || y.since < roundEvery) {
		return
	}
	least := uint32(rangeLeast >> a.shift)
	if dirty > 2*window {
		least = 1
	}
	a.round(max(window/2, a.wanted()/4*3)>>a.shift, least)
	y.since = 0
}

// dropAround gives back what is dirty around pages that were released, when it is as much as a part of a huge page
// that is worth a call and worth breaking the huge page up: the whole free run, or where that is longer the huge pages
// that the released pages lie in and those beside them. At least keep pages stay dirty.
func (a *Arena) dropAround(id, first, n uint32, keep int64) {
	f := a.free.at(id)
	p := a.pieces[f.piece]
	block := uint32(hugePage >> a.shift)
	lo := p.alignDown(first, hugePage)
	hi := p.alignUp(first+n, hugePage)
	lo, hi = max(f.first, lo-min(lo, block)), min(f.first+f.pages, hi+block)
	if p.dirty.count(lo, hi) >= block/partOfHuge {
		lo, hi = p.dirty.next(lo, hi), p.dirty.last(lo, hi)
		lo = p.dirty.floor(lo, hi, uint32(a.dirtyPages-keep)) // the highest, as always
		a.dropped(a.purgeRange(id, lo, hi))
	}
}

// endEpoch gives back half of what nobody wanted.
func (a *Arena) endEpoch() {
	y := &a.policy
	unwanted := y.low
	if spare := unwanted - coldLeast>>a.shift; spare > 0 {
		keep := a.dirtyPages - min(spare, max(unwanted/2, dropLeast>>a.shift))
		a.round(keep, 1)
		if a.dirtyPages > keep && a.cfg.Huge != HugeNever {
			a.roundOf(keep, 1, mostlyFree) // the rest lies in huge pages that are partly used
		}
		y.hot = max(hotLeast, y.hot/2)
	}
	y.regret -= y.regret / 4
	y.ops, y.low = 0, a.dirtyPages
}

// round drops the longest dirty ranges, whole huge pages where those are used, until at most keep dirty pages are
// left or the calls that are paid for are made.
func (a *Arena) round(keep int64, least uint32) { a.roundOf(keep, least, a.unbroken()) }

// unbroken is what leaves huge pages alone, where they are used.
func (a *Arena) unbroken() breaking {
	if a.cfg.Huge == HugeNever {
		return anything
	}
	return nothing
}

// breaking says which huge pages may be broken up.
type breaking uint8

const (
	anything   breaking = iota
	mostlyFree          // those of which hardly anything is in use
	nothing
)

// hardly is the part of a huge page that may be in use where hardly anything is.
const hardly = 8

// mayBreak tells whether the huge page that a page lies in may be broken up.
func (a *Arena) mayBreak(p *piece, page uint32, which breaking) bool {
	if which != mostlyFree {
		return which == anything
	}
	first, block := p.alignDown(page, hugePage), uint32(hugePage>>a.shift)
	end, used := min(first+block, p.ever), uint32(0)
	for at := first; at < end && used <= block/hardly; {
		run, n, state := a.runAt(p, at)
		next := min(max(run+n, at+1), end) // a guard page is in no run
		if state != PageFree {
			used += next - at
		}
		at = next
	}
	return used <= block/hardly
}

// roundOf is round with a choice of what it may break up.
func (a *Arena) roundOf(keep int64, least uint32, which breaking) {
	y := &a.policy
	calls := y.paid / callEvery
	dropped, made := int64(0), int64(0)
	for id, tries := a.free.last(a.free.soiled), 2*calls+8; id != 0 && made < calls && tries > 0 && a.dirtyPages > keep; tries-- {
		next := a.free.priorTo(id)
		if a.free.at(id).pages < least {
			break // and so are all that follow
		}
		if n := a.purgeRun(id, a.dirtyPages-keep, least, which); n > 0 {
			dropped += n
			made++
		}
		id = next
	}
	y.paid -= made * callEvery
	a.dropped(dropped)
	y.left = a.bytesOf(a.dirtyPages)
}

// dropped accounts for one time that pages were given back.
func (a *Arena) dropped(pages int64) {
	if pages > 0 {
		a.purges++
		a.purged += a.bytesOf(pages)
	}
}

// Tick tells the arena that ops operations of the floors above have passed, so that what nobody wants any more is given
// back also when no run changes hands; see EpochOps. On a closed arena it does nothing.
func (a *Arena) Tick(ops int) {
	a.mu.Lock()
	defer a.unlock()
	if a.gone || ops < 1 {
		return
	}
	a.passed(int64(ops))
	a.publish()
}

// Purge gives free pages back to the kernel, so that resident memory really falls, the coldest (least recently
// released) first and within a run of them the highest, until at most keepBytes of them are left. It returns how many
// bytes it gave back. Where huge pages are in use it takes whole ones first, and may then keep up to one huge page
// less than it was told to. A negative keepBytes means 0; on a closed arena it does nothing.
func (a *Arena) Purge(keepBytes int64) (purged int64) {
	a.mu.Lock()
	defer a.unlock()
	if a.gone {
		return 0
	}
	purged = a.bytesOf(a.purge(max(keepBytes, 0)>>a.shift, noLimit, 1))
	a.policy = newPolicy()
	a.policy.low = a.dirtyPages
	a.publish()
	return purged
}

// purge drops dirty pages of free runs until at most keep pages are dirty, in at most calls ranges of at least
// least pages each. It returns how many it dropped.
func (a *Arena) purge(keep, calls int64, least uint32) (dropped int64) {
	if a.dirtyPages <= keep {
		return 0
	}
	for _, which := range [...]breaking{nothing, anything} {
		if which == nothing && a.cfg.Huge == HugeNever {
			continue
		}
		for id := a.free.cold; id != 0 && a.dirtyPages > keep && calls > 0; {
			newer := a.free.at(id).newer
			if n := a.purgeRun(id, a.dirtyPages-keep, least, which); n > 0 {
				dropped += n
				calls--
			}
			id = newer
		}
	}
	a.dropped(dropped)
	return dropped
}

// purgeRun drops at most excess dirty pages from the high end of a free run, in one range. It leaves alone what would
// break up a huge page that may not be, and takes a whole one where excess is less and none may be. A range that the
// kernel refuses to drop stays dirty.
func (a *Arena) purgeRun(id uint32, excess int64, least uint32, which breaking) int64 {
	f := a.free.at(id)
	p := a.pieces[f.piece]
	lo, hi := f.first, f.first+f.pages
	huge := a.intactFrom(p)
	if which != anything {
		if hi > huge && !a.mayBreak(p, hi-1, which) {
			hi = max(p.alignDown(hi, hugePage), min(huge, hi))
		}
		if lo > huge && lo < hi && !a.mayBreak(p, lo, which) {
			lo = p.alignUp(lo, hugePage)
		}
		if lo >= hi {
			return 0
		}
	}
	lo, hi = p.dirty.next(lo, hi), p.dirty.last(lo, hi)
	if lo >= hi {
		return 0
	}
	if excess < int64(f.dirty) {
		cut := p.dirty.floor(lo, hi, uint32(excess))
		if which == nothing && cut > huge {
			cut = max(lo, p.alignDown(cut, hugePage))
		}
		lo = cut
	}
	if hi-lo < least {
		return 0
	}
	return a.purgeRange(id, lo, hi)
}

// purgeRange drops pages [lo, hi) of a free run, and returns how many of them were dirty.
func (a *Arena) purgeRange(id, lo, hi uint32) int64 {
	p := a.pieces[a.free.at(id).piece]
	n := p.dirty.count(lo, hi)
	if n == 0 || a.drop(p, lo, hi) != nil {
		return 0
	}
	p.dirty.clear(lo, hi)
	a.dirtyPages -= int64(n)
	a.free.cleanse(id, n)
	return int64(n)
}

// drop gives the memory of pages [lo, hi) back. They read zero afterwards.
func (a *Arena) drop(p *piece, lo, hi uint32) error {
	return a.back.drop(p.at(lo), p.off+int64(p.size(lo)), p.size(hi-lo))
}

// alignDown is the last page at or below page whose address is a multiple of to, or page 0.
func (p *piece) alignDown(page uint32, to uintptr) uint32 {
	addr := p.addr() + p.size(page)
	return page - min(page, uint32((addr&(to-1))>>p.shift))
}
