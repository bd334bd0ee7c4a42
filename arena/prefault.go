package arena

import (
	"errors"
	"fmt"
	"syscall"

	"offheap.example/lookaside/internal/sys"
)

// Prefault makes all pages of a run resident now, in one system call, so that nobody meets a page fault there later;
// what is in them stays, and others may use the run meanwhile. It pays for memory that will be touched under a
// deadline, and it is cheaper than the faults that it saves: see docs/pages.md. A kernel without the call (before
// 5.14), and an arena on the Go heap, have every page touched once instead.
//
// ErrExhausted with the kernel's error says that it has no memory for all of it; what it had is resident then. A run
// that is not in use panics as with Release.
func (a *Arena) Prefault(r Run) error {
	a.mu.Lock()
	p, back := a.holding(r), a.back
	a.busy.Add(1)
	a.mu.Unlock()
	defer a.busy.Done()
	err := back.populate(p.at(r.first), p.size(r.pages))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EINVAL), errors.Is(err, sys.ErrUnsupported):
		p.touch(r.first, r.pages)
		return nil
	}
	return fmt.Errorf("arena: prefault: %d pages in %q: %w: %w", r.pages, a.cfg.Name, ErrExhausted, err)
}

// holding is mustHold for those who go on without the lock: it unlocks before it panics.
func (a *Arena) holding(r Run) *piece {
	held := false
	defer func() {
		if !held {
			a.mu.Unlock()
		}
	}()
	p := a.mustHold("prefault", r)
	held = true
	return p
}
