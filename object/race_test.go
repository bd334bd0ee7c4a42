package object_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/objtab"
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

// A parent and its child are deleted at the same moment, while others look at
// the child or not, and the slots are used again at once: each callback runs
// once, and the parent's Delete never lets go of a child whose own Delete is on
// the way.
func TestParentAndChildAreDeletedTogether(t *testing.T) {
	rounds := 20_000
	if testing.Short() {
		rounds = 1_500
	}
	for round := range rounds {
		var cleaned, destroyed [3]atomic.Int32
		mk := func(i int, parent object.Object) object.Object {
			return create(t, object.Config{Parent: parent,
				Cleanup: func(object.Object) { cleaned[i].Add(1) }, Destroy: func(object.Object) { destroyed[i].Add(1) }})
		}
		parent := mk(0, object.Object{})
		child := mk(1, parent)
		grandchild := mk(2, child)
		deletes := []func(){
			func() { _ = parent.Delete() },
			func() { _ = child.Delete() },
			func() { _ = grandchild.Delete() },
			func() { // whoever gets the slots next is not disturbed
				o := create(t, object.Config{Kind: "next"})
				p := create(t, object.Config{Parent: o})
				if err := p.Delete(); err != nil {
					t.Error(err)
				}
				if err := o.Delete(); err != nil {
					t.Error(err)
				}
			},
		}
		if round%2 == 0 {
			deletes = append(deletes, func() { child.Parent() })
		}
		var wg sync.WaitGroup
		for _, f := range deletes {
			wg.Go(f)
		}
		wg.Wait()
		for i := range cleaned {
			require.EqualValues(t, 1, cleaned[i].Load(), "round %d, object %d", round, i)
			require.EqualValues(t, 1, destroyed[i].Load(), "round %d, object %d", round, i)
		}
		for _, o := range []object.Object{parent, child, grandchild} {
			require.False(t, o.Valid())
		}
	}
}

// Many holders of one object come and go while somebody watches, asks who they
// are and visits every object there is: at the end the account is empty.
func TestHoldersUnderStress(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for round := range rounds {
		destroyed := 0
		o := create(t, object.Config{Destroy: func(object.Object) { destroyed++ }})
		if round%2 == 0 {
			object.Watch(o)
		}
		var wg sync.WaitGroup
		for g := range 4 {
			by := objtab.Holder{Kind: "holder", ID: uint64(g)}
			wg.Go(func() {
				for i := range 60 {
					if err := object.RefAs(o, by); err != nil {
						t.Error(err)
						return
					}
					if i%10 == g {
						object.Watch(o)
					}
					if i%20 == g {
						for _, h := range object.Holders(o) {
							if h.Count < 1 {
								t.Error("a holder of nothing")
							}
						}
						object.Each(func(object.Object) {})
					}
					object.UnrefAs(o, by)
				}
			})
		}
		wg.Wait()
		require.Empty(t, object.Holders(o), "round %d", round)
		require.Equal(t, 1, o.Refs())
		require.NoError(t, o.Delete())
		require.Equal(t, 1, destroyed)
	}
}

// Each finds what is held, deleted or noted, and nothing else of ours.
func TestEach(t *testing.T) {
	before := seen()
	alone := create(t, object.Config{})
	held, deleted, watched := create(t, object.Config{}), create(t, object.Config{Kind: "x"}), create(t, object.Config{Parent: alone})
	require.NoError(t, held.Ref())
	require.NoError(t, deleted.Ref())
	require.NoError(t, deleted.Delete())
	object.Watch(watched)
	now := seen()
	for o := range before {
		delete(now, o)
	}
	require.Equal(t, map[object.Object]int{held: 3, deleted: 2, watched: 2}, now)
	held.Unref()
	deleted.Unref()
	require.False(t, deleted.Valid())
	for _, o := range []object.Object{held, alone} {
		require.NoError(t, o.Delete())
	}
	require.Equal(t, before, seen())
}

// seen is what Each finds, with the references while it looks.
func seen() map[object.Object]int {
	all := map[object.Object]int{}
	object.Each(func(o object.Object) { all[o] = o.Refs() })
	return all
}
