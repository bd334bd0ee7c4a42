package trace

import (
	"encoding/binary"
	"math/bits"
)

// Geometry of a word.
const (
	opBits     = 3
	lenBits    = 2
	headBits   = opBits + lenBits
	wordBits   = 32 - headBits // operand bits of the longest word
	maxOperand = 1<<(2*wordBits) - 1

	// eventMax is the longest event in bytes: four operands with high words.
	eventMax = 32
	// pad is the number of bytes behind the last word that Word may read.
	pad = 4
)

// Word reads the word at p[i:], of which four bytes must be readable: its
// operation, its operand, and the place of the next word. When op is above
// Time the operand is the upper part of the next word's; see Cursor, which
// takes care of it.
func Word(p []byte, i int) (op Op, v uint32, next int) {
	w := binary.LittleEndian.Uint32(p[i:])
	n := int(w>>opBits) & (1<<lenBits - 1)
	return Op(w & (1<<opBits - 1)), w << (24 - 8*n) >> (24 - 8*n) >> headBits, i + n + 1
}

// Wide reads the word at p[i:] like Word and joins a high word with its
// successor.
func Wide(p []byte, i int) (op Op, v uint64, next int) {
	op, lo, next := Word(p, i)
	if op != high {
		return op, uint64(lo), next
	}
	up := uint64(lo) << wordBits
	op, lo, next = Word(p, next)
	return op, up | uint64(lo), next
}

// appendWord appends op and v, at most maxOperand, in as few bytes as can be.
func appendWord(dst []byte, op Op, v uint64) []byte {
	if v >= 1<<wordBits {
		dst = appendWord(dst, high, v>>wordBits)
		// The low part may be short: its missing bits are zero.
		v &= 1<<wordBits - 1
	}
	n := (bits.Len64(v) + headBits - 1) / 8 // bytes less one
	w := uint32(op) | uint32(n)<<opBits | uint32(v)<<headBits
	for ; n >= 0; n-- {
		dst = append(dst, byte(w))
		w >>= 8
	}
	return dst
}
