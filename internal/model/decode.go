package model

import (
	"slices"

	"offheap.example/lookaside/slab"
)

// A program in bytes: headBytes for the setup, then opBytes for each operation.
const (
	headBytes = 6
	opBytes   = 6
	maxOps    = 4096
)

// weights says how many of 256 values of a byte mean each operation. What is not listed shares the rest.
var weights = map[Do]int{
	Alloc: 44, AllocZeroed: 10, AllocAligned: 10, AllocBatch: 8, Realloc: 24, Free: 40, FreeBatch: 8, OpenLocal: 2,
	CloseLocal: 1, Get: 24, GetBatch: 6, PutBatch: 6, Trim: 2, Tune: 2, Compare: 2, Squeeze: 4, Relax: 4, Refuse: 1,
	Hand: 12, FreeTwice: 5, FreeTrimmed: 1, FreeInside: 6, FreeForeign: 3, FreeElsewhere: 8, FreeStale: 5,
	FreeTwiceInBatch: 3, FreeMixedBatch: 4, ReallocWrong: 5, BadArguments: 3, FreeNothing: 2,
}

// doOf is what each value of a byte means; byteOf is the first value for each operation.
var (
	doOf   [256]Do
	byteOf [numDo]uint8
)

func init() {
	at := 0
	for d := range numDo {
		byteOf[d] = uint8(min(at, 255))
		for range weights[d] {
			doOf[at] = d
			at++
		}
	}
	byteOf[Stand] = 255 // the weights add up to less than 256; the rest stands
	if at > 255 {
		panic("model: the weights leave no byte for Stand")
	}
}

// What the head of a program chooses from.
var (
	limits = []int64{256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20, 16 << 20}
	parked = []int{0, 64, 1024, 1 << 20}
	counts = []int{3, 40} // of tags: a few, and more than a state byte can tell apart
	lists  = []slab.Config{
		{Size: 1},
		{Size: 16, Depth: slab.Depth{Min: 1, Max: 1}},
		{Size: 24, Align: 8},
		{Size: 48, Depth: slab.Depth{Min: 2, Max: 8}, Zero: true},
		{Size: 64, Align: 64, Debug: slab.Poison},
		{Size: 100, Debug: slab.Redzone},
		{Size: 200, Debug: slab.Shuffle, Zero: true},
		{Size: 256, Align: 256, Depth: slab.Depth{Max: 3}},
		{Size: 1000, Debug: slab.Poison | slab.Redzone | slab.Shuffle},
		{Size: 1500, Align: 32},
		{Size: 2048, Tag: slab.Tag{'r', 'x'}},
		{Size: 4000, Tag: slab.Tag{'l', 'o', 'n', 'g'}, Zero: true},
		{Size: 4096},
		{Size: 5000, Align: 4096},
		{Size: 9001, Debug: slab.Poison, Depth: slab.Depth{Min: 2, Max: 2}},
		{Size: 70_000},
	}
)

// Decode makes a program from any bytes. Bytes that are missing count as zero.
func Decode(data []byte) Program {
	head := make([]byte, headBytes)
	data = data[copy(head, data):]
	p := Program{Setup: Setup{
		Limit:      limits[int(head[0])%len(limits)],
		ParkedPerP: parked[int(head[1])%len(parked)],
		Guard:      head[2]&1 != 0,
		Shared:     head[2]&2 != 0,
		Tags:       counts[int(head[2]>>2)%len(counts)],
		Lists:      [2]slab.Config{lists[int(head[3])%len(lists)], lists[int(head[4])%len(lists)]},
		End:        End(head[5] % uint8(numEnds)),
	}}
	p.Setup.Lists[0].Name, p.Setup.Lists[1].Name = "first", "second"
	for len(data) >= opBytes && len(p.Ops) < maxOps {
		p.Ops = append(p.Ops, Op{
			Do: doOf[data[0]], Slot: data[1], Who: data[2], N: sizeOf(uint16(data[3]) | uint16(data[4])<<8), K: data[5],
		})
		data = data[opBytes:]
	}
	return p
}

// sizeBits is the width of a size for each value of the upper four bits of its code: small ones are frequent, and
// every width occurs.
var sizeBits = [16]uint{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 6, 8, 18}

// sizeOf is the size that a code stands for: the lower twelve bits are its leading bits.
func sizeOf(code uint16) int {
	return int(code&0xFFF) << sizeBits[code>>12] >> 12
}

// codeOf is the code of n, or of the next larger size that has one.
func codeOf(n int) uint16 {
	for i, bits := range sizeBits {
		if bits < 12 {
			continue
		}
		if lead := (n + 1<<(bits-12) - 1) >> (bits - 12); lead < 1<<12 {
			return uint16(i)<<12 | uint16(lead)
		}
	}
	return 0xFFFF
}

// Encode is the way back: the bytes of p, with what has no code replaced by something near.
func Encode(p Program) []byte {
	s := p.Setup
	flags := byte(0)
	if s.Guard {
		flags |= 1
	}
	if s.Shared {
		flags |= 2
	}
	flags |= byte(max(0, slices.Index(counts, s.Tags)) << 2)
	data := []byte{
		byte(max(0, slices.Index(limits, s.Limit))), byte(max(0, slices.Index(parked, s.ParkedPerP))), flags,
		listCode(s.Lists[0]), listCode(s.Lists[1]), byte(s.End),
	}
	for _, o := range p.Ops {
		n := codeOf(o.N)
		data = append(data, byteOf[o.Do], o.Slot, o.Who, byte(n), byte(n>>8), o.K)
	}
	return data
}

func listCode(c slab.Config) byte {
	c.Name = ""
	return byte(max(0, slices.Index(lists, c)))
}
