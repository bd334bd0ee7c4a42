package arena

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// owner counts what it hears, and uses the arena while it hears it.
type owner struct {
	arena  *Arena
	id     uint16
	runs   []Run
	heard  int
	detach bool
	failed error
}

func (o *owner) ArenaClosing() {
	o.heard++
	_, o.failed = o.arena.Acquire(1)
	for _, r := range o.runs {
		r.Bytes()[0]++ // still mapped
		o.arena.Release(r)
	}
	o.arena.Purge(0)
	_ = o.arena.Close() // harmless
	if o.detach {
		o.arena.Detach(o.id)
	}
}

func TestCloseTellsOwnersFirst(t *testing.T) {
	a, err := Open(Config{})
	require.NoError(t, err)
	owners := []*owner{{arena: a}, {arena: a, detach: true}, {arena: a}}
	for _, o := range owners {
		o.runs = []Run{acquire(t, a, 3), acquire(t, a, 1)}
		o.id, err = a.Attach(o)
		require.NoError(t, err)
	}
	a.Detach(owners[2].id)
	require.NoError(t, a.Close())
	require.Equal(t, []int{1, 1, 0}, []int{owners[0].heard, owners[1].heard, owners[2].heard})
	require.ErrorIs(t, owners[0].failed, ErrClosed)
	_, err = a.Attach(owners[0])
	require.ErrorIs(t, err, ErrClosed)
	a.Detach(owners[0].id)
}

func TestOwnerNumbers(t *testing.T) {
	a := open(t, Config{})
	seen := map[uint16]bool{}
	for range 65535 {
		id, err := a.Attach(&owner{arena: a})
		require.NoError(t, err)
		if id == 0 || seen[id] {
			t.Fatalf("number %d is given twice, or zero", id)
		}
		seen[id] = true
	}
	_, err := a.Attach(&owner{arena: a})
	require.ErrorIs(t, err, ErrExhausted)
	a.Detach(77)
	a.Detach(77)
	a.Detach(0)
	id, err := a.Attach(&owner{arena: a})
	require.NoError(t, err)
	require.Equal(t, uint16(77), id)
	_, err = a.Attach(&owner{arena: a})
	require.ErrorIs(t, err, ErrExhausted, "a second Detach frees no second number")
	for id := range seen {
		a.Detach(id)
	}
}

func TestAfterClose(t *testing.T) {
	eachVariant(t, Config{}, func(t *testing.T, cfg Config) {
		a, err := Open(cfg)
		require.NoError(t, err)
		r := acquire(t, a, 2)
		b := r.Bytes()
		require.NoError(t, a.Close())
		require.NoError(t, a.Close())
		_, err = a.Acquire(1)
		require.ErrorIs(t, err, ErrClosed)
		require.EqualError(t, err, `arena: acquire: 1 pages in "arena": arena closed`)
		_, err = a.AcquireUninitialized(1)
		require.ErrorIs(t, err, ErrClosed)
		_, err = a.AcquireAligned(1, 1<<16)
		require.ErrorIs(t, err, ErrClosed)
		_, err = a.Metadata(1)
		require.ErrorIs(t, err, ErrClosed)
		require.Nil(t, r.Bytes())
		require.Nil(t, r.Base())
		require.Zero(t, a.Purge(0))
		_, ok := a.Locate(b)
		require.False(t, ok)
		_, ok = a.Offset(b)
		require.False(t, ok)
		_, ok = a.Fd()
		require.False(t, ok)
		require.Zero(t, a.Space())
		s := a.Stats()
		require.Zero(t, s.InUse+s.Committed+s.Reserved+s.Resident+s.Metadata+s.MetadataResident+s.CountersResident)
		require.Equal(t, uint64(1), s.Acquires)
		var e *MisuseError
		requireMisuse(t, &e, func() { a.Release(r) })
		require.Equal(t, AfterClose, e.Kind)
		requireMisuse(t, &e, func() { a.Extend(r, 3) })
		require.Equal(t, AfterClose, e.Kind)
	})
}

func TestCollapseAfterClose(t *testing.T) {
	a, err := Open(Config{Huge: HugeCollapse})
	require.NoError(t, err)
	require.NoError(t, a.Close())
	_, err = a.Collapse()
	require.ErrorIs(t, err, ErrClosed)
}

// TestConcurrentUse lets goroutines acquire, extend, release, purge and look at the same time; the pattern in each run
// must survive.
func TestConcurrentUse(t *testing.T) {
	eachVariant(t, Config{Limit: 64 << 20}, func(t *testing.T, cfg Config) {
		a := open(t, cfg)
		steps := 300
		if testing.Short() {
			steps = 60
		}
		var group sync.WaitGroup
		failures := make(chan string, 16)
		for g := range 4 {
			group.Go(func() {
				var runs []Run
				for i := range steps {
					r, err := a.Acquire(1 + (i*7+g)%9)
					if err != nil || !isFilled(r.Bytes(), 0) {
						failures <- "acquire"
						return
					}
					fill(r, byte(g+1))
					runs = append(runs, r)
					if i%3 == g%3 {
						last := runs[len(runs)-1]
						runs[len(runs)-1], _ = a.Extend(last, last.Pages()+2)
					}
					if _, ok := a.Locate(r.Bytes()); !ok {
						failures <- "locate"
					}
					if len(runs) > 6 {
						if !isFilled(runs[0].Bytes()[:a.PageSize()], byte(g+1)) {
							failures <- "pattern"
						}
						a.Release(runs[0])
						runs = runs[1:]
					}
					if i%50 == g {
						a.Purge(1 << 16)
						a.Stats()
					}
				}
				for _, r := range runs {
					a.Release(r)
				}
			})
		}
		group.Wait()
		close(failures)
		for f := range failures {
			t.Error(f)
		}
		audit(t, a)
		require.Zero(t, a.Stats().InUse)
	})
}

// TestCloseWhileAcquiring: whoever comes too late hears ErrClosed, and nobody faults.
func TestCloseWhileAcquiring(t *testing.T) {
	for range 20 {
		a, err := Open(Config{})
		require.NoError(t, err)
		var group sync.WaitGroup
		started := make(chan struct{}, 4)
		for range 4 {
			group.Go(func() {
				started <- struct{}{}
				for {
					r, err := a.Acquire(64)
					if err != nil {
						return
					}
					func() {
						defer func() { _ = recover() }() // AfterClose
						a.Release(r)
					}()
					a.Stats()
				}
			})
		}
		for range 4 {
			<-started
		}
		require.NoError(t, a.Close())
		group.Wait()
	}
}
