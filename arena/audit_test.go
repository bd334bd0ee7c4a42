package arena

import "testing"

// audit recounts every page of an arena from the page map and proves that the trees, the list, the bitsets and the
// sums agree with it.
func audit(t testing.TB, a *Arena) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	r := recount{t: t, a: a, seen: map[uint32]bool{}}
	before := uint32(0)
	for i, p := range a.pieces {
		must(t, p.index == uint32(i) && p.first == before, "pieces are numbered without a gap")
		must(t, p.ever <= p.ready && p.ready <= p.pages, "high-water marks %d, %d of %d", p.ever, p.ready, p.pages)
		before += p.pages
		r.piece(p)
	}
	must(t, before == a.nextPage, "pages of pieces: %d, not %d", before, a.nextPage)
	for _, sum := range []struct {
		name         string
		is, recounts int64
	}{
		{"pages in use", a.inUse, r.inUse},
		{"guard pages", a.guards, r.guards},
		{"lost pages", a.lostPages, r.lost},
		{"dirty pages", a.dirtyPages, r.dirty},
		{"free pages", a.freePages(), r.free},
		{"pages ever handed out", a.everPages, r.inUse + r.guards + r.lost + r.free},
		{"free runs", int64(a.free.count), int64(len(r.seen))},
	} {
		must(t, sum.is == sum.recounts, "%s: %d, recounted %d", sum.name, sum.is, sum.recounts)
	}
	must(t, a.bytesOf(a.committed()) <= a.cfg.Limit, "%d pages exceed the limit", a.committed())
	r.trees()
}

// recount is what audit finds.
type recount struct {
	t                                testing.TB
	a                                *Arena
	seen                             map[uint32]bool // free runs
	inUse, guards, lost, free, dirty int64
}

// piece walks the runs of one piece.
func (r *recount) piece(p *piece) {
	t, walked, wasFree := r.t, 0, false
	for at := uint32(0); at < p.ever; walked++ {
		must(t, p.starts.has(at), "page %d of piece %d does not begin a run", at, p.index)
		w := p.heads[at]
		if isFree(w) {
			must(t, !wasFree, "free neighbours at page %d", at)
			wasFree = true
			at += r.freeRun(p, at, w)
			continue
		}
		must(t, isUsed(w), "page %d says %#x", at, w)
		wasFree = false
		n := pagesOf(w)
		must(t, n == 1 || p.heads[at+n-1] == wordNone, "last page of a run in use says %#x", p.heads[at+n-1])
		must(t, p.dirty.count(at, at+n) == 0, "dirty bits of a run in use")
		if w>>34 == 0 {
			r.lost++
		} else {
			r.inUse += int64(n - r.a.extra)
			r.guards += int64(r.a.extra)
		}
		at += n
	}
	began := 0
	for at := p.starts.bits.next(0, p.pages); at < p.pages; at = p.starts.bits.next(at+1, p.pages) {
		must(t, at < p.ever && p.starts.at(at) == at, "mark at page %d", at)
		began++
	}
	must(t, began == walked, "%d marks for %d runs", began, walked)
	must(t, p.dirty.count(p.ever, p.pages) == 0, "dirty bits above the high-water mark")
}

// freeRun looks at the free run that begins at a page, and tells how long it is.
func (r *recount) freeRun(p *piece, at uint32, w uint64) uint32 {
	id := freeRunOf(w)
	f := r.a.free.at(id)
	must(r.t, !r.seen[id], "free run %d is met twice", id)
	r.seen[id] = true
	must(r.t, f.first == at && f.piece == p.index, "free run %d is elsewhere", id)
	must(r.t, p.heads[at+f.pages-1] == w, "last page of a free run says %#x", p.heads[at+f.pages-1])
	must(r.t, p.dirty.count(at, at+f.pages) == f.dirty, "free run with %d dirty pages", f.dirty)
	r.free += int64(f.pages)
	r.dirty += int64(f.dirty)
	return f.pages
}

// trees proves that each free run is in its tree, in order, and the dirty ones in the list.
func (r *recount) trees() {
	t, f := r.t, &r.a.free
	inTree, soiled := 0, 0
	var walk func(id uint32, dirty bool, last *freeRun) *freeRun
	walk = func(id uint32, dirty bool, last *freeRun) *freeRun {
		if id == 0 {
			return last
		}
		n := f.at(id)
		must(t, r.seen[id] && dirty == (n.dirty > 0), "run %d is in the wrong tree", id)
		for _, below := range []uint32{n.left, n.right} {
			must(t, below == 0 || f.at(below).prio <= n.prio, "priorities below run %d", id)
		}
		last = walk(n.left, dirty, last)
		must(t, last == nil || last.before(n.pages, n.piece, n.first), "order before run %d", id)
		inTree++
		if dirty {
			soiled++
		}
		return walk(n.right, dirty, n)
	}
	walk(f.clean, false, nil)
	walk(f.soiled, true, nil)
	must(t, inTree == f.count, "%d runs in the trees, not %d", inTree, f.count)
	for id, older := f.cold, uint32(0); id != 0; id, older = f.at(id).newer, id {
		must(t, f.at(id).older == older && f.at(id).dirty > 0, "run %d in the list", id)
		must(t, f.at(id).newer != 0 || f.hot == id, "end of the list")
		soiled--
	}
	must(t, soiled == 0, "%d dirty runs are missing in the list", soiled)
}
