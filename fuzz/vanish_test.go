package fuzz

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/slab"
)

// Operations that write to a block before they return, or hold pages that nobody knows of yet, while the arena is
// closed: they must not fault either. Each crime below did so within a few hundred rounds.
func TestArenaClosedUnderWriters(t *testing.T) {
	for _, crime := range []struct {
		name string
		open func(src *arena.Arena) func() error
	}{
		{"AllocZeroed", func(src *arena.Arena) func() error {
			a := must(slab.NewAllocator(src, slab.AllocatorConfig{}))
			return func() error { _, err := a.AllocZeroed(30_000); return err }
		}},
		{"AllocZeroed large", func(src *arena.Arena) func() error {
			a := must(slab.NewAllocator(src, slab.AllocatorConfig{}))
			return func() error {
				b, err := a.AllocZeroed(300_000)
				if err == nil {
					err = testkit.Guarded(func() { a.Free(b) })
				}
				return err
			}
		}},
		{"Alloc large", func(src *arena.Arena) func() error {
			a := must(slab.NewAllocator(src, slab.AllocatorConfig{}))
			return func() error {
				b, err := a.Alloc(70_000)
				if err == nil {
					err = testkit.Guarded(func() { a.Free(b) })
				}
				return err
			}
		}},
		{"Get", func(src *arena.Arena) func() error {
			l := must(slab.New(src, slab.Config{Size: 30_000, Zero: true}))
			return func() error { _, err := l.Get(); return err }
		}},
		{"Realloc", func(src *arena.Arena) func() error {
			a := must(slab.NewAllocator(src, slab.AllocatorConfig{}))
			return func() error {
				b, err := a.Alloc(10_000)
				if err == nil {
					err = testkit.Guarded(func() { _, err = a.Realloc(b, 30_000) })
				}
				return err
			}
		}},
		{"Get poisoned", func(src *arena.Arena) func() error {
			l := must(slab.New(src, slab.Config{Size: 30_000, Debug: slab.Poison | slab.Redzone}))
			return func() error {
				b, err := l.Get()
				if err == nil {
					err = testkit.Guarded(func() { l.Put(b) })
				}
				return err
			}
		}},
	} {
		t.Run(crime.name, func(t *testing.T) {
			testkit.Child(t, crime.name, testkit.Survived, func() {
				for round := range rounds(60) {
					src := must(arena.Open(arena.Config{Reserve: 1 << 30}))
					use := crime.open(src)
					var busy atomic.Int64
					err := gang(5, func(i int) error {
						for i == 0 {
							if busy.Load() > int64(round*3) {
								return src.Close()
							}
							runtime.Gosched()
						}
						for {
							busy.Add(1)
							switch err := use(); {
							case done(err):
								return nil
							case err != nil && !errors.Is(err, slab.ErrNoMemory):
								return err
							}
						}
					})
					if err != nil {
						panic(err)
					}
				}
			})
		})
	}
}
