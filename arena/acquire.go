package arena

import (
	"fmt"
	"math"

	"offheap.example/lookaside/align"
)

// Acquire hands out a run of pages that read zero. Past Config.Limit it is ErrLimit, past Config.Reserve or where the
// kernel refuses ErrExhausted (with the kernel's error), on a closed arena ErrClosed, and ErrInvalid for less than one
// page. After any error everything handed out before stays valid, and after a Release the next Acquire may work.
func (a *Arena) Acquire(pages int) (Run, error) {
	return a.acquire("acquire", pages, 0, true)
}

// AcquireUninitialized is Acquire for those who overwrite everything: old bytes of the same arena may shine through.
// For the floor above.
func (a *Arena) AcquireUninitialized(pages int) (Run, error) {
	return a.acquire("acquire", pages, 0, false)
}

// AcquireAligned is Acquire at an address that is a multiple of to bytes, which must be a power of two and at least a
// page (and at most MaxReserve), else ErrInvalid. For the floor above.
func (a *Arena) AcquireAligned(pages int, to int) (Run, error) {
	if !align.IsPow2(to) || to < a.PageSize() || int64(to) > MaxReserve {
		return Run{}, fmt.Errorf("arena: acquire: alignment %d: must be a power of two from %d to %d: %w",
			to, a.PageSize(), int64(MaxReserve), ErrInvalid)
	}
	return a.acquire("acquire", pages, uintptr(to), true)
}

func (a *Arena) acquire(op string, pages int, to uintptr, zero bool) (Run, error) {
	fail := func(err error) (Run, error) {
		return Run{}, fmt.Errorf("arena: %s: %d pages in %q: %w", op, pages, a.cfg.Name, err)
	}
	if pages < 1 {
		return fail(fmt.Errorf("must be at least 1: %w", ErrInvalid))
	}
	a.mu.Lock()
	if a.closing {
		a.mu.Unlock()
		return fail(ErrClosed)
	}
	var room [8]span // on the stack: few runs have more dirty ranges than that
	r, soiled, err := a.take(pages, max(to, 1), room[:0])
	if err == nil {
		a.acquires++
	}
	a.publish()
	if err != nil {
		a.unlock()
		return fail(err)
	}
	if !zero || len(soiled) == 0 {
		a.unlock()
		return r, nil
	}
	a.busy.Add(1)
	p := a.pieces[r.piece]
	a.unlock()
	p.zero(soiled)
	a.busy.Done()
	return r, nil
}

// zero clears the old bytes of spans that are already the caller's.
func (p *piece) zero(spans []span) {
	for _, s := range spans {
		clear(p.bytes(s.first, s.pages))
	}
}

// take finds, carves and accounts for a run, and returns the dirty ranges in it, appended to room.
func (a *Arena) take(pages int, to uintptr, room []span) (Run, []span, error) {
	// Step 1: what can never be had.
	if int64(pages) > a.cfg.Reserve>>a.shift || pages > math.MaxInt>>a.shift {
		return Run{}, nil, fmt.Errorf("the reserve is %d bytes: %w", a.cfg.Reserve, ErrExhausted)
	}
	if err := a.allow(int64(pages)); err != nil {
		return Run{}, nil, err
	}
	// Step 2: a free run, first one that has resident pages. Step 3: new pages.
	n := uint32(pages) + a.extra
	id, first := a.fit(n, to)
	fresh := uint32(0)
	if id == 0 {
		var err error
		if id, fresh, err = a.growFree(n, to); err != nil {
			return Run{}, nil, err
		}
		first = a.place(id, n, to)
	}
	// Step 4: take it out of the free run.
	p := a.pieces[a.free.at(id).piece]
	soiled := a.carve(id, first, n, room)
	refaults := int64(n) - int64(fresh) - int64(pagesIn(soiled))
	if a.gen++; a.gen > maxGen {
		a.gen = 1
	}
	p.markUsed(first, n, a.gen)
	a.inUse += int64(pages)
	r := a.run(p, first, uint32(pages), a.gen)
	// Step 5: stay within the limit, and fence the run.
	err := a.makeRoom()
	if err == nil {
		soiled, err = a.fence(p, first+uint32(pages), soiled)
	}
	if err != nil {
		a.inUse -= int64(pages)
		p.starts.unset(first)
		a.undo(p, first, n, soiled)
		return Run{}, nil, err
	}
	a.peak = max(a.peak, a.inUse)
	a.policy.took(a.bytesOf(refaults), a.dirtyPages)
	a.passed(1)
	a.flatten()
	return r, soiled, nil
}

// allow tells whether more pages in use can be within the limit at all.
func (a *Arena) allow(more int64) error {
	if a.bytesOf(a.inUse+more) > a.cfg.Limit {
		return fmt.Errorf("%d bytes in use, the limit is %d: %w", a.bytesOf(a.inUse), a.cfg.Limit, ErrLimit)
	}
	return nil
}

// makeRoom purges free pages where those in use have come too close to the limit.
func (a *Arena) makeRoom() error {
	if a.bytesOf(a.committed()) <= a.cfg.Limit {
		return nil
	}
	a.purge((a.cfg.Limit>>a.shift)-a.inUse, noLimit, 1)
	if a.bytesOf(a.committed()) > a.cfg.Limit {
		return fmt.Errorf("%d bytes committed, the limit is %d: %w", a.bytesOf(a.committed()), a.cfg.Limit, ErrLimit)
	}
	return nil
}

// fit looks for n aligned pages among the free runs, those with resident pages first.
func (a *Arena) fit(n uint32, to uintptr) (id, first uint32) {
	for _, root := range [...]uint32{a.free.soiled, a.free.clean} {
		if id, first = a.fitIn(root, n, to); id != 0 {
			return id, first
		}
	}
	return 0, 0
}

// fitIn takes the best fit. For alignment beyond a page it tries the 32 best, and then the first run that is long
// enough wherever it begins.
func (a *Arena) fitIn(root, n uint32, to uintptr) (id, first uint32) {
	id = a.free.fit(root, n)
	for try := 0; id != 0 && try < 32; try++ {
		if first = a.place(id, n, to); first != noPlace {
			return id, first
		}
		id = a.free.after(id)
	}
	if slack := uint64(to >> a.shift); id != 0 && uint64(n)+slack <= math.MaxUint32 {
		if id = a.free.fit(root, n+uint32(slack)); id != 0 {
			return id, a.place(id, n, to)
		}
	}
	return 0, 0
}

const noPlace = math.MaxUint32

// place is where n aligned pages go in free run id: at the end that holds more dirty pages, at the lower one among
// equals, so that one free run remains and resident pages are used first; noPlace where they do not fit.
func (a *Arena) place(id, n uint32, to uintptr) uint32 {
	f := a.free.at(id)
	p := a.pieces[f.piece]
	low, end := p.alignUp(f.first, to), f.first+f.pages
	if uint64(low)+uint64(n) > uint64(end) {
		return noPlace
	}
	high := end - n
	if f.dirty == 0 || f.dirty == f.pages || high == low || p.alignUp(high, to) != high {
		return low
	}
	if p.dirty.count(high, end) > p.dirty.count(low, low+n) {
		return high
	}
	return low
}
