package arena

// What the compiler cannot check here: that what Metadata hands out is mapped, zero, aligned and nobody else's.
//
// Why it holds: a ledger is handed out once from its beginning to slackBytes before its end, and given back whole in
// Close.
//
// What would break it: a ledger smaller than the request and the slack.

import (
	"errors"
	"fmt"
	"unsafe"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/internal/sys"
)

const (
	// ledgerAlign is the alignment in bytes of what Metadata hands out.
	ledgerAlign = 64
	// slackBytes are readable behind everything that Metadata handed out.
	slackBytes  = 16 << 10
	ledgerLeast = 64 << 10
	ledgerMost  = 64 << 20
)

// ledgers are the mappings that Metadata hands out from. Guarded by Arena.mu.
type ledgers struct {
	all    []extent
	used   uintptr // of the last one
	handed int64   // bytes in all
}

// extent is a range of memory.
type extent struct {
	base unsafe.Pointer
	size uintptr
}

// Metadata hands out zeroed memory for bookkeeping: 64-byte aligned, outside the arena's pages and its limit, never
// given back before Close (the floor above recycles it). At least 16 KiB of readable memory follow its last byte. It
// counts in Stats.Metadata. Errors: ErrInvalid below one byte, ErrExhausted with the kernel's error, ErrClosed. For the
// floor above.
func (a *Arena) Metadata(bytes int) (unsafe.Pointer, error) {
	if bytes < 1 {
		return nil, fmt.Errorf("arena: metadata: %d bytes: must be at least 1: %w", bytes, ErrInvalid)
	}
	n, ok := align.TryUp(bytes, ledgerAlign)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return nil, fmt.Errorf("arena: metadata: %d bytes: %w", bytes, ErrClosed)
	}
	if !ok || int64(n) > MaxReserve {
		return nil, fmt.Errorf("arena: metadata: %d bytes: %w", bytes, ErrExhausted)
	}
	p, err := a.ledgers.take(a.back, uintptr(n))
	if err != nil {
		return nil, fmt.Errorf("arena: metadata: %d bytes: %w: %w", bytes, ErrExhausted, err)
	}
	a.publish()
	return p, nil
}

// DropMetadata gives back the physical memory of what Metadata handed out at p, as far as the bytes there are whole
// pages: they stay where they are, can be read and written, and read zero. It returns how many bytes went; none on the Go
// heap, and none of what is no metadata of this arena. For the floor above.
func (a *Arena) DropMetadata(p unsafe.Pointer, bytes int) (dropped int64) {
	page := uintptr(a.PageSize())
	lo := align.Up(uintptr(p), page)
	end := align.Down(uintptr(p)+uintptr(max(bytes, 0)), page)
	if lo >= end {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone || !a.ledgers.has(uintptr(p), uintptr(bytes)) {
		return 0
	}
	if a.back.advise(unsafe.Add(p, lo-uintptr(p)), end-lo, sys.DontNeed) != nil {
		return 0
	}
	return int64(end - lo)
}

// has tells whether bytes at an address were handed out.
func (l *ledgers) has(addr, bytes uintptr) bool {
	for i, m := range l.all {
		size := m.size
		if i == len(l.all)-1 {
			size = l.used
		}
		if off := addr - uintptr(m.base); off < size && bytes <= size-off {
			return true
		}
	}
	return false
}

func (l *ledgers) take(b backing, n uintptr) (unsafe.Pointer, error) {
	if len(l.all) == 0 || l.all[len(l.all)-1].size-l.used < n+slackBytes {
		if err := l.grow(b, n+slackBytes); err != nil {
			return nil, err
		}
	}
	p := unsafe.Add(l.all[len(l.all)-1].base, l.used)
	l.used += n
	l.handed += int64(n)
	return p, nil
}

// grow maps a ledger of twice the size of the last one, or, where that is refused, of just the size needed.
func (l *ledgers) grow(b backing, need uintptr) error {
	need = align.Up(need, uintptr(align.PageSize()))
	want := uintptr(ledgerLeast)
	if n := len(l.all); n > 0 {
		want = min(2*l.all[n-1].size, ledgerMost)
	}
	want = max(want, need)
	p, err := b.ledger(want)
	if err != nil && want > need {
		want = need
		p, err = b.ledger(want)
	}
	if err != nil {
		return err
	}
	l.all, l.used = append(l.all, extent{p, want}), 0
	return nil
}

func (l *ledgers) close(b backing) error {
	var errs []error
	for _, m := range l.all {
		errs = append(errs, b.unmap(m.base, m.size))
	}
	l.all, l.used = nil, 0
	return errors.Join(errs...)
}
