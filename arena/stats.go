package arena

// Stats are an arena's figures, all of one moment but what is resident. Sizes are in bytes.
type Stats struct {
	Reserved  int64 // address space held: the whole reserve, or the pieces mapped so far
	Committed int64 // pages in use, and free ones that were not given back since
	InUse     int64 // pages of runs in use, guard pages not counted
	Free      int64 // pages that were handed out before and are free now, resident or not
	Purged    int64 // given back to the kernel since Open, in all
	Limit     int64 // Config.Limit, or the reserve where that was 0
	Resident  int64 // pages in memory, as the kernel counts; Committed where it does not
	Metadata  int64 // handed out by Metadata, and the most that the page map and the records can occupy by now
	// MetadataResident and CountersResident are the physical memory of the bookkeeping and of the published counters,
	// as the kernel counts; where it does not, the most that there can be.
	MetadataResident int64
	CountersResident int64

	Guarded int64 // guard pages, and those that the kernel did not give back

	Pieces    int    // contiguous parts
	Piecewise bool   // the reserve could not be had at once: the arena grows in pieces
	Backing   string // "mmap", "memfd" or "heap"

	FreeRuns int    // maximal runs of free pages
	Acquires uint64 // runs handed out
	Releases uint64 // runs taken back
	Purges   uint64 // times that pages were given back, by Purge, by Release or to stay within Limit
	Syscalls uint64 // calls made to the kernel since Open, Stats apart
}

// Stats counts. It asks the kernel which pages are resident, 32 MiB a call; everything else is at hand. The kernel
// counts a page that was read and never written, too, though it may be the one page of zeros that all share. After
// Close only the figures that do not describe memory are left.
func (a *Arena) Stats() Stats {
	a.mu.Lock()
	s := a.figures()
	if a.gone {
		a.mu.Unlock()
		return s
	}
	pages, books := a.touched(), a.books()
	a.busy.Add(1)
	a.mu.Unlock()
	defer a.busy.Done()
	s.Resident = a.residentOf(pages, s.Committed)
	s.MetadataResident = a.residentOf(books, s.Metadata)
	s.CountersResident = a.counters.resident(a.back)
	return s
}

// residentOf is how many bytes of the extents are in memory; unknown where the kernel does not tell.
func (a *Arena) residentOf(extents []extent, unknown int64) (sum int64) {
	for _, m := range extents {
		n, ok := a.back.resident(m.base, m.size)
		if !ok {
			return unknown
		}
		sum += n
	}
	return sum
}

// touched is the pages that were ever handed out.
func (a *Arena) touched() []extent {
	list := make([]extent, len(a.pieces))
	for i, p := range a.pieces {
		list[i] = extent{p.base, p.size(p.ever)}
	}
	return list
}

// books is the memory for bookkeeping that can have been touched: the ledgers, and of what each piece has of its own
// the share of the pages that were ever handed out.
func (a *Arena) books() []extent {
	list := make([]extent, 0, 2*len(a.pieces)+len(a.ledgers.all))
	for _, p := range a.pieces {
		table, marks := p.touchedBook()
		list = append(list, table, marks)
	}
	return append(list, a.ledgers.all...)
}

// figures are the Stats without what is resident.
func (a *Arena) figures() Stats {
	s := Stats{
		Reserved:  a.bytesOf(int64(a.nextPage)),
		Committed: a.bytesOf(a.committed()),
		InUse:     a.bytesOf(a.inUse),
		Free:      a.bytesOf(a.freePages()),
		Purged:    a.purged,
		Limit:     min(a.cfg.Limit, a.cfg.Reserve),
		Guarded:   a.bytesOf(a.guards + a.lostPages),
		Metadata:  a.ledgers.handed + a.bookBytes(),
		Pieces:    len(a.pieces),
		Piecewise: a.piecewise,
		Backing:   a.back.label(),
		FreeRuns:  a.free.count,
		Acquires:  a.acquires,
		Releases:  a.releases,
		Purges:    a.purges,
		Syscalls:  a.back.calls(),
	}
	if a.gone {
		s.Reserved, s.Committed, s.InUse, s.Free, s.Guarded, s.Metadata = 0, 0, 0, 0, 0, 0
		s.Pieces, s.FreeRuns = 0, 0
	}
	return s
}

// freePages is what was handed out once and is neither in use nor a guard page.
func (a *Arena) freePages() int64 { return a.everPages - a.inUse - a.guards - a.lostPages }

// bookBytes is how much of the bookkeeping the pages handed out so far can have touched.
func (a *Arena) bookBytes() int64 { return int64(bookSize(uint32(a.everPages), a.shift)) }
