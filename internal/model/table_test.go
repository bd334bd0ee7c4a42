package model_test

import (
	"testing"

	"offheap.example/lookaside/internal/model"
	"offheap.example/lookaside/slab"
)

// setup is what most rows of the table run on.
func setup(limit int64, tags int, end model.End) model.Setup {
	return model.Setup{
		Limit: limit, Tags: tags, End: end,
		Lists: [2]slab.Config{{Name: "first", Size: 64}, {Name: "second", Size: 5000, Tag: slab.Tag{'r', 'x'}}},
	}
}

// repeat is n operations with slots that count up.
func repeat(n int, o model.Op) (ops []model.Op) {
	for range n {
		ops = append(ops, o)
		o.Slot++
	}
	return ops
}

// table has programs that were written by hand, and those that once failed, as Check prints them.
var table = []struct {
	name    string
	program model.Program
}{
	{"nothing at all", model.Program{Setup: setup(1<<20, 1, model.FreeAll)}},
	{"closed with one block of each out", model.Program{Setup: setup(4<<20, 40, model.Leak), Ops: []model.Op{
		{Do: model.Alloc, Slot: 1, N: 100}, {Do: model.Alloc, Slot: 2, Who: 2, N: 100}, {Do: model.Alloc, Slot: 3, Who: 41, N: 100},
		{Do: model.Alloc, Slot: 4, N: 100_000}, {Do: model.Alloc, Slot: 5, Who: 40, N: 100_000}, {Do: model.OpenLocal},
		{Do: model.Alloc, Slot: 6, Who: 1, N: 33}, {Do: model.Get, Slot: 7}, {Do: model.Get, Slot: 8, Who: 1},
	}}},
	{"the arena goes first", model.Program{Setup: setup(4<<20, 3, model.ArenaFirst), Ops: []model.Op{
		{Do: model.OpenLocal}, {Do: model.Alloc, Slot: 1, Who: 1, N: 10}, {Do: model.Alloc, Slot: 2, Who: 3, N: 40_000},
		{Do: model.Get, Slot: 3}, {Do: model.Squeeze, N: 3}, {Do: model.Free, Slot: 1, Who: 1},
	}}},
	{"full, and usable again after frees", model.Program{Setup: setup(256<<10, 2, model.FreeAll), Ops: append(append(append(
		repeat(200, model.Op{Do: model.Alloc, N: 2000}), repeat(200, model.Op{Do: model.Free})...),
		repeat(50, model.Op{Do: model.Alloc, N: 2000})...), model.Op{Do: model.Trim}, model.Op{Do: model.Alloc, Slot: 201, N: 100_000})}},
	{"the kernel refuses, and gives again", model.Program{Setup: setup(4<<20, 2, model.FreeAll), Ops: append(append(
		[]model.Op{{Do: model.Refuse, K: 20}}, repeat(20, model.Op{Do: model.Alloc, N: 5000})...),
		repeat(20, model.Op{Do: model.Alloc, Slot: 50, N: 5000})...)}},
	{"every mistake with a block of each kind", model.Program{Setup: setup(4<<20, 40, model.FreeAll), Ops: mistakes()}},
	{"sizes around every class", model.Program{Setup: setup(16<<20, 2, model.FreeAll), Ops: aroundClasses()}},
	{"grows and shrinks", model.Program{Setup: setup(16<<20, 40, model.Leak), Ops: append([]model.Op{
		{Do: model.Alloc, Slot: 0, N: 1}, {Do: model.Alloc, Slot: 1, Who: 5, N: 1}, {Do: model.Alloc, Slot: 2, Who: 41, N: 1},
	}, growing()...)}},
}

func mistakes() (ops []model.Op) {
	for i, o := range []model.Op{
		{Do: model.Alloc, N: 1}, {Do: model.Alloc, N: 8}, {Do: model.Alloc, N: 32768}, {Do: model.Alloc, N: 32769},
		{Do: model.Alloc, Who: 2, N: 100}, {Do: model.Alloc, Who: 40, N: 100}, {Do: model.Alloc, Who: 41, N: 50_000},
		{Do: model.AllocAligned, N: 100, K: 16}, {Do: model.Get}, {Do: model.Get, Who: 1},
	} {
		for do := model.FreeInside; do <= model.FreeNothing; do++ {
			for k := range uint8(8) {
				at := model.Op{Do: do, Slot: uint8(i), Who: k * 7, K: k, N: int(k) * 37}
				o.Slot = at.Slot
				ops = append(ops, o, at)
			}
		}
		ops = append(ops, o, model.Op{Do: model.FreeTwice, Slot: o.Slot}, o, model.Op{Do: model.FreeTrimmed, Slot: o.Slot})
	}
	return ops
}

func aroundClasses() (ops []model.Op) {
	for n := 8; n <= 32768; n += max(8, n/8&^7) {
		for _, d := range []int{-1, 0, 1} {
			ops = append(ops, model.Op{Do: model.AllocZeroed, N: n + d}, model.Op{Do: model.Free})
		}
		ops = append(ops, model.Op{Do: model.AllocAligned, N: n, K: uint8(n / 8 % 15)}, model.Op{Do: model.Free})
	}
	return ops
}

func growing() (ops []model.Op) {
	for n := 1; n < 200_000; n += 1 + n/3 {
		ops = append(ops, repeat(3, model.Op{Do: model.Realloc, N: n})...)
	}
	for n := 200_000; n > 0; n /= 3 {
		ops = append(ops, repeat(3, model.Op{Do: model.Realloc, N: n})...)
	}
	return ops
}

func TestTable(t *testing.T) {
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			if f := model.Check(row.program, model.Open); f != nil {
				t.Fatal(f)
			}
		})
	}
}
