package arena

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"

	"offheap.example/lookaside/align"
)

// Arena is reserved address space and the pages in it. All methods are safe for concurrent use.
type Arena struct {
	cfg   Config
	back  backing
	shift uint   // binary logarithm of the page size
	extra uint32 // guard pages behind every run, 0 or 1

	space  atomic.Pointer[Space] // Publishes: the first piece, once. Pairs with: Space.
	closed atomic.Bool           // Publishes: the pages are going. Pairs with: Run.Bytes, Run.Base.
	busy   sync.WaitGroup        // clearings in flight, outside the lock; Close waits

	mu      sync.Mutex
	closing bool
	gone    bool

	pieces    []*piece // in the order of their page numbers
	byAddr    []*piece // in the order of their addresses
	nextPage  uint32   // the arena's pages below it belong to pieces
	piecewise bool     // the whole reserve could not be had at once
	free      freeRuns
	gen       uint32 // of the run handed out last
	ledgers   ledgers
	owners    owners
	counters  counters
	watchers  []*watcher

	// Pages.
	inUse, dirtyPages, everPages, guards, lostPages int64
	peak                                            int64        // the most that were ever in use
	most                                            atomic.Int64 // the most that were ever committed, less what was given back to stay below it; written with mu held
	purged                                          int64        // in all
	policy                                          policy
	acquires, releases, purges                      uint64
}

// Open reserves address space as cfg says and commits none of it. A Config that makes no sense is ErrInvalid, with
// the field, the value and the rule in the text; a kernel that refuses is ErrExhausted with its error. With an error
// nothing is mapped and no file is open.
func Open(cfg Config) (*Arena, error) {
	limited := cfg.Limit != 0
	cfg, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	a := &Arena{cfg: cfg, policy: newPolicy(), shift: uint(bits.TrailingZeros(uint(align.PageSize())))}
	if !limited {
		a.cfg.Limit = noLimit
	}
	if cfg.Guard {
		a.extra = 1
	}
	if a.back, err = openBacking(cfg); err != nil {
		return nil, fmt.Errorf("arena: open: %w: %w", ErrExhausted, err)
	}
	a.piecewise = true
	if _, onHeap := a.back.(heap); !onHeap {
		a.reserveWhole()
	}
	a.counters.open(a)
	a.publish()
	return a, nil
}

// Close tells the owners that are still attached, waits for clearings in flight and gives everything back: the
// bytes of every run are gone, and touching them faults. Afterwards everything answers ErrClosed, nothing or a
// *MisuseError. A second Close, also one that is called while the first is at work, does nothing and returns nil.
func (a *Arena) Close() error {
	a.mu.Lock()
	if a.closing {
		a.mu.Unlock()
		return nil
	}
	a.closing = true
	attached := a.owners.all()
	a.mu.Unlock()
	for _, o := range attached {
		o.ArenaClosing()
	}
	a.mu.Lock()
	a.gone = true
	a.closed.Store(true) // Publishes: the pages are going. Pairs with: Run.Bytes, Run.Base.
	a.unshare()
	a.mu.Unlock()
	a.busy.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.space.Store(nil) // Publishes: there is no primary piece any more. Pairs with: Space.
	var errs []error
	for _, p := range a.pieces {
		errs = append(errs, p.close(a.back))
	}
	a.pieces, a.byAddr, a.free = nil, nil, freeRuns{}
	errs = append(errs, a.ledgers.close(a.back), a.counters.close(), a.back.close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("arena: close: %w", err)
	}
	return nil
}

// Name is Config.Name, or "arena" where that was empty.
func (a *Arena) Name() string { return a.cfg.Name }

// PageSize is the size of a page in bytes: the operating system's, a multiple of Granule.
func (a *Arena) PageSize() int { return 1 << a.shift }

// bytesOf is n pages in bytes.
func (a *Arena) bytesOf(n int64) int64 { return n << a.shift }

// committed is the number of pages that count against the limit.
func (a *Arena) committed() int64 { return a.inUse + a.dirtyPages }
