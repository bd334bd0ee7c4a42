package arena

// What the compiler cannot check here: that nobody writes to the counters after they are unmapped.
//
// Why it holds: the arena publishes under its lock and not after Close has begun to unmap; the owners above have
// heard ArenaClosing by then.
//
// What would break it: an owner that goes on counting after ArenaClosing returned.

import (
	"errors"
	"unsafe"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/internal/statspage"
	"offheap.example/lookaside/internal/sys"
)

// smallCounters is the size in bytes of the counters file of an arena for which address space is scarce.
const smallCounters = 16 << 20

// counters is the page set that the arena and the floors above publish their figures in. Other processes find it as
// memfd:lookaside:NAME below /proc/PID/fd.
type counters struct {
	page *statspage.File
	fd   int            // of the memory file
	mem  unsafe.Pointer // its mapping; nil where the page set is on the Go heap
	size uintptr

	// What the regions published last were made of.
	ever            int64 // pages
	pieces, ledgers int
	books           []statspage.Region // in the order in which they were added
}

// open makes the page set: in a memory file or, where that is refused, on the Go heap.
func (c *counters) open(a *Arena) {
	options := statspage.Options{Name: a.cfg.Name, PageSize: a.PageSize()}
	size := uintptr(statspage.FileSize)
	if a.piecewise {
		size = smallCounters
	}
	if a.back.label() != "heap" && c.share(a.cfg.Name, size) == nil {
		c.page = statspage.New(unsafe.Slice((*byte)(c.mem), size), options)
		return
	}
	c.page = statspage.New(make([]byte, statspage.SmallSize), options)
}

// share maps a memory file and seals it: its size is final, and only the mapping that exists by then can write to it.
func (c *counters) share(name string, size uintptr) error {
	fd, err := sys.Memfd("lookaside:" + name)
	if err != nil {
		return err
	}
	if err = sys.Truncate(fd, int64(size)); err != nil {
		return errors.Join(err, sys.Close(fd))
	}
	mem, err := sys.MapFile(fd, 0, size)
	if err != nil {
		return errors.Join(err, sys.Close(fd))
	}
	const seals = sys.SealShrink | sys.SealGrow | sys.SealSeals
	err = sys.Seal(fd, seals|sys.SealFutureWrite)
	if err != nil { // kernels before 5.1 do not know the last one
		err = sys.Seal(fd, seals)
	}
	if err != nil {
		return errors.Join(err, sys.Unmap(mem, size), sys.Close(fd))
	}
	c.fd, c.mem, c.size = fd, mem, size
	return nil
}

// close unmaps the page set. It stays readable to those outside who have opened it.
func (c *counters) close() error {
	if c.mem == nil {
		return nil
	}
	err := errors.Join(sys.Unmap(c.mem, c.size), sys.Close(c.fd))
	c.mem = nil
	return err
}

// Counters is the page set in which the floors above publish their counters beside the arena's own figures. It is
// there from Open until the last ArenaClosing has returned. For the floor above.
func (a *Arena) Counters() *statspage.File { return a.counters.page }

// resident is how many bytes of the page set are in memory. On the Go heap it is taken to be there.
func (c *counters) resident(b backing) int64 {
	if c.mem == nil {
		return statspage.SmallSize
	}
	used := c.page.Used() // the rest of the file was never touched
	if n, ok := b.resident(c.mem, align.Up(uintptr(used), uintptr(align.PageSize()))); ok {
		return n
	}
	return int64(used)
}

// publishRegions writes to the page set where the arena's memory is, where that has changed: a piece or a ledger was
// added, or a high-water mark has risen. Of the pages those below the marks are told, of the books all: they are
// sparse. On the Go heap, where nobody else looks, nothing is written.
func (a *Arena) publishRegions() {
	c := &a.counters
	if c.mem == nil {
		return
	}
	if c.ever != a.everPages || c.pieces != len(a.pieces) {
		c.ever = a.everPages
		var room [statspage.MaxRegions + 1]statspage.Region // one more than there is room for: so it shows
		n := min(len(a.pieces), len(room))
		for i, p := range a.pieces[:n] {
			room[i] = region(p.base, p.size(p.ever))
		}
		c.page.SetPages(room[:n])
	}
	if c.pieces == len(a.pieces) && c.ledgers == len(a.ledgers.all) {
		return
	}
	for _, p := range a.pieces[c.pieces:] {
		c.books = append(c.books, region(p.book, p.bookBytes))
	}
	for _, l := range a.ledgers.all[c.ledgers:] {
		c.books = append(c.books, region(l.base, l.size))
	}
	c.pieces, c.ledgers = len(a.pieces), len(a.ledgers.all)
	c.page.SetBooks(c.books)
}

func region(base unsafe.Pointer, size uintptr) statspage.Region {
	return statspage.Region{Base: uint64(uintptr(base)), Size: uint64(size)}
}

// publish writes the arena's figures to the page set.
func (a *Arena) publish() {
	if a.gone {
		return
	}
	a.publishRegions()
	a.counters.page.SetArena(statspage.Arena{
		Reserved:  uint64(a.bytesOf(int64(a.nextPage))),
		Committed: uint64(a.bytesOf(a.committed())),
		InUse:     uint64(a.bytesOf(a.inUse)),
		Purged:    uint64(a.purged),
		Limit:     uint64(min(a.cfg.Limit, a.cfg.Reserve)),
		Metadata:  uint64(a.ledgers.handed + a.bookBytes()),
		Pieces:    uint64(len(a.pieces)),
		Purges:    a.purges,
		Acquires:  a.acquires,
		Releases:  a.releases,
	})
}
