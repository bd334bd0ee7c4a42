package arena

const (
	// hotLeast is how many bytes of free pages stay resident at least, while there are as many.
	hotLeast = 4 << 20
	// rangeLeast is the shortest range in bytes that Release gives back by itself, while there is not twice too
	// much: shorter ones cost more in system calls than they are worth.
	rangeLeast = 64 << 10
)

// policy decides when Release gives pages back by itself. It needs no clock.
//
// Free pages that are resident may amount to a window: 4 MiB, an eighth of what is in use, or what was given back and
// soon wanted again, whichever is the most; when they exceed it, Release gives back the coldest until half the window
// is left. The regret for what was wanted again fades with every release, and never keeps more resident than was in
// use at the peak: it cannot raise the peak of resident memory.
//
// A round begins only when half a window, 2 MiB at least, has come in since the last, and makes at most 8 system calls
// and one more for every eight releases since, so that scattered pages do not cost a call each; only when there is
// more than four times too much it makes as many calls as there were releases.
type policy struct {
	regret int64 // bytes given back and wanted again
	since  int64 // releases since the last round
	left   int64 // bytes of dirty free pages that the last round left
}

// took notes that pages given back before were handed out again.
func (y *policy) took(refaults int64) {
	if refaults > 0 {
		y.regret += refaults
	}
}

// window is how many bytes of free pages may be resident.
func (a *Arena) window() int64 {
	wanted := min(a.policy.regret, a.bytesOf(a.peak-a.inUse))
	return max(hotLeast, a.bytesOf(a.inUse)/8, wanted)
}

// relax is the end of Release: a round of giving back, where it is due.
func (a *Arena) relax(released int64) {
	y := &a.policy
	y.since++
	y.regret = min(y.regret, 2*a.bytesOf(a.peak)) // twice: it takes a while to fade
	y.regret -= min(y.regret, released/16)
	dirty, window := a.bytesOf(a.dirtyPages), a.window()
	if dirty <= window || dirty < y.left+window/2 {
		return
	}
	least, calls := uint32(rangeLeast>>a.shift), 8+y.since/8
	if dirty > 2*window {
		least = 1
	}
	if dirty > 4*window {
		calls = 8 + y.since
	}
	a.purge(window/2>>a.shift, calls, least)
	y.since = 0
	y.left = a.bytesOf(a.dirtyPages)
}

// Purge gives free pages back to the kernel, so that resident memory really falls, the coldest (least recently
// released) first and within a run of them the highest, until at most keepBytes of them are left. It returns how many
// bytes it gave back. Where huge pages are in use it takes whole ones first, and may then keep up to one huge page
// less than it was told to. A negative keepBytes means 0; on a closed arena it does nothing.
func (a *Arena) Purge(keepBytes int64) (purged int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return 0
	}
	purged = a.bytesOf(a.purge(max(keepBytes, 0)>>a.shift, noLimit, 1))
	a.policy = policy{}
	a.publish()
	return purged
}

// purge drops dirty pages of free runs until at most keep pages are dirty, in at most calls ranges of at least
// least pages each. It returns how many it dropped.
func (a *Arena) purge(keep, calls int64, least uint32) (dropped int64) {
	if a.dirtyPages <= keep {
		return 0
	}
	for _, whole := range [...]bool{true, false} {
		if whole && a.cfg.Huge == HugeNever {
			continue
		}
		for id := a.free.cold; id != 0 && a.dirtyPages > keep && calls > 0; {
			newer := a.free.at(id).newer
			if n := a.purgeRun(id, a.dirtyPages-keep, least, whole); n > 0 {
				dropped += n
				calls--
			}
			id = newer
		}
	}
	if dropped > 0 {
		a.purges++
		a.purged += a.bytesOf(dropped)
	}
	return dropped
}

// purgeRun drops at most excess dirty pages from the high end of a free run, in one range. With whole it leaves alone
// what would break up a huge page, and takes one whole where excess is less. A range that the kernel refuses to drop
// stays dirty.
func (a *Arena) purgeRun(id uint32, excess int64, least uint32, whole bool) int64 {
	f := a.free.at(id)
	p := a.pieces[f.piece]
	lo, hi := f.first, f.first+f.pages
	huge := a.intactFrom(p)
	if whole {
		if hi > huge {
			hi = max(p.alignDown(hi, hugePage), min(huge, hi))
		}
		if lo > huge {
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
		if whole && cut > huge {
			cut = max(lo, p.alignDown(cut, hugePage))
		}
		lo = cut
	}
	if hi-lo < least {
		return 0
	}
	n := p.dirty.count(lo, hi)
	if a.drop(p, lo, hi) != nil {
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
