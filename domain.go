package lookaside

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// Config describes a domain. The zero value is usable.
type Config struct {
	Name    string         // shows in errors, statistics and /proc/PID/smaps; empty means "lookaside"
	Reserve int64          // bytes of address space; 0 means 64 GiB, which cost nothing until touched
	Limit   int64          // committed bytes; 0 means Reserve
	Huge    arena.HugeMode // huge pages: HugeAdvise, HugeNever, HugeCollapse
	Shared  bool           // pages backed by a memfd: they can be mapped twice and handed to another process
	Node    arena.Node     // NUMA node; the zero value means any
	Guard   bool           // an inaccessible page after every run of pages
	// MemLimit says whether GOMEMLIMIT is lowered by what is committed.
	MemLimit MemLimit
	// MaxParked bounds the bytes that the allocator parks in all; 0 means 128 MiB. See slab.AllocatorConfig.
	MaxParked int64
	Trace     bool // while the domain is open, every object and reference in the process remembers where it was made; see object.Trace
}

// Domain is everything that dies together. It is what the driver object is
// to a Windows driver. All methods may be called by any number of goroutines
// at once.
type Domain struct {
	name  string
	arena *arena.Arena
	alloc *slab.Allocator
	root  object.Object
	trace bool   // tracing is switched on on our behalf
	limit *share // of the memory limit; nil where it is left alone

	mu     sync.Mutex
	closed bool
	lists  []*slab.Lookaside

	making  sync.Mutex                     // makes headers; before mu
	headers atomic.Pointer[slab.Lookaside] // Publishes: what NewList gives its lists. Pairs with: NewList. Made with the first.
}

// Errors of the package.
var (
	ErrClosed   = slab.ErrClosed
	ErrNoMemory = slab.ErrNoMemory
	ErrInvalid  = slab.ErrInvalid
)

// Open makes a domain. A Config that makes no sense is an error that names
// field, value and rule and wraps arena.ErrInvalid; nothing is left behind.
func Open(cfg Config) (*Domain, error) {
	if cfg.Name == "" {
		cfg.Name = "lookaside"
	}
	d := &Domain{name: cfg.Name}
	if err := d.open(cfg); err != nil {
		d.undo()
		return nil, fmt.Errorf("lookaside: open %q: %w", cfg.Name, err)
	}
	return d, nil
}

func (d *Domain) open(cfg Config) (err error) {
	if err := cfg.MemLimit.check(); err != nil {
		return err
	}
	d.arena, err = arena.Open(arena.Config{
		Name: cfg.Name, Reserve: cfg.Reserve, Limit: cfg.Limit,
		Huge: cfg.Huge, Shared: cfg.Shared, Node: cfg.Node, Guard: cfg.Guard,
	})
	if err != nil {
		return err
	}
	if d.alloc, err = slab.NewAllocator(d.arena, slab.AllocatorConfig{Name: cfg.Name, MaxParked: cfg.MaxParked}); err != nil {
		return err
	}
	if cfg.MemLimit == LowerGoLimit {
		if d.limit, err = goLimit.join(d.arena); err != nil {
			return err
		}
	}
	if cfg.Trace {
		d.trace = true
		object.Trace(true)
	}
	d.root, err = object.New(object.Config{Kind: "domain"})
	return err
}

// undo closes what open got before it failed.
func (d *Domain) undo() {
	if d.trace {
		object.Trace(false)
	}
	d.limit.leave()
	if d.alloc != nil {
		_ = d.alloc.Close()
	}
	if d.arena != nil {
		_ = d.arena.Close()
	}
}

// Alloc returns n bytes; see slab.Allocator.Alloc.
func (d *Domain) Alloc(n int) ([]byte, error) { return d.alloc.Alloc(n) }

// Free gives back what Alloc returned; see slab.Allocator.Free.
func (d *Domain) Free(b []byte) { d.alloc.Free(b) }

// LookasideOption changes the configuration of a lookaside.
type LookasideOption func(*slab.Config)

// WithTag says whose the blocks are.
func WithTag(t slab.Tag) LookasideOption { return func(c *slab.Config) { c.Tag = t } }

// WithAlign aligns every block to n bytes, a power of two.
func WithAlign(n int) LookasideOption { return func(c *slab.Config) { c.Align = n } }

// WithDepth bounds how many free blocks one P parks.
func WithDepth(least, most int) LookasideOption {
	return func(c *slab.Config) { c.Depth = slab.Depth{Min: least, Max: most} }
}

// WithDebug switches checks on that cost time.
func WithDebug(f slab.Debug) LookasideOption { return func(c *slab.Config) { c.Debug |= f } }

// Zeroed makes every block zero when it is handed out.
func Zeroed() LookasideOption { return func(c *slab.Config) { c.Zero = true } }

// NewLookaside makes a list of blocks of size bytes, which Close closes if
// nobody did before. Errors are those of slab.New.
func (d *Domain) NewLookaside(name string, size int, opts ...LookasideOption) (*slab.Lookaside, error) {
	cfg := slab.Config{Name: name, Size: size}
	for _, o := range opts {
		o(&cfg)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, fmt.Errorf("lookaside: new lookaside %q: %w", name, ErrClosed)
	}
	l, err := slab.New(d.arena, cfg)
	if err != nil {
		return nil, err
	}
	d.lists = append(d.lists, l)
	return l, nil
}

// NewMemory makes a memory object of n zeroed bytes whose parent is the
// domain's root, unless an option says otherwise. Errors are those of
// memory.New. It is WdfMemoryCreate.
func (d *Domain) NewMemory(n int, opts ...memory.Option) (memory.Object, error) {
	all := make([]memory.Option, 0, 8)
	all = append(append(all, memory.WithParent(d.root)), opts...)
	return memory.New(d.alloc, n, all...)
}

// Allocator returns the domain's allocator.
func (d *Domain) Allocator() *slab.Allocator { return d.alloc }

// Arena returns the domain's arena.
func (d *Domain) Arena() *arena.Arena { return d.arena }

// Root returns the object that all objects of the domain descend from.
func (d *Domain) Root() object.Object { return d.root }

// Close deletes every object of the domain, children first, closes its lists
// and its allocator, and unmaps its pages. When blocks are still out it
// returns a *LeakError that counts them by list and tag and names what they are
// part of and who holds that, and the pages stay mapped, so that whoever holds
// a block or a reference meets no fault; blocks of memory objects go back when
// their last reference does. A second Close does nothing.
func (d *Domain) Close() error {
	d.mu.Lock()
	closed, lists := d.closed, d.lists
	d.closed = true
	d.headers.Store(nil) // Publishes: that NewList has to ask, and hears that the domain is closed. Pairs with: NewList.
	d.mu.Unlock()        // callbacks may use the domain: they find it closed
	if closed {
		return nil
	}
	err := d.root.Delete()
	leak := &LeakError{Domain: d.name, LeakError: slab.LeakError{Op: fmt.Sprintf("domain %q", d.name)}}
	for _, l := range lists {
		err = errors.Join(err, leak.gather(l.Close()))
	}
	err = errors.Join(err, leak.gather(d.alloc.Close()))
	d.limit.leave()
	if leak.Blocks != 0 || d.arena.Stats().InUse != 0 {
		d.attribute(leak)
	}
	if d.trace {
		object.Trace(false)
	}
	if leak.Blocks == 0 {
		return errors.Join(err, d.arena.Close())
	}
	if err != nil {
		return errors.Join(leak, err)
	}
	return leak
}
