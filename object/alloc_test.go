package object_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/object"
)

func TestNoAllocationsInSteadyState(t *testing.T) {
	if race.Enabled {
		t.Skip("race builds allocate")
	}
	parent, mine := create(t, object.Config{}), &rx{}
	hook := func(object.Object) {}
	var stale object.Object
	for name, cfg := range map[string]object.Config{
		"plain":     {},
		"kind":      {Kind: "kind"},
		"parent":    {Parent: parent},
		"callbacks": {Cleanup: hook, Destroy: hook},
		"all":       {Kind: "all", Parent: parent, Context: mine, Cleanup: hook, Destroy: hook},
	} {
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			o, err := object.New(cfg)
			if err != nil || o.Ref() != nil || !o.TryRef() {
				t.Fatal(err)
			}
			if c, ok := object.Context[rx](o); ok != (c != nil) {
				t.Fatal("context")
			}
			o.Parent()
			o.Unref()
			if err := o.Delete(); err != nil {
				t.Fatal(err)
			}
			o.Unref()
			stale = o
		}), name)
	}
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if stale.Ref() == nil || stale.TryRef() || stale.Delete() == nil {
			t.Fatal("stale handle accepted")
		}
	}), "stale")
}

// A stale handle stays stale however often its slot is used again.
func TestStaleAfterAMillionReuses(t *testing.T) {
	n := 1_000_000
	if race.Enabled || testing.Short() {
		n = 50_000
	}
	first := create(t, object.Config{})
	require.NoError(t, first.Delete())
	same := 0
	for range n {
		o, err := object.New(object.Config{})
		if err != nil || o == first || first.Valid() || first.TryRef() {
			t.Fatal("the stale handle came back to life")
		}
		if err := o.Delete(); err != nil {
			t.Fatal(err)
		}
		same++
	}
	require.Equal(t, n, same)
	require.ErrorIs(t, first.Delete(), object.ErrDeleted)
}

func BenchmarkCreateDelete(b *testing.B) {
	parent, mine := create(b, object.Config{}), &rx{}
	hook := func(object.Object) {}
	for _, w := range []struct {
		name string
		cfg  object.Config
	}{
		{"work=plain", object.Config{}},
		{"work=parent", object.Config{Parent: parent}},
		{"work=parent+context+callbacks", object.Config{Parent: parent, Context: mine, Cleanup: hook, Destroy: hook}},
	} {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				o, err := object.New(w.cfg)
				if err != nil || o.Delete() != nil {
					b.Fatal("create or delete failed")
				}
			}
		})
	}
}

func BenchmarkRefUnref(b *testing.B) {
	o := create(b, object.Config{})
	b.Run("work=alone", func(b *testing.B) {
		for b.Loop() {
			_ = o.TryRef()
			o.Unref()
		}
	})
	b.Run("work=shared", func(b *testing.B) {
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				_ = o.TryRef()
				o.Unref()
			}
		})
	})
}
