package statspage

// The compiler cannot check here that the offsets used lie inside the mapping
// and that the records fit their places. It holds because every offset comes
// from constants that the layout test pins, or from Alloc, which bounds them
// by the size of the mapping; entries are handed out by index below the
// directory's length. Unmapping the file while a *File, *Entry or *Cache is
// still used would break it: the arena unmaps last.

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Layout is asserted at compile time: another process reads it.
const (
	_ = uint(HeaderSize - unsafe.Sizeof(Header{}))
	_ = uint(EntrySize - unsafe.Sizeof(Entry{}))
	_ = uint(CacheHead - unsafe.Sizeof(Cache{}))
	_ = uint(unsafe.Sizeof(Cache{}) - CacheHead)
)

// Options describe a new file.
type Options struct {
	Name     string
	PageSize int
}

// File is a process's own, writable view of its counters.
type File struct {
	mem     []byte // keeps a heap-backed file alive
	base    unsafe.Pointer
	mu      sync.Mutex
	next    uint64          // end of what Alloc has handed out
	recycle map[int][]int64 // freed areas by size
	entries []bool          // taken records
}

// New lays the file out in mem, which must be zero, at least SmallSize bytes
// long and 8-byte aligned.
func New(mem []byte, o Options) *File {
	if len(mem) < SmallSize {
		panic("statspage: new: mapping is smaller than SmallSize")
	}
	n := smallEntries
	if len(mem) >= HeaderSize+fullEntries*EntrySize {
		n = fullEntries
	}
	f := &File{
		mem: mem, base: unsafe.Pointer(unsafe.SliceData(mem)),
		next:    uint64(HeaderSize + n*EntrySize),
		recycle: make(map[int][]int64),
		entries: make([]bool, n),
	}
	h := f.header()
	h.Version = Version
	h.PageSize = uint32(o.PageSize)
	h.Size = uint64(len(mem))
	h.PID = uint64(os.Getpid())
	h.Started = time.Now().UnixNano()
	h.Entries = uint32(n)
	h.NameLen = uint32(copy(h.Name[:], o.Name))
	h.Magic = magic // last: a reader that sees it sees the rest
	return f
}

func (f *File) header() *Header { return (*Header)(f.base) }

// SetArena publishes the page account.
func (f *File) SetArena(a Arena) { f.header().Arena = a }

// SetPages publishes where the pages are that the arena hands out, those in
// pages; more than MaxRegions are cut off and marked so. The caller serialises
// calls, and each list begins with the regions of the one before.
func (f *File) SetPages(pages []Region) { f.header().Pages.set(pages) }

// SetBooks is SetPages for the memory that records about the pages are kept in.
func (f *File) SetBooks(books []Region) { f.header().Books.set(books) }

func (r *Regions) set(list []Region) {
	n := copy(r.At[:], list)
	if n < len(list) {
		r.More = 1
	}
	atomic.StoreUint32(&r.Count, uint32(n)) // Publishes: the regions. Pairs with: View.Header, in another process.
}

// Used is how many bytes from the beginning of the file were ever handed out,
// header and directory included; what lies behind has not been touched.
func (f *File) Used() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int(f.next)
}

// Alloc hands out n zeroed bytes, page aligned. off is their place in the
// file; ok is false when the file is full, as a heap-backed one always is.
func (f *File) Alloc(n int) (p unsafe.Pointer, off int64, ok bool) {
	n = roundPage(n)
	f.mu.Lock()
	defer f.mu.Unlock()
	if free := f.recycle[n]; len(free) > 0 {
		off = free[len(free)-1]
		f.recycle[n] = free[:len(free)-1]
		return unsafe.Add(f.base, off), off, true
	}
	start := uint64(roundPage(int(f.next)))
	if uint64(len(f.mem)) < start || uint64(len(f.mem))-start < uint64(n) {
		return nil, 0, false
	}
	f.next = start + uint64(n)
	return unsafe.Add(f.base, start), int64(start), true
}

// Free takes back what Alloc handed out. Only its first dirty bytes were
// written.
func (f *File) Free(off int64, n, dirty int) {
	n = roundPage(n)
	clear(f.mem[off : off+int64(min(n, dirty))])
	f.mu.Lock()
	f.recycle[n] = append(f.recycle[n], off)
	f.mu.Unlock()
}

func roundPage(n int) int { return (n + HeaderSize - 1) &^ (HeaderSize - 1) }

// Take reserves a directory record and fills in what describes it. When the
// directory is full the record is one that nobody outside can see: the
// caller need not care.
func (f *File) Take(e Entry, name string) (*Entry, int) {
	e.Created = time.Now().UnixNano()
	e.NameLen = uint32(copy(e.Name[:], name))
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, taken := range f.entries {
		if taken {
			continue
		}
		f.entries[i] = true
		p := f.entry(i)
		kind := e.Kind
		e.Kind = KindFree
		*p = e
		p.Kind = kind // last
		h := f.header()
		h.HighEntry = max(h.HighEntry, uint32(i)+1)
		h.Generation++
		return p, i
	}
	p := new(Entry)
	*p = e
	return p, -1
}

// Return gives back a record taken by Take.
func (f *File) Return(i int) {
	if i < 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	*f.entry(i) = Entry{}
	f.entries[i] = false
	f.header().Generation++
}

func (f *File) entry(i int) *Entry {
	return (*Entry)(unsafe.Add(f.base, HeaderSize+i*EntrySize))
}
