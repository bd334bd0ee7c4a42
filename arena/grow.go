package arena

import (
	"fmt"
	"math"
	"slices"

	"offheap.example/lookaside/internal/sys"
)

const (
	noLimit = math.MaxInt64

	pieceLeast     = 64 << 20 // bytes of a piece where the reserve was refused
	heapPieceLeast = 4 << 20  // the same on the Go heap

	stepLeast = 1 << 20  // bytes made accessible at once, at least
	stepMost  = 16 << 20 // and at most, unless one run needs more

	// smallBytes is how much of an arena stays without huge pages: a huge page touched in one place wastes nearly
	// its whole size, and so at most one part in 16 of what lies before it.
	smallBytes = 32 << 20
)

// reserveWhole tries to have the whole reserve as one piece; where it is refused the arena grows in pieces.
func (a *Arena) reserveWhole() {
	if uint64(a.cfg.Reserve) > math.MaxInt {
		return
	}
	_, err := a.addPiece(uint32(a.cfg.Reserve >> a.shift))
	a.piecewise = err != nil
}

// addPiece maps a piece of n pages.
func (a *Arena) addPiece(n uint32) (*piece, error) {
	p, err := openPiece(a.back, int64(a.nextPage)<<a.shift, n, a.shift)
	if err != nil {
		return nil, err
	}
	p.index, p.first = uint32(len(a.pieces)), a.nextPage
	a.nextPage += n
	a.pieces = append(a.pieces, p)
	at, _ := slices.BinarySearchFunc(a.byAddr, p.addr(), func(q *piece, addr uintptr) int {
		if q.addr() < addr {
			return -1
		}
		return 1
	})
	a.byAddr = slices.Insert(a.byAddr, at, p)
	a.share(p)
	a.adviseSmall(p)
	if p.index == 0 {
		a.space.Store(p.space()) // Publishes: the primary piece. Pairs with: Space.
	}
	return p, nil
}

// morePieces maps a piece that holds at least need pages: as large as the rules say, or half of that as often as the
// kernel refuses.
func (a *Arena) morePieces(need uint32) (*piece, error) {
	left := uint32(a.cfg.Reserve>>a.shift) - a.nextPage
	if !a.piecewise || left < need {
		return nil, fmt.Errorf("%d bytes of %d are left: %w", a.bytesOf(int64(left)), a.cfg.Reserve, ErrExhausted)
	}
	least := uint32(pieceLeast >> a.shift)
	if _, onHeap := a.back.(heap); onHeap {
		least = heapPieceLeast >> a.shift
	}
	for want := min(left, max(least, need)); ; want = max(want/2, need) {
		p, err := a.addPiece(want)
		if err == nil {
			return p, nil
		}
		if want == need {
			return nil, fmt.Errorf("%w: %w", ErrExhausted, err)
		}
	}
}

// growFree makes n pages that nobody had before free, in the first piece that has room, or in a new one. The free run
// returned has at least n pages from an address that is a multiple of 1<<alignShift pages on; fresh of its pages are
// new.
func (a *Arena) growFree(n uint32, to uintptr) (id, fresh uint32, err error) {
	for _, p := range a.pieces {
		if need := p.shortBy(n, to); need <= p.pages-p.ever {
			id, err = a.advance(p, need)
			return id, need, err
		}
	}
	slack := uint32(0)
	if to > uintptr(1)<<a.shift {
		slack = uint32(to>>a.shift) - 1
	}
	if n+slack < n {
		return 0, 0, fmt.Errorf("%d pages: %w", n, ErrExhausted)
	}
	p, err := a.morePieces(n + slack)
	if err != nil {
		return 0, 0, err
	}
	need := p.shortBy(n, to)
	id, err = a.advance(p, need)
	return id, need, err
}

// shortBy is how many new pages the piece must give so that n aligned pages end at its high-water mark, the free run
// just below the mark included.
func (p *piece) shortBy(n uint32, to uintptr) uint32 {
	from := p.ever
	if from > 0 && isFree(p.heads[from-1]) {
		from = p.starts.at(from - 1)
	}
	end := uint64(p.alignUp(from, to)) + uint64(n)
	if end > uint64(p.pages) {
		return math.MaxUint32
	}
	if end <= uint64(p.ever) {
		return 0
	}
	return uint32(end) - p.ever
}

// alignUp is the first page at or above page whose address is a multiple of to.
func (p *piece) alignUp(page uint32, to uintptr) uint32 {
	addr := p.addr() + p.size(page)
	return page + uint32((-addr&(to-1))>>p.shift)
}

// advance moves the high-water mark of a piece by n pages, which become free, clean and accessible.
func (a *Arena) advance(p *piece, n uint32) (id uint32, err error) {
	if end := p.ever + n; end > p.ready {
		if err := a.commit(p, end); err != nil {
			return 0, err
		}
	}
	first := p.ever
	p.ever += n
	a.everPages += int64(n)
	a.adviseHuge(p)
	return a.join(p, first, n, 0), nil
}

// commit makes the pages of a piece below end accessible, and some more so that it is not asked too often.
func (a *Arena) commit(p *piece, end uint32) error {
	step := min(max(stepLeast, int64(p.size(p.ready))/4), stepMost) >> a.shift
	want := uint32(min(max(int64(end), int64(p.ready)+step), int64(p.pages)))
	err := a.back.commit(p.at(p.ready), p.size(want-p.ready))
	if err != nil && want > end {
		want = end
		err = a.back.commit(p.at(p.ready), p.size(want-p.ready))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrExhausted, err)
	}
	p.ready = want
	return nil
}

// hugeFrom is the first page of a piece that may become part of a huge page.
func (a *Arena) hugeFrom(p *piece) uint32 {
	small := int64(smallBytes>>a.shift) - int64(p.first)
	if small <= 0 {
		return 0
	}
	return uint32(min(small, int64(p.pages)))
}

// adviseSmall forbids huge pages where they would be mostly waste.
func (a *Arena) adviseSmall(p *piece) {
	p.advised = a.hugeFrom(p)
	if a.cfg.Huge == HugeNever {
		p.advised = p.pages
	}
	if p.advised > 0 {
		_ = a.back.advise(p.base, p.size(p.advised), sys.NoHuge)
	}
	p.advised = p.alignUp(p.advised, hugePage)
}

// adviseHuge asks for huge pages up to the huge page that the high-water mark has reached.
func (a *Arena) adviseHuge(p *piece) {
	if a.cfg.Huge == HugeNever || p.ever <= p.advised {
		return
	}
	end := min(p.alignUp(p.ever, hugePage), p.pages)
	_ = a.back.advise(p.at(p.advised), p.size(end-p.advised), sys.Huge)
	p.advised = end
}
