package arena

// What the compiler cannot check here: that the ranges given to the kernel are parts of mappings made here and used
// by nobody any more when they are dropped or unmapped; and that a pointer into a heap-backed piece stays inside the
// one Go object that holds the piece.
//
// Why it holds: every range comes from a piece, whose base and size were recorded when it was mapped, and the arena
// drops only pages that its page map calls free. A heap-backed piece is one object a page larger than the piece, and
// its base is that object's first page boundary, found by unsafe.Add from the object itself.
//
// What would break it: a page number at or above the piece's count of pages; unmapping before the last in-flight
// clearing is done (Close waits for them).

import (
	"errors"
	"fmt"
	"math"
	"os"
	"syscall"
	"unsafe"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/internal/sys"
)

// hugePage is the size of a huge page in bytes. Where the processor's differs the advice is merely coarse.
const hugePage = 2 << 20

// backing is where an arena's pages come from. All methods but resident and populate are called under the arena's lock.
type backing interface {
	label() string
	// reserve takes address space for n bytes, at off in the memory file where there is one.
	reserve(off int64, n uintptr) (unsafe.Pointer, error)
	// commit makes pages accessible; they read zero.
	commit(p unsafe.Pointer, n uintptr) error
	// drop gives the memory of pages back; they read zero from then on.
	drop(p unsafe.Pointer, off int64, n uintptr) error
	// guard makes pages inaccessible and unguard undoes it.
	guard(p unsafe.Pointer, n uintptr) error
	unguard(p unsafe.Pointer, n uintptr) error
	// advise gives advice that may fail without harm; it tells whether the kernel took it.
	advise(p unsafe.Pointer, n uintptr, advice sys.Advice) error
	// populate makes pages resident, for writing; what is in them stays. It is called without the lock.
	populate(p unsafe.Pointer, n uintptr) error
	// ledger takes zeroed memory for bookkeeping.
	ledger(n uintptr) (unsafe.Pointer, error)
	// unmap gives back what reserve or ledger took.
	unmap(p unsafe.Pointer, n uintptr) error
	// resident counts the bytes in memory; false where nobody knows.
	resident(p unsafe.Pointer, n uintptr) (int64, bool)
	// file is the memory file behind the pages, and close closes it.
	file() (int, bool)
	close() error
	// calls is how many system calls were made.
	calls() uint64
}

// openBacking chooses: the Go heap in race builds, where nothing else is possible and where the environment asks
// for it; else a memory file or anonymous memory.
func openBacking(c Config) (backing, error) {
	if heapOnly || !sys.Supported || os.Getenv("LOOKASIDE_BACKING") == "heap" {
		return heap{}, nil
	}
	m := &mapped{cfg: c, fd: -1}
	if !c.Shared {
		return m, nil
	}
	fd, err := sys.Memfd("lookaside-pages:" + c.Name)
	if err != nil {
		return nil, err
	}
	err = sys.Truncate(fd, c.Reserve)
	if err == nil {
		err = sys.Seal(fd, sys.SealShrink|sys.SealGrow|sys.SealSeals)
	}
	if err != nil {
		return nil, errors.Join(err, sys.Close(fd))
	}
	m.fd = fd
	return m, nil
}

// mapped takes pages from the kernel.
type mapped struct {
	cfg     Config
	fd      int // of the memory file, or -1
	made    uint64
	markers bool // guards were installed as markers in the page table
	fences  bool // guards were installed by changing the protection
}

func (m *mapped) label() string {
	if m.fd >= 0 {
		return "memfd"
	}
	return "mmap"
}

func (m *mapped) file() (int, bool) { return m.fd, m.fd >= 0 }
func (m *mapped) calls() uint64     { return m.made }

func (m *mapped) close() error {
	if m.fd < 0 {
		return nil
	}
	return sys.Close(m.fd)
}

func (m *mapped) reserve(off int64, n uintptr) (p unsafe.Pointer, err error) {
	m.made++
	if m.fd >= 0 {
		p, err = sys.ReserveFile(m.fd, off, n)
	} else {
		p, err = reserveAligned(n)
	}
	if err != nil {
		return nil, err
	}
	sys.Name(p, n, "lookaside:"+m.cfg.Name)
	if m.cfg.Node.bound {
		if err := sys.Bind(p, n, m.cfg.Node.number); err != nil {
			return nil, errors.Join(err, sys.Unmap(p, n))
		}
	}
	return p, nil
}

// reserveAligned reserves n bytes that begin at a huge page, where n is at least one: the excess on both sides is
// given back.
func reserveAligned(n uintptr) (unsafe.Pointer, error) {
	extra := uintptr(hugePage - sys.PageSize())
	if n < hugePage || n+extra < n {
		return sys.Reserve(n)
	}
	p, err := sys.Reserve(n + extra)
	if err != nil {
		return nil, err
	}
	head := -uintptr(p) & (hugePage - 1)
	base := unsafe.Add(p, head)
	if head > 0 {
		err = sys.Unmap(p, head)
	}
	if tail := extra - head; err == nil && tail > 0 {
		err = sys.Unmap(unsafe.Add(base, n), tail)
	}
	if err != nil {
		return nil, errors.Join(err, sys.Unmap(p, n+extra))
	}
	return base, nil
}

func (m *mapped) commit(p unsafe.Pointer, n uintptr) error {
	m.made++
	return sys.Commit(p, n)
}

func (m *mapped) drop(p unsafe.Pointer, off int64, n uintptr) error {
	m.made++
	if m.fd >= 0 {
		return sys.PunchHole(m.fd, off, int64(n))
	}
	return sys.Advise(p, n, sys.DontNeed)
}

func (m *mapped) guard(p unsafe.Pointer, n uintptr) error {
	if !m.fences {
		m.made++
		err := sys.Advise(p, n, sys.GuardInstall)
		if err == nil {
			m.markers = true
			return nil
		}
		if !errors.Is(err, syscall.EINVAL) {
			return err
		}
		m.fences = true // the kernel has no markers for this memory: change the protection instead
	}
	m.made++
	return sys.Forbid(p, n)
}

func (m *mapped) unguard(p unsafe.Pointer, n uintptr) (err error) {
	if m.markers {
		m.made++
		err = sys.Advise(p, n, sys.GuardRemove)
	}
	if m.fences && err == nil {
		m.made++
		err = sys.Commit(p, n)
	}
	return err
}

func (m *mapped) advise(p unsafe.Pointer, n uintptr, advice sys.Advice) error {
	m.made++
	return sys.Advise(p, n, advice)
}

func (m *mapped) populate(p unsafe.Pointer, n uintptr) error { return sys.Advise(p, n, sys.Populate) }

func (m *mapped) ledger(n uintptr) (unsafe.Pointer, error) {
	m.made++
	p, err := sys.Map(n)
	if err != nil {
		return nil, err
	}
	sys.Name(p, n, "lookaside meta")
	_ = sys.Advise(p, n, sys.NoHuge) // sparse by nature; a kernel without huge pages says no
	return p, nil
}

func (m *mapped) unmap(p unsafe.Pointer, n uintptr) error {
	m.made++
	return sys.Unmap(p, n)
}

func (m *mapped) resident(p unsafe.Pointer, n uintptr) (int64, bool) {
	r, err := sys.Resident(p, n)
	return r, err == nil
}

// heap takes pages from the Go heap, for race builds and for platforms without mappings. The collector gives them
// back when nothing points to them.
type heap struct{}

func (heap) label() string     { return "heap" }
func (heap) file() (int, bool) { return -1, false }
func (heap) calls() uint64     { return 0 }
func (heap) close() error      { return nil }

func (heap) make(op string, n uintptr, to uintptr) (unsafe.Pointer, error) {
	if err := sys.Fault(op); err != nil {
		return nil, fmt.Errorf("make of %d bytes: %w", n, err)
	}
	if n > math.MaxInt-to {
		return nil, fmt.Errorf("make of %d bytes: more than a slice holds", n)
	}
	p := unsafe.Pointer(unsafe.SliceData(make([]byte, n+to)))
	return unsafe.Add(p, align.Up(uintptr(p), to)-uintptr(p)), nil
}

func (h heap) reserve(_ int64, n uintptr) (unsafe.Pointer, error) {
	return h.make("reserve", n, uintptr(sys.PageSize()))
}

func (h heap) ledger(n uintptr) (unsafe.Pointer, error) { return h.make("map", n, 64) }

func (heap) commit(unsafe.Pointer, uintptr) error { return sys.Fault("commit") }

func (heap) drop(p unsafe.Pointer, _ int64, n uintptr) error {
	if err := sys.Fault("advise dontneed"); err != nil {
		return err
	}
	clear(unsafe.Slice((*byte)(p), n))
	return nil
}

func (heap) guard(unsafe.Pointer, uintptr) error { return sys.Fault("advise guard install") }

func (heap) unguard(p unsafe.Pointer, n uintptr) error {
	clear(unsafe.Slice((*byte)(p), n)) // nothing kept strangers from writing there
	return nil
}

func (heap) advise(unsafe.Pointer, uintptr, sys.Advice) error { return sys.ErrUnsupported }
func (heap) populate(unsafe.Pointer, uintptr) error           { return sys.ErrUnsupported }
func (heap) unmap(unsafe.Pointer, uintptr) error              { return nil }
func (heap) resident(unsafe.Pointer, uintptr) (int64, bool)   { return 0, false }
