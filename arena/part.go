package arena

import "errors"

// AcquirePart hands out a run of at least one and at most most pages, for those who need pages and not one range of
// them: where no free run is long enough it takes the longest there is, resident ones first, before it asks for pages
// that nobody had before; and where the limit or the reserve allows fewer than most pages, it takes those. With zero
// the pages read zero, otherwise old bytes of the same arena may shine through. Errors are those of Acquire, which mean
// that not even one page can be had.
func (a *Arena) AcquirePart(most int, zero bool) (Run, error) {
	for n := most; ; {
		r, err := a.acquire("acquire part", a.part(n), 0, zero)
		if err == nil || n <= 1 || !errors.Is(err, ErrLimit) && !errors.Is(err, ErrExhausted) {
			return r, err
		}
		n /= 2
	}
}

// part is how many pages of the n wanted the next run should have.
func (a *Arena) part(n int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closing || n < 1 {
		return n // acquire says why not
	}
	if room := a.cfg.Limit>>a.shift - a.inUse; room > 0 {
		n = int(min(int64(n), room))
	}
	if whole := max(a.cfg.Reserve>>a.shift-int64(a.extra), 1); int64(n) > whole {
		n = int(whole)
	}
	need := uint32(n) + a.extra
	if a.free.fit(a.free.soiled, need) != 0 || a.free.fit(a.free.clean, need) != 0 {
		return n
	}
	for _, root := range [...]uint32{a.free.soiled, a.free.clean} {
		if longest := a.free.longest(root); longest > a.extra {
			return int(longest - a.extra)
		}
	}
	return n
}

// longest is how many pages the longest run under root has.
func (t *freeRuns) longest(root uint32) (pages uint32) {
	for ; root != 0; root = t.at(root).right {
		pages = t.at(root).pages
	}
	return pages
}

// Node tells the NUMA node that Config.Node binds the arena to; false where it says any.
func (a *Arena) Node() (number int, bound bool) { return a.cfg.Node.number, a.cfg.Node.bound }
