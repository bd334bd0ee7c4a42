package slab

import (
	"fmt"
	"math/bits"
	"sync/atomic"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/statspage"
)

// Lookaside is a list of equal blocks. All methods may be called by any
// number of goroutines at once, but for what Close says.
type Lookaside struct {
	owner
	size int
	zero bool
	cfg  Config
	home atomic.Pointer[Home] // Publishes: where objects' blocks go back to. Pairs with: Home. Written with life held.
	only list
}

// Limits of a Config.
const (
	// MaxSize is the largest Size of a lookaside in bytes.
	MaxSize = 64 << 20
	// MaxDepth is the largest Depth.Max of a lookaside in blocks.
	MaxDepth = 4000

	defaultMinDepth = 4
	defaultMaxDepth = 256
	// parkedPerP bounds what one P parks of one list, in bytes.
	parkedPerP = 1 << 20
)

// New makes a lookaside whose slabs come from src. It returns an error that
// wraps ErrInvalid and names field, value and rule when cfg makes no sense,
// ErrClosed when src is closed, ErrNoMemory when src has no room for its
// records. It is ExInitializeLookasideListEx.
func New(src *arena.Arena, cfg Config) (*Lookaside, error) {
	if src == nil {
		return nil, fmt.Errorf("slab: new: arena is nil: %w", ErrInvalid)
	}
	cfg, stride, err := cfg.settle()
	if err != nil {
		return nil, err
	}
	l := &Lookaside{size: cfg.Size, zero: cfg.Zero, cfg: cfg}
	granules := slabGranules(stride)
	maxDepth := min(cfg.Depth.Max, max(cfg.Depth.Min, parkedPerP/stride), int((cfg.MaxParked-cfg.MaxParked/depotPart)/int64(stride)))
	l.only = list{
		o: &l.owner, size: uint32(cfg.Size), stride: uint32(stride),
		geometry: geometry{granules: uint32(granules), blocks: uint32(granules * arena.Granule / stride)}, slots: uint32(maxDepth),
		depthRule: depthRule{minDepth: uint32(min(cfg.Depth.Min, maxDepth)), maxDepth: uint32(maxDepth)}, debug: cfg.Debug,
	}
	l.lists = []*list{&l.only}
	l.divide(cfg.MaxParked)
	l.what, l.name, l.tag, l.careful = "lookaside", cfg.Name, cfg.Tag, cfg.Debug != 0
	l.maint.Lock() // the arena's end waits until we are whole
	defer l.maint.Unlock()
	if err := l.attach(l, src, statspage.CacheHead+uintptr(maxDepth)*refSize); err != nil {
		return nil, err
	}
	l.publishList(&l.only, statspage.Entry{Kind: statspage.KindLookaside, Tag: cfg.Tag}, cfg.Name)
	l.start()
	return l, nil
}

// settle fills in the defaults and checks the rest.
func (c Config) settle() (Config, int, error) {
	fail := func(field string, value any, rule string) (Config, int, error) {
		return c, 0, fmt.Errorf("slab: new %q: %s %v: %s: %w", c.Name, field, value, rule, ErrInvalid)
	}
	if c.Size < 1 || c.Size > MaxSize {
		return fail("Size", c.Size, fmt.Sprintf("must be from 1 to %d", MaxSize))
	}
	if c.Align < 0 || c.Align > arena.Granule || c.Align != 0 && !align.IsPow2(c.Align) {
		return fail("Align", c.Align, fmt.Sprintf("must be 0 or a power of two up to %d", arena.Granule))
	}
	if c.Depth.Min < 0 {
		return fail("Depth.Min", c.Depth.Min, "must not be negative")
	}
	if c.Depth.Max < 0 || c.Depth.Max > MaxDepth {
		return fail("Depth.Max", c.Depth.Max, fmt.Sprintf("must be from 0 to %d", MaxDepth))
	}
	if c.Depth.Min == 0 {
		c.Depth.Min = defaultMinDepth
		if c.Depth.Max != 0 {
			c.Depth.Min = min(c.Depth.Min, c.Depth.Max)
		}
	}
	if c.Depth.Max == 0 {
		c.Depth.Max = max(defaultMaxDepth, c.Depth.Min)
	}
	if c.Depth.Min > c.Depth.Max {
		return fail("Depth.Min", c.Depth.Min, fmt.Sprintf("must not exceed Depth.Max %d", c.Depth.Max))
	}
	if err := c.Debug.check(); err != nil {
		return fail("Debug", uint8(c.Debug), err.Error())
	}
	if err := c.Tag.check(); err != nil {
		return fail("Tag", c.Tag, err.Error())
	}
	if c.MaxParked < 0 {
		return fail("MaxParked", c.MaxParked, "must not be negative")
	}
	stride := c.stride()
	if least := int64(stride) * depotPart / (depotPart - 1); c.MaxParked == 0 {
		c.MaxParked = max(DefaultMaxParked, least+depotPart)
	} else if c.MaxParked <= least {
		return fail("MaxParked", c.MaxParked, fmt.Sprintf("must be 0 or more than %d, for one block", least))
	}
	if c.Name == "" {
		c.Name = fmt.Sprintf("%d bytes", c.Size)
	}
	return c, stride, nil
}

// stride is the distance of two blocks: the size rounded up to the alignment
// and to an eighth of the power of two at or below it, which the state bytes
// need (see layout_unsafe.go).
func (c Config) stride() int {
	to := c.Align
	if to == 0 {
		to = 16
		if c.Size >= arena.Granule {
			to = arena.Granule
		}
	}
	size := max(c.Size, quantum)
	if c.Debug&Redzone != 0 {
		size += redzoneMin
	}
	n := align.Up(size, to)
	return align.Up(n, max(to, 1<<(bits.Len(uint(n))-1)>>subBits))
}

// slabGranules chooses a slab for blocks of an arbitrary stride: at least
// eight blocks up to a page each, at least one, and little tail.
func slabGranules(stride int) int {
	least := max(16<<10, min(8*stride, max(64<<10, stride)))
	g := (least + arena.Granule - 1) / arena.Granule
	for best := g; ; g++ {
		if tail := int64(g * arena.Granule % stride); tail*50 <= int64(g)*arena.Granule {
			return g
		}
		if g >= 2*best+8 {
			return best
		}
	}
}

// Size returns the bytes per block.
func (l *Lookaside) Size() int { return l.size }

// Name returns the name from the configuration.
func (l *Lookaside) Name() string { return l.name }

func (l *Lookaside) getSlow() ([]byte, error) {
	if l.only.debug != 0 {
		return l.getChecked()
	}
	zero := 0
	if l.zero {
		zero = l.size
	}
	r, err := l.only.take("get", zero)
	if err != nil {
		return nil, err
	}
	return bytesAt(r.pointer(), l.size, l.size), nil
}

func (l *Lookaside) putSlow(b []byte) {
	if l.only.debug != 0 {
		l.putChecked(b)
		return
	}
	l.free("put", b, stLive)
}

// Trim gives back every parked block, every empty slab and the arena's idle
// pages. It returns the bytes that went back to the system. It stops all
// goroutines for a moment. It is ExFlushLookasideListEx.
func (l *Lookaside) Trim() int64 { return l.trim() }

// Stats returns the account of the list.
func (l *Lookaside) Stats() Stats {
	l.life.RLock()
	defer l.life.RUnlock()
	if l.closed {
		return l.last
	}
	return l.named(l.only.stats())
}

func (l *Lookaside) named(s Stats) Stats {
	s.Name, s.Tag = l.name, l.cfg.Tag
	return s
}

// Close gives everything back to the arena. When blocks are out it returns a
// *LeakError; those blocks keep their memory until the arena is closed. A
// second Close does nothing. It is ExDeleteLookasideListEx.
func (l *Lookaside) Close() error {
	return l.close(func() Stats { return l.named(l.only.stats()) })
}

// ArenaClosing is for the arena: it makes the list unusable before its
// memory goes away.
func (l *Lookaside) ArenaClosing() { l.arenaClosing(func() Stats { return l.named(l.only.stats()) }) }
