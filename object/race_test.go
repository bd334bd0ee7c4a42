package object_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/object"
)

// One object, many holders: whoever drops the last reference destroys it, one
// Delete wins, and what was written under a reference is seen by Destroy.
func TestManyHoldersOfOneObject(t *testing.T) {
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	type payload struct{ n [4]int }
	for range rounds {
		var wins, cleanups, destroys, holds atomic.Int32
		p := &payload{}
		o := create(t, object.Config{
			Context: p,
			Cleanup: func(object.Object) { cleanups.Add(1) },
			Destroy: func(object.Object) {
				destroys.Add(1)
				for i := range p.n {
					p.n[i]++ // a race unless every holder's writes come before
				}
			},
		})
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for range 5 {
					if o.TryRef() {
						holds.Add(1)
						c, ok := object.Context[payload](o)
						if ok {
							c.n[g]++
						}
						o.Unref()
					}
				}
				if o.Delete() == nil {
					wins.Add(1)
				}
			})
		}
		wg.Wait()
		require.False(t, o.Valid())
		require.EqualValues(t, 1, wins.Load())
		require.EqualValues(t, 1, cleanups.Load())
		require.EqualValues(t, 1, destroys.Load())
	}
}

// Families that several goroutines create, reference and delete at once,
// parents and children in any order: every callback runs exactly once, a
// Destroy never before its Cleanup.
func TestFamiliesUnderStress(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 40
	}
	const perRound = 60
	for round := range rounds {
		type record struct{ cleaned, destroyed atomic.Int32 }
		var mu sync.Mutex
		var all []object.Object
		var records []*record
		pick := func(rng *rand.Rand) object.Object {
			mu.Lock()
			defer mu.Unlock()
			return all[rng.IntN(len(all))]
		}
		add := func(parent object.Object) {
			r := &record{}
			o, err := object.New(object.Config{
				Parent:  parent,
				Context: r,
				Cleanup: func(o object.Object) { r.cleaned.Add(1) },
				Destroy: func(o object.Object) {
					if r.cleaned.Load() != 1 {
						t.Error("destroyed before it was cleaned up")
					}
					r.destroyed.Add(1)
				},
			})
			if err != nil {
				if !errors.Is(err, object.ErrDeleted) {
					t.Error(err)
				}
				return
			}
			mu.Lock()
			all, records = append(all, o), append(records, r)
			mu.Unlock()
		}
		add(object.Object{})
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(round), uint64(g)))
				for range perRound {
					o := pick(rng)
					switch rng.IntN(8) {
					case 0:
						add(object.Object{})
					case 1, 2, 3:
						add(o)
					case 4:
						_ = o.Delete()
					case 5:
						if o.TryRef() {
							runtime.Gosched()
							o.Unref()
						}
					case 6:
						if up, ok := o.Parent(); ok && up == o {
							t.Error("an object is its own parent")
						}
						_, _ = object.AddContext[int](o, object.ContextConfig{})
					case 7:
						if r, ok := object.Context[record](o); ok && r == nil {
							t.Error("a context that is nil")
						}
					}
				}
			})
		}
		wg.Wait()
		for _, o := range all {
			_ = o.Delete()
		}
		for i, r := range records {
			require.EqualValues(t, 1, r.cleaned.Load(), "round %d, object %d", round, i)
			require.EqualValues(t, 1, r.destroyed.Load(), "round %d, object %d", round, i)
			require.False(t, all[i].Valid())
		}
	}
}

// Slots that travel from one P to another, while the number of Ps changes.
func TestSlotsTravel(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 5_000
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	ch := make(chan object.Object, 300)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range n / 2 {
				o, err := object.New(object.Config{})
				if err != nil {
					t.Error(err)
				}
				ch <- o
			}
		})
		wg.Go(func() {
			for i := range n / 2 {
				o := <-ch
				if o.Refs() != 1 || o.Delete() != nil || o.Valid() {
					t.Error("an object is not what was sent")
				}
				if i%(n/20) == 0 {
					runtime.GOMAXPROCS(1 + i/(n/20)%4)
				}
			}
		})
	}
	wg.Wait()
}
