package fuzz

import (
	"bytes"

	"offheap.example/lookaside/internal/model"
	"offheap.example/lookaside/internal/testkit"
)

// programs are inputs for the targets that decode programs: each theme fills a few slots and then does one kind of
// thing to them again and again, on small and large limits, with each end.
func programs() (corpus [][]byte) {
	themes := [][]model.Op{
		{{Do: model.Alloc, N: 64}, {Do: model.Free}},
		{{Do: model.Alloc, N: 2000}, {Do: model.Realloc, N: 4000}, {Do: model.Realloc, N: 40_000}, {Do: model.Hand, K: 3}},
		{{Do: model.Alloc, Who: 2, N: 100}, {Do: model.FreeElsewhere, K: 4}, {Do: model.Realloc, N: 300}},
		{{Do: model.OpenLocal}, {Do: model.Alloc, Who: 1, N: 24}, {Do: model.Free, Who: 1}, {Do: model.CloseLocal}},
		{{Do: model.AllocBatch, N: 48, K: 39}, {Do: model.FreeTwiceInBatch, K: 9}, {Do: model.FreeBatch, K: 39}, {Do: model.Trim}},
		{{Do: model.Get}, {Do: model.GetBatch, Who: 1, K: 30}, {Do: model.FreeInside, N: 7}, {Do: model.PutBatch, Who: 1, K: 30}},
		{{Do: model.AllocAligned, N: 100, K: 12}, {Do: model.AllocAligned, N: 5000, K: 16}, {Do: model.FreeTwice}, {Do: model.FreeStale}},
		{{Do: model.Squeeze, N: 40}, {Do: model.Alloc, N: 30_000}, {Do: model.AllocZeroed, N: 100_000}, {Do: model.Relax}},
		{{Do: model.Refuse, K: 6}, {Do: model.Alloc, N: 9000}, {Do: model.Get}, {Do: model.Tune}, {Do: model.FreeTrimmed}},
		{{Do: model.Alloc, N: 500}, {Do: model.ReallocWrong, K: 1}, {Do: model.BadArguments}, {Do: model.FreeForeign, K: 1}, {Do: model.FreeMixedBatch, K: 7}},
	}
	for i, theme := range themes {
		p := model.Decode([]byte{byte(i), byte(i >> 1), byte(i), byte(i), byte(i + 5), byte(i)})
		for round := range 40 {
			for _, o := range theme {
				o.Slot = byte(round * (1 + i))
				o.N += round * i
				p.Ops = append(p.Ops, o)
			}
		}
		corpus = append(corpus, model.Encode(p))
	}
	return append(corpus, testkit.Bytes(testkit.Rand(1, 1), 2000), bytes.Repeat([]byte{0x11}, 600))
}

// configurations are inputs for FuzzLookaside: a list, and a program behind it.
func configurations() (corpus [][]byte) {
	program := programs()[5]
	for _, head := range [][configBytes]byte{
		{0: 64},                   // 64 bytes, everything else by default
		{0: 1, 3: 0},              // one byte at any address
		{1: 16, 3: 12, 11: 1},     // a page at pages, zeroed
		{0: 200, 10: 7, 11: 2},    // all that can be debugged, as far as there is
		{0: 100, 10: 0x23, 11: 2}, // poison, redzone, shuffle
		{0: 48, 4: 2, 7: 8},       // depth from 2 to 8
		{0: 48, 4: 8, 7: 2},       // the other way round
		{0: 48, 5: 0x80},          // negative
		{0: 48, 8: 0x7F},          // deeper than there may be
		{0: 0},                    // no size
		{1: 0x80},                 // a negative one
		{0: 16, 3: 13},            // aligned to more than a page
		{0: 16, 3: 23},            // to three
		{0: 16, 3: 17},            // to a negative number
		{0: 16, 10: 0xFF},         // features that nobody knows
		{0: 16, 11: 4, 12: 'r', 13: 'x'},
		{0: 16, 11: 4, 12: 'r', 14: 'x'}, // a hole in the tag
		{1: 0x7F, 2: 5},                  // a megabyte
	} {
		corpus = append(corpus, append(head[:], program...))
	}
	return corpus
}
