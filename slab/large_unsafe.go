package slab

// What the compiler cannot check here: that a large block's bytes are those
// of its run. It holds because the run made them. An address from outside is
// only looked up; following it would break that.

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"unsafe"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/statspage"
)

// large is the account of the blocks that are too large for a class: each
// has a page run of its own.
type large struct {
	mu     sync.Mutex
	closed bool
	at     map[uintptr]uint32  // where in blocks is the one that begins at an address
	blocks []largeBlock        // some of them unused:
	unused []uint32            // these
	n      *statspage.Counters // guarded by mu

	// Runs that came back and wait for the next block of as many pages, by
	// their number of pages less one, the last one that came back first: where
	// they are in blocks.
	kept      [keptPages][]uint32
	keptBytes int
	reused    bool // one of them was, since lookOverLarge
	refused   int  // blocks that found no room since the runs were last let go
}

type largeBlock struct {
	run   arena.Run
	state uint8 // stLive or a tag's; stParked while it is being freed; stFree while it is kept
}

const (
	keptRefused = 64        // so many may be refused before all are let go
	keptPages   = 64        // runs of more pages are not kept
	keptLeast   = 256 << 10 // bytes that may be kept however little is live
	keptPart    = 16        // of the bytes that are live, more than that
)

// mayKeep is how many bytes of runs may be kept.
func (g *large) mayKeep() int {
	return max(keptLeast, int(g.n.GetBytes-g.n.PutBytes)/keptPart)
}

// of returns the block that begins at p, or nil. The caller holds g.mu, which
// is also how long the result is good.
func (g *large) of(p uintptr) *largeBlock {
	if i, ok := g.at[p]; ok {
		return &g.blocks[i]
	}
	return nil
}

// add enters a block. The caller holds g.mu.
func (g *large) add(run arena.Run) {
	b := largeBlock{run, stLive}
	i := uint32(len(g.blocks))
	if n := len(g.unused); n > 0 {
		i = g.unused[n-1]
		g.unused = g.unused[:n-1]
		g.blocks[i] = b
	} else {
		g.blocks = append(g.blocks, b)
	}
	g.at[uintptr(run.Base())] = i
}

// remove undoes add, for the i-th of the blocks. The caller holds g.mu.
func (g *large) remove(i uint32) {
	delete(g.at, uintptr(g.blocks[i].run.Base()))
	g.blocks[i] = largeBlock{}
	g.unused = append(g.unused, i)
}

// reuse hands out a run of so many pages that was kept, or nil. The caller
// holds g.mu.
func (g *large) reuse(pages int) *largeBlock {
	if uint(pages-1) >= keptPages || len(g.kept[pages-1]) == 0 {
		return nil
	}
	stack := g.kept[pages-1]
	b := &g.blocks[stack[len(stack)-1]]
	g.kept[pages-1] = stack[:len(stack)-1]
	b.state = stLive
	g.keptBytes -= len(b.run.Bytes())
	g.reused = true
	return b
}

// keep keeps the run of the i-th block, which came back. It reports whether it
// did. The caller holds g.mu.
func (g *large) keep(i uint32, src *arena.Arena) bool {
	b := &g.blocks[i]
	size, pages := len(b.run.Bytes()), b.run.Pages()
	if g.keptBytes > g.mayKeep() {
		g.letGo(src) // less is live than was
	}
	if uint(pages-1) >= keptPages || size > g.mayKeep() {
		return false
	}
	if g.keptBytes+size > g.mayKeep() {
		if g.refused++; g.refused < keptRefused {
			return false
		}
		g.letGo(src) // what nobody asked for must not stay for ever
	}
	b.state = stFree
	g.kept[pages-1] = append(g.kept[pages-1], i)
	g.keptBytes += size
	return true
}

// letGo releases every run that is kept. The caller holds g.mu.
func (g *large) letGo(src *arena.Arena) {
	if g.keptBytes == 0 {
		return
	}
	for n, stack := range g.kept {
		for _, i := range stack {
			src.Release(g.blocks[i].run)
			g.remove(i)
		}
		g.kept[n] = stack[:0]
	}
	g.keptBytes, g.refused = 0, 0
}

// lookOverLarge releases the runs that are kept if none was asked for since
// the last look.
func (a *Allocator) lookOverLarge() {
	g := &a.large
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed && !g.reused {
		g.letGo(a.src)
	}
	g.reused = false
}

// hoardsLarge reports whether runs are kept.
func (a *Allocator) hoardsLarge() bool {
	a.large.mu.Lock()
	defer a.large.mu.Unlock()
	return a.large.keptBytes > 0
}

// bringLargeHome releases the runs that are kept.
func (a *Allocator) bringLargeHome() {
	a.large.mu.Lock()
	defer a.large.mu.Unlock()
	if !a.large.closed {
		a.large.letGo(a.src)
	}
}

// allocLarge hands out a run for n bytes whose address is a multiple of to,
// or of a page when to is 0.
func (a *Allocator) allocLarge(op string, n, to int, zero bool) ([]byte, error) {
	page := a.src.PageSize()
	if n > math.MaxInt-page {
		if a.isClosed() {
			return nil, a.errClosed(op)
		}
		return nil, a.refuseLarge(a.errFrom(op, n, errors.New("larger than any address space")))
	}
	pages := (n + page - 1) / page
	b, err := a.takeLarge(op, n, pages, to, zero)
	if err != nil && a.rescue(err) {
		b, err = a.takeLarge(op, n, pages, to, zero)
	}
	if err != nil {
		return nil, a.refuseLarge(err)
	}
	return b, nil
}

// takeLarge gets a run and accounts for it.
func (a *Allocator) takeLarge(op string, n, pages, to int, zero bool) ([]byte, error) {
	a.life.RLock() // the run must not outlive the arena before it is ours
	defer a.life.RUnlock()
	if a.closed {
		return nil, a.errClosed(op)
	}
	g := &a.large
	if to <= a.src.PageSize() {
		g.mu.Lock()
		if b := g.reuse(pages); b != nil {
			bytes := b.run.Bytes()
			g.n.Gets++
			g.n.GetBytes += uint64(len(bytes))
			g.mu.Unlock()
			if zero {
				clear(bytes[:n])
			}
			return bytes[:n], nil
		}
		g.mu.Unlock()
	}
	if a.peaked() {
		a.yield()
	}
	run, err := a.acquire(pages, to, zero)
	if err != nil {
		return nil, a.errFrom(op, n, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.add(run)
	g.n.Gets++
	g.n.GetBytes += uint64(len(run.Bytes()))
	return run.Bytes()[:n], nil
}

func (a *Allocator) acquire(pages, to int, zero bool) (arena.Run, error) {
	switch {
	case to > a.src.PageSize():
		return a.src.AcquireAligned(pages, to)
	case zero:
		return a.src.Acquire(pages)
	}
	return a.src.AcquireUninitialized(pages)
}

// refuseLarge counts a failure.
func (a *Allocator) refuseLarge(err error) error {
	a.large.mu.Lock()
	if !a.large.closed {
		a.large.n.Failures++
	}
	a.large.mu.Unlock()
	return err
}

// isLarge reports whether p is the start of a large block, or lies in
// pages that no slab covers.
func (a *Allocator) isLarge(p unsafe.Pointer) bool {
	rec, state := a.src.Record(p)
	return state == arena.PageUsed && (*desc)(rec).owner == 0
}

func (a *Allocator) claimLarge(op string, p unsafe.Pointer, want uint8) *MisuseError {
	g := &a.large
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.of(uintptr(p))
	if b != nil && b.state == want {
		b.state = stParked
		return nil
	}
	bad := &MisuseError{Op: op, List: a.name, Addr: uintptr(p)}
	switch {
	case b != nil && (b.state == stParked || b.state == stFree):
		bad.Kind = DoubleFree
	case b != nil:
		bad.Kind, bad.Tag = WrongTag, a.tagOf(b.state, uintptr(p))
	default:
		bad.Kind = WrongList
		if run, ok := a.src.RunAround(p); ok {
			if b := g.of(uintptr(run.Base())); b != nil {
				bad.Kind = Misaligned
				if b.state == stFree {
					bad.Kind = DoubleFree
				}
			}
		}
	}
	return bad
}

func (a *Allocator) unclaimLarge(p unsafe.Pointer, want uint8) { a.setLarge(p, want) }

func (a *Allocator) setLarge(p unsafe.Pointer, state uint8) {
	a.large.mu.Lock()
	if b := a.large.of(uintptr(p)); b != nil {
		b.state = state
	}
	a.large.mu.Unlock()
}

func (a *Allocator) freeLarge(p unsafe.Pointer) bool { return a.dropLarge(p, stParked, false) }

// reclaimLarge is freeLarge after close.
func (a *Allocator) reclaimLarge(p unsafe.Pointer) bool { return a.dropLarge(p, stParked, true) }

// quickLarge is claimLarge and freeLarge at once, where nothing is unusual: a
// large block in the state want begins at p. Otherwise it does nothing.
func (a *Allocator) quickLarge(p unsafe.Pointer, want uint8) bool { return a.dropLarge(p, want, false) }

// dropLarge takes the block in the state want at p back.
func (a *Allocator) dropLarge(p unsafe.Pointer, want uint8, closed bool) bool {
	g := &a.large
	g.mu.Lock()
	i, ok := g.at[uintptr(p)]
	if g.closed != closed || !ok || g.blocks[i].state != want {
		g.mu.Unlock()
		return false
	}
	run := g.blocks[i].run
	g.n.Puts++
	g.n.PutBytes += uint64(len(run.Bytes()))
	kept := !closed && g.keep(i, a.src)
	if !kept {
		g.remove(i)
	}
	g.mu.Unlock()
	if !kept {
		a.src.Release(run)
	}
	return true
}

// roomLarge returns the capacity of a large block, extended in place to n
// bytes when the pages behind it are free.
func (a *Allocator) roomLarge(op string, p unsafe.Pointer, n int, want uint8) (int, *MisuseError) {
	if bad := a.claimLarge(op, p, want); bad != nil {
		return 0, bad
	}
	g := &a.large
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.of(uintptr(p))
	b.state = want
	room := len(b.run.Bytes())
	if page := a.src.PageSize(); n > room && n <= math.MaxInt-page {
		if run, ok := a.src.Extend(b.run, (n+page-1)/page); ok {
			b.run = run
			g.n.GetBytes += uint64(len(run.Bytes()) - room)
			room = len(run.Bytes())
		}
	}
	return room, nil
}

func (g *large) stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Stats{Gets: g.n.Gets, Puts: g.n.Puts, Failures: g.n.Failures}
	s.Live = int64(s.Gets - s.Puts)
	s.LiveBytes = int64(g.n.GetBytes - g.n.PutBytes)
	s.Parked, s.ParkedBytes = int64(len(g.at))-s.Live, int64(g.keptBytes)
	s.HeldBytes = s.LiveBytes + s.ParkedBytes
	return s
}

// closeLarge closes the large blocks and appends those that are out, after
// it has released the runs that are kept, unless the arena takes them. The
// counters stay readable when their page is gone.
func (a *Allocator) closeLarge(leaks []Leak, release bool) []Leak {
	g := &a.large
	g.mu.Lock()
	defer g.mu.Unlock()
	if release {
		g.letGo(a.src)
	}
	g.keptBytes = 0
	n := *g.n
	g.n, g.closed = &n, true
	type sum struct{ blocks, bytes int64 }
	byTag := make(map[Tag]sum)
	for p, i := range g.at {
		b := &g.blocks[i]
		if b.state == stFree {
			continue
		}
		t := a.tagOf(b.state, p)
		byTag[t] = sum{byTag[t].blocks + 1, byTag[t].bytes + int64(len(b.run.Bytes()))}
	}
	for t, s := range byTag {
		leaks = append(leaks, Leak{fmt.Sprintf("%s/large", a.name), t, s.blocks, s.bytes})
	}
	return leaks
}
