package model_test

import (
	"testing"

	"offheap.example/lookaside/internal/model"
)

// What was wrong once, one shrunk program each.
func TestMended(t *testing.T) {
	for _, row := range []struct {
		name    string
		was     string
		program model.Program
	}{
		{
			"realloc under another tag",
			"slab: past the first dozen tags Realloc looks at the state byte alone, which says only that the tag is in the side table",
			model.Program{Setup: setup(4<<20, 40, model.FreeAll), Ops: []model.Op{
				{Do: model.Alloc, Slot: 145, Who: 36, N: 1},
				{Do: model.ReallocWrong, Slot: 145, Who: 37, N: 8},
			}},
		},
		{
			"grow an aligned block of a tag in place",
			"slab: Tagged.Realloc accounts for growth in place only where the block is larger than the largest class then",
			model.Program{Setup: setup(4<<20, 3, model.FreeAll), Ops: []model.Op{
				{Do: model.AllocAligned, Slot: 251, Who: 2, N: 1, K: 19},
				{Do: model.Realloc, Slot: 251, N: 7706},
			}},
		},
		{
			"a large block after close",
			"slab: a large Alloc asks the arena before it looks whether the allocator is closed",
			model.Program{Setup: setup(2<<20, 1, model.Leak), Ops: []model.Op{
				{Do: model.AllocBatch, Slot: 142, N: 51428, K: 37},
			}},
		},
		{
			"failures by attempt",
			"slab: the second try after a rescue counts its failure too, and a rescue that helps leaves the first one counted",
			model.Program{Setup: setup(4<<20, 1, model.FreeAll), Ops: []model.Op{
				{Do: model.AllocZeroed, Slot: 192, N: 1},
				{Do: model.Free, Slot: 192},
				{Do: model.BadArguments, Slot: 69},
			}},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			if f := model.Run(row.program, model.Open); f != nil {
				t.Fatal(row.was, f)
			}
		})
	}
}
