package arena

// What the compiler cannot check here: that the range mapped again is whole pages of the memory file, that it holds
// what the bytes asked about hold, and that the file is still this arena's when the kernel looks at it.
//
// Why it holds: the bytes are located first, which bounds them by the run that they lie in; the range is rounded to the
// pages of that run. The file is used only between raising and lowering the count of work in flight, for which Close
// waits before it closes the file. Addresses are compared, never followed.
//
// What would break it: a piece whose offset in the file is not a multiple of the page.

import (
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/internal/sys"
)

// sharedTable has the pieces of every open arena that has a memory file, in the order of their addresses, so that an
// address alone leads to its arena.
type sharedTable struct {
	mu     sync.RWMutex
	pieces []sharedPiece // guarded by mu
}

var shared sharedTable

type sharedPiece struct {
	addr, size uintptr
	a          *Arena
}

// share makes a piece known to SharedBy. a.mu is held, and shared.mu comes after it.
func (a *Arena) share(p *piece) {
	if _, ok := a.back.file(); !ok {
		return
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	at, _ := slices.BinarySearchFunc(shared.pieces, p.addr(), byAddress)
	shared.pieces = slices.Insert(shared.pieces, at, sharedPiece{p.addr(), p.size(p.pages), a})
}

// unshare forgets all pieces of an arena, before they are unmapped.
func (a *Arena) unshare() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.pieces = slices.DeleteFunc(shared.pieces, func(s sharedPiece) bool { return s.a == a })
}

func byAddress(s sharedPiece, addr uintptr) int {
	switch {
	case s.addr+s.size <= addr:
		return -1
	case s.addr > addr:
		return 1
	}
	return 0
}

// SharedBy is the open arena with a memory file in which b begins, whoever opened it; false where there is none. For
// the floor above.
func SharedBy(b []byte) (*Arena, bool) {
	if len(b) == 0 {
		return nil, false
	}
	shared.mu.RLock()
	defer shared.mu.RUnlock()
	at, ok := slices.BinarySearchFunc(shared.pieces, uintptr(unsafe.Pointer(unsafe.SliceData(b))), byAddress)
	if !ok {
		return nil, false
	}
	return shared.pieces[at].a, true
}

// MapAgain maps the pages that b touches once more, at address at, which is inside a range that sys.Reserve took: what
// is written on one side is seen on the other. Nobody counts such mappings, and Close does not end them: who makes one
// keeps the run. Errors: ErrInvalid for bytes that do not lie in a run in use or an arena without a memory file,
// ErrClosed, or the kernel's. For the floor above.
func (a *Arena) MapAgain(at unsafe.Pointer, b []byte, prot sys.Prot) error {
	fd, off, err := a.hold("map again", b)
	if err != nil {
		return err
	}
	defer a.busy.Done()
	page := int64(a.PageSize())
	first := align.Down(off, page)
	n := align.Up(off+int64(len(b)), page) - first
	if err := sys.MapAt(at, uintptr(n), fd, first, prot); err != nil {
		return fmt.Errorf("arena: map again: %d bytes of %q: %w", len(b), a.cfg.Name, err)
	}
	return nil
}

// hold finds b in the memory file and keeps the file open until busy is lowered.
func (a *Arena) hold(op string, b []byte) (fd int, off int64, err error) {
	place, ok := a.Locate(b)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return -1, 0, fmt.Errorf("arena: %s: %q: %w", op, a.cfg.Name, ErrClosed)
	}
	fd, isShared := a.back.file()
	if !isShared || !ok || place.State != PageUsed {
		return -1, 0, fmt.Errorf("arena: %s: %d bytes in %q: must lie in a run in use of a Shared arena: %w",
			op, len(b), a.cfg.Name, ErrInvalid)
	}
	a.busy.Add(1)
	return fd, place.Page<<a.shift + int64(place.Offset), nil
}

// Reopen is the memory file of Fd opened once more, for somebody who shall have it: the caller closes it. Without
// write it can only be read and mapped for reading, and the file's mode forbids every other user to open it again.
// Errors: ErrInvalid for an arena without a memory file, ErrClosed, or the kernel's.
func (a *Arena) Reopen(write bool) (fd int, err error) {
	a.mu.Lock()
	file, ok := a.back.file()
	switch {
	case a.gone:
		err = ErrClosed
	case !ok:
		err = fmt.Errorf("not Shared: %w", ErrInvalid)
	default:
		a.busy.Add(1)
	}
	a.mu.Unlock()
	if err != nil {
		return -1, fmt.Errorf("arena: reopen: %q: %w", a.cfg.Name, err)
	}
	defer a.busy.Done()
	if fd, err = sys.Reopen(file, write); err != nil {
		return -1, fmt.Errorf("arena: reopen: %q: %w", a.cfg.Name, err)
	}
	return fd, nil
}

// FileSize is the size in bytes of the memory file, which is sealed; 0 for an arena without one.
func (a *Arena) FileSize() int64 {
	if _, ok := a.Fd(); !ok {
		return 0
	}
	return a.cfg.Reserve
}

// TakeBack releases the run that begins at the first byte of b: Release for those who keep bytes in place of runs. A
// closed arena has taken everything back before and does nothing; bytes at which no run in use begins panic with
// *MisuseError.
func (a *Arena) TakeBack(b []byte) {
	base := unsafe.Pointer(unsafe.SliceData(b))
	a.mu.Lock()
	defer a.unlock()
	if a.gone {
		return
	}
	r, ok := a.around(base)
	if !ok || r.base != base {
		panic(&MisuseError{Op: "take back", Kind: NotInUse, Arena: a.cfg.Name, Addr: uintptr(base), Pages: len(b) >> a.shift})
	}
	a.release("take back", r)
}
