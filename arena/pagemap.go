package arena

// The page map says, for the first page of every run, whether the run is free or in use, and for the last page of
// every free run where it begins; what it says of other pages is stale and never read: marks finds the first page of
// the run that any page lies in. A word is
//
//	wordNone                 the last page of a run in use
//	wordUsed  pages gen      the first page of a run in use, guard page included
//	wordFree  id             the first or last page of a free run, which is freeRuns.all[id]
const (
	wordNone  = 0
	wordUsed  = 1
	wordFree  = 2
	wordKinds = 3

	genBits = 30
	maxGen  = 1<<genBits - 1
)

func usedWord(pages, gen uint32) uint64 {
	return uint64(gen)<<34 | uint64(pages)<<2 | wordUsed
}

func freeWord(id uint32) uint64 { return uint64(id)<<2 | wordFree }

func isUsed(w uint64) bool      { return w&wordKinds == wordUsed }
func isFree(w uint64) bool      { return w&wordKinds == wordFree }
func pagesOf(w uint64) uint32   { return uint32(w >> 2) }
func freeRunOf(w uint64) uint32 { return uint32(w >> 2) }

// markUsed writes a run in use of n pages into the page map.
func (p *piece) markUsed(first, n, gen uint32) {
	p.heads[first+n-1] = wordNone
	p.heads[first] = usedWord(n, gen)
	p.starts.set(first)
}

// addFree writes a free run into the page map and the trees; newer is its place among the dirty ones (see
// freeRuns.add). The run has no free neighbour.
func (a *Arena) addFree(p *piece, first, n, dirty, newer uint32) uint32 {
	id := a.free.add(freeRun{first: first, pages: n, piece: p.index, dirty: dirty}, newer)
	p.heads[first] = freeWord(id)
	p.heads[first+n-1] = freeWord(id)
	p.starts.set(first)
	a.dirtyPages += int64(dirty)
	return id
}

// dropFree takes a free run out of the trees. Its pages are nobody's until the caller writes the page map again.
func (a *Arena) dropFree(id uint32) freeRun {
	f := a.free.drop(id)
	a.dirtyPages -= int64(f.dirty)
	a.pieces[f.piece].starts.unset(f.first)
	return f
}

// join makes pages [first, first+n) free, together with the free runs before and behind them, and returns the run.
// The dirty bits of the pages are already what they should be: dirty of them are set.
func (a *Arena) join(p *piece, first, n, dirty uint32) uint32 {
	if first > 0 {
		if w := p.heads[first-1]; isFree(w) {
			f := a.dropFree(freeRunOf(w))
			first, n, dirty = f.first, n+f.pages, dirty+f.dirty
		}
	}
	if end := first + n; end < p.ever {
		if w := p.heads[end]; isFree(w) {
			f := a.dropFree(freeRunOf(w))
			n, dirty = n+f.pages, dirty+f.dirty
		}
	}
	return a.addFree(p, first, n, dirty, 0)
}

// span is a range of pages of one piece.
type span struct{ first, pages uint32 }

// carve takes pages [first, first+n) out of free run id and appends the dirty ranges among them to soiled, with
// their bits cleared. What remains on either side stays free, as cold or as hot as it was.
func (a *Arena) carve(id, first, n uint32, soiled []span) []span {
	f := *a.free.at(id)
	p := a.pieces[f.piece]
	newer := uint32(0)
	if f.dirty > 0 {
		newer = f.newer
	}
	a.dropFree(id)
	end := first + n
	if f.dirty > 0 {
		for at := p.dirty.next(first, end); at < end; at = p.dirty.next(at, end) {
			stop := p.dirty.nextClear(at, end)
			soiled = append(soiled, span{at, stop - at})
			at = stop
		}
		p.dirty.clear(first, end)
	}
	dirtyLeft := uint32(0)
	if left := first - f.first; left > 0 {
		if f.dirty > 0 {
			dirtyLeft = p.dirty.count(f.first, first)
		}
		a.addFree(p, f.first, left, dirtyLeft, newer)
	}
	if right := f.first + f.pages - end; right > 0 {
		dirtyRight := f.dirty - dirtyLeft - pagesIn(soiled)
		a.addFree(p, end, right, dirtyRight, newer)
	}
	return soiled
}

// pagesIn sums up the pages of spans.
func pagesIn(spans []span) (n uint32) {
	for _, s := range spans {
		n += s.pages
	}
	return n
}
