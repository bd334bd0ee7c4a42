package arena

import "fmt"

// Release takes a run back. Its pages stay resident for reuse until there are more of them than the hot window (see
// the package comment); then the coldest are given back to the kernel.
//
// A run that is not in use panics with *MisuseError and changes nothing: the zero Run and another arena's (Foreign), a
// run that was released before or that Extend has replaced (NotInUse), any run of a closed arena (AfterClose).
func (a *Arena) Release(r Run) {
	a.mu.Lock()
	defer a.unlock()
	a.release("release", r)
}

// release is Release under the lock.
func (a *Arena) release(op string, r Run) {
	p := a.mustHold(op, r)
	n := r.pages + a.unfence(p, r.first+r.pages)
	p.starts.unset(r.first)
	p.dirty.set(r.first, r.first+r.pages)
	a.inUse -= int64(r.pages)
	id := a.join(p, r.first, n, r.pages)
	a.releases++
	a.relax(id, r.first, r.pages)
	a.publish()
}

// mustHold gives the piece of a run in use, or panics.
func (a *Arena) mustHold(op string, r Run) *piece {
	kind := NotInUse
	switch {
	case r.a != a:
		kind = Foreign
	case a.gone:
		kind = AfterClose
	default:
		p := a.pieces[r.piece]
		if p.starts.has(r.first) && p.heads[r.first] == usedWord(r.pages+a.extra, r.gen) {
			return p
		}
	}
	e := &MisuseError{Op: op, Kind: kind, Arena: a.cfg.Name, Pages: int(r.pages)}
	if r.a != nil {
		e.Addr = r.addr()
	}
	panic(e)
}

// fence makes the page behind a run inaccessible, where the Config says so. The page loses its old bytes first, so
// that it can count as clean when it comes back; the spans returned no longer name it.
func (a *Arena) fence(p *piece, page uint32, soiled []span) ([]span, error) {
	if a.extra == 0 {
		return soiled, nil
	}
	if n := len(soiled); n > 0 && soiled[n-1].first+soiled[n-1].pages > page {
		if err := a.drop(p, page, page+1); err != nil {
			return soiled, fmt.Errorf("%w: %w", ErrExhausted, err)
		}
		a.purged += a.bytesOf(1)
		if soiled[n-1].pages--; soiled[n-1].pages == 0 {
			soiled = soiled[:n-1]
		}
	}
	if err := a.back.guard(p.at(page), p.size(1)); err != nil {
		return soiled, fmt.Errorf("guard page: %w: %w", ErrExhausted, err)
	}
	a.guards++
	return soiled, nil
}

// unfence makes the page behind a run accessible again and tells how many pages come back: none where there is no
// guard page, or where the kernel refuses; such a page is lost to the arena and stays a run in use that nobody holds.
func (a *Arena) unfence(p *piece, page uint32) uint32 {
	if a.extra == 0 {
		return 0
	}
	a.guards--
	if a.back.unguard(p.at(page), p.size(1)) != nil {
		p.markUsed(page, 1, 0)
		a.lostPages++
		return 0
	}
	return 1
}

// Extend grows a run in place to the given number of pages, where the pages behind it are free and the limit allows
// it. The new pages read zero; the run returned replaces r, which is no longer in use. Otherwise r comes back
// unchanged, with false. A run that is not in use panics as with Release. For the floor above.
func (a *Arena) Extend(r Run, pages int) (Run, bool) {
	var room [8]span
	grown, p, soiled, ok := a.lockedExtend(r, pages, room[:0])
	if len(soiled) > 0 {
		p.zero(soiled)
		a.busy.Done()
	}
	return grown, ok
}

// lockedExtend is the part of Extend under the lock. Where it returns spans to clear, busy has been raised.
func (a *Arena) lockedExtend(r Run, pages int, soiled []span) (Run, *piece, []span, bool) {
	a.mu.Lock()
	defer a.unlock()
	p := a.mustHold("extend", r)
	if pages <= int(r.pages) || int64(pages) > a.cfg.Reserve>>a.shift || a.closing {
		return r, p, nil, pages == int(r.pages)
	}
	defer a.publish()
	more := uint32(pages) - r.pages
	if a.allow(int64(more)) != nil {
		return r, p, nil, false
	}
	end := r.first + r.pages + a.extra
	id := a.following(p, end, more)
	if id == 0 {
		return r, p, nil, false
	}
	soiled = a.carve(id, end, more, soiled)
	a.inUse += int64(more)
	err := a.makeRoom()
	if err == nil {
		soiled, err = a.moveFence(p, end-1, end-1+more, soiled)
	}
	if err != nil {
		a.undo(p, end, more, soiled)
		a.inUse -= int64(more)
		return r, p, nil, false
	}
	p.markUsed(r.first, r.pages+more+a.extra, r.gen)
	a.peak = max(a.peak, a.inUse)
	a.policy.took(0, a.dirtyPages)
	a.passed(1)
	a.flatten()
	if len(soiled) > 0 {
		a.busy.Add(1)
	}
	return a.run(p, r.first, r.pages+more, r.gen), p, soiled, true
}

// moveFence moves the guard page of a run, where there is one, from one page to another behind it.
func (a *Arena) moveFence(p *piece, from, to uint32, soiled []span) ([]span, error) {
	soiled, err := a.fence(p, to, soiled)
	if err != nil || a.extra == 0 {
		return soiled, err
	}
	if err := a.back.unguard(p.at(from), p.size(1)); err != nil {
		if again := a.back.unguard(p.at(to), p.size(1)); again != nil {
			panic(fmt.Sprintf("arena: extend: guard page at %#x cannot be lifted: %v", p.addr()+p.size(to), again))
		}
		a.guards--
		return soiled, err
	}
	a.guards--
	return soiled, nil
}

// undo makes carved pages free again: only those that were dirty before are dirty now.
func (a *Arena) undo(p *piece, first, n uint32, soiled []span) {
	for _, s := range soiled {
		p.dirty.set(s.first, s.first+s.pages)
	}
	a.join(p, first, n, pagesIn(soiled))
}

// following is the free run of at least n pages that begins at a page, made longer by new pages where it reaches the
// high-water mark; 0 where there is none.
func (a *Arena) following(p *piece, at, n uint32) (id uint32) {
	have := uint32(0)
	if at < p.ever {
		if !isFree(p.heads[at]) {
			return 0
		}
		id = freeRunOf(p.heads[at])
		have = a.free.at(id).pages
	}
	if have >= n {
		return id
	}
	if at+have < p.ever || p.pages-p.ever < n-have {
		return 0
	}
	id, err := a.advance(p, n-have)
	if err != nil {
		return 0
	}
	return id
}
