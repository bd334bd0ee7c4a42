package main

import (
	"testing"

	"offheap.example/lookaside/bench/work"
)

// Every workload leaves as much as it found, on whichever allocator the tests are
// built with.
func TestEveryWorkloadConserves(t *testing.T) {
	for _, s := range work.Suite(2, work.Tiny) {
		t.Run(s.Name, func(t *testing.T) {
			h := openRival()
			o, err := work.Perform(s, func(r *work.Run) { rivalAlgorithms[s.Kind](h, r) })
			if err != nil {
				t.Fatal(err)
			}
			if o.Allocs != o.Frees || o.Ops == 0 {
				t.Fatalf("%d operations, %d blocks allocated, %d freed", o.Ops, o.Allocs, o.Frees)
			}
			if err := h.close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestVersionIsKnown(t *testing.T) {
	if version() == "" {
		t.Fatal("the allocator does not say its version")
	}
}
