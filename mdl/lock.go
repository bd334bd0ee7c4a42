package mdl

import (
	"errors"
	"fmt"
	"sync"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/slab"
)

// ErrLockLimit says that the process may not lock so many bytes
// (RLIMIT_MEMLOCK).
var ErrLockLimit = errors.New("limit of locked memory reached")

// LockError tells what could not be locked. Sizes are in bytes. It wraps Err
// and, where the limit is the reason, ErrLockLimit.
type LockError struct {
	Want   int64 // whole pages that the list touches and that no list had locked
	Locked int64 // what the process had locked before, as the kernel counts
	Limit  int64 // RLIMIT_MEMLOCK, or -1 for no limit
	Err    error // the kernel's reason
}

// Error tells the numbers.
func (e *LockError) Error() string {
	if e.Limit < 0 {
		return fmt.Sprintf("mdl: lock: %d bytes besides %d locked: %v", e.Want, e.Locked, e.Err)
	}
	return fmt.Sprintf("mdl: lock: %d bytes besides %d locked, the limit is %d: %v", e.Want, e.Locked, e.Limit, e.Err)
}

// Unwrap returns Err, and ErrLockLimit where the numbers exceed the limit.
func (e *LockError) Unwrap() []error {
	if e.Limit >= 0 && e.Want > e.Limit-e.Locked && sys.LockLimited(e.Err) {
		return []error{e.Err, ErrLockLimit}
	}
	return []error{e.Err}
}

// Lock makes all pages that the list touches resident and keeps them in memory
// until Unlock: they are not swapped out, and touching them takes no page fault
// that reads. Locks are counted by page across all lists of the process, because
// the kernel's are not: a page stays locked until every list that locked it has
// let go. Somebody else's munlock is not counted.
//
// A list is locked once, as it is then: what is appended later is not locked,
// and whole pages that Advance passes are unlocked at once. Every Lock needs its
// Unlock before Release, and before the memory's arena is closed; until then the
// lock holds references of its own. Lists made of parts of this one are not
// locked themselves, but their pages are as long as this list's are; they may be
// locked as well.
//
// When it fails nothing stays locked that was not before. The error is a
// *LockError, which wraps ErrLockLimit when RLIMIT_MEMLOCK is exceeded; a
// *MisuseError of kind slab.Unbalanced when the list is locked already; and one
// that wraps object.ErrDeleted on a released list. Platforms without mlock give
// an error that says so. It is MmProbeAndLockPages.
func (l *List) Lock() error {
	b, err := l.live("lock")
	if err != nil {
		return err
	}
	if b.kernel.lock != nil {
		return &MisuseError{Op: "lock", Kind: slab.Unbalanced, List: "scatter list"}
	}
	k := lockings.Get()
	for i := b.lo; i < b.hi; i++ {
		s := b.segments[i]
		if err = s.share(); err != nil {
			err = fmt.Errorf("mdl: lock: %w", err)
			break
		}
		k.parts = append(k.parts, s)
	}
	if err == nil {
		err = locked.add(k.parts)
	}
	if err != nil {
		k.end()
		return err
	}
	b.kernel.lock = k
	return nil
}

// Unlock ends Lock. Pages that no other list has locked may be swapped out
// again. A mapping stays as it is. Without a Lock before it returns a
// *MisuseError of kind slab.Unbalanced. It is MmUnlockPages.
func (l *List) Unlock() error {
	b, err := l.live("unlock")
	if err != nil {
		return err
	}
	k := b.kernel.lock
	if k == nil {
		return &MisuseError{Op: "unlock", Kind: slab.Unbalanced, List: "scatter list"}
	}
	b.kernel.lock = nil
	err = locked.remove(k.parts)
	k.end()
	if err != nil {
		return fmt.Errorf("mdl: unlock: %w", err)
	}
	return nil
}

// IsLocked reports whether the list itself is locked. On a released list it
// panics with *MisuseError.
func (l *List) IsLocked() bool { return l.must("is locked").kernel.lock != nil }

// LockedBytes is how many bytes all lists of the process have locked, in whole
// pages, each counted once.
func LockedBytes() int64 {
	locked.mu.Lock()
	defer locked.mu.Unlock()
	return int64(len(locked.pages)) * int64(align.PageSize())
}

// locking is what one list has locked: its segments as they were, with
// references of their own.
type locking struct {
	parts []segment
	lead  int // bytes in front of them that Retreat has won
}

var lockings = objtab.Cache[locking]{Init: func(k *locking) { k.parts = make([]segment, 0, inlineSegments) }}

// end drops the references.
func (k *locking) end() {
	for i := range k.parts {
		drop(k.parts[i].m)
	}
	clear(k.parts)
	k.parts, k.lead = k.parts[:0], 0
	lockings.Put(k)
}

// advance unlocks the whole pages that the list has passed.
func (k *locking) advance(n int) {
	lead := min(n, k.lead)
	k.lead -= lead
	n -= lead
	for n > 0 && len(k.parts) > 0 {
		s := &k.parts[0]
		before := pagesOf(s.bytes())
		if n < s.len() {
			s.off += n
			passed := pageSpan{before.first, pagesOf(s.bytes()).first}
			_ = locked.unlock(passed) // the count is right; a kernel that refuses leaves a page resident
			return
		}
		n -= s.len()
		_ = locked.unlock(before)
		m := s.m
		last := copy(k.parts, k.parts[1:])
		k.parts[last] = segment{}
		k.parts = k.parts[:last]
		drop(m)
	}
}

// lockTable counts, for every page that lists have locked, how many did.
type lockTable struct {
	mu    sync.Mutex
	pages map[uintptr]int // by the page's address; guarded by mu
}

var locked = lockTable{pages: map[uintptr]int{}}

// add locks the pages of all parts, or none.
func (t *lockTable) add(parts []segment) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range parts {
		err := t.lockSpan(pagesOf(parts[i].bytes()))
		if err == nil {
			continue
		}
		for k := range i {
			_ = t.unlockSpan(pagesOf(parts[k].bytes()))
		}
		return t.explain(parts, err)
	}
	return nil
}

// lockSpan locks the pages of a span that nobody had locked, in as few calls as
// there are gaps, and counts all of them. t.mu is held.
func (t *lockTable) lockSpan(p pageSpan) error {
	page := uintptr(align.PageSize())
	for at := p.first; at < p.end; {
		fresh := at
		for fresh < p.end && t.pages[fresh] == 0 {
			fresh += page
		}
		if fresh > at {
			if err := sys.Lock(at, fresh-at); err != nil {
				_ = sys.Unlock(at, fresh-at) // the kernel may have locked a part
				_ = t.unlockSpan(pageSpan{p.first, at})
				return err
			}
			for ; at < fresh; at += page {
				t.pages[at] = 1
			}
			continue
		}
		t.pages[at]++
		at += page
	}
	return nil
}

// remove lets go of the pages of all parts.
func (t *lockTable) remove(parts []segment) error {
	var first error
	for i := range parts {
		if err := t.unlock(pagesOf(parts[i].bytes())); first == nil {
			first = err
		}
	}
	return first
}

// unlock is unlockSpan for those who do not hold t.mu.
func (t *lockTable) unlock(p pageSpan) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.unlockSpan(p)
}

// unlockSpan counts the pages of a span down and unlocks those that nobody has
// locked any more. t.mu is held.
func (t *lockTable) unlockSpan(p pageSpan) error {
	page := uintptr(align.PageSize())
	var first error
	for at := p.first; at < p.end; {
		last := at
		for last < p.end && t.pages[last] == 1 {
			delete(t.pages, last)
			last += page
		}
		if last > at {
			if err := sys.Unlock(at, last-at); first == nil {
				first = err
			}
			at = last
			continue
		}
		t.pages[at]--
		at += page
	}
	return first
}

// explain turns the kernel's reason into the numbers. t.mu is held.
func (t *lockTable) explain(parts []segment, err error) error {
	page := uintptr(align.PageSize())
	e := &LockError{Limit: -1, Err: err}
	counted := map[uintptr]bool{}
	for i := range parts {
		p := pagesOf(parts[i].bytes())
		for at := p.first; at < p.end; at += page {
			if t.pages[at] == 0 && !counted[at] {
				counted[at] = true
				e.Want += int64(page)
			}
		}
	}
	if limit, now, ok := sys.LockLimit(); ok {
		e.Limit, e.Locked = limit, now
	} else {
		e.Locked = int64(len(t.pages)) * int64(page)
	}
	return e
}
