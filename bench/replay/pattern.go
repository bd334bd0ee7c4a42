package replay

import (
	"encoding/binary"
	"fmt"
)

// Identities of blocks. In the recorded order it is the block's number; where
// threads run freely, its number among its thread's own blocks or among the
// shared ones.
const (
	threadShift = 40
	sharedID    = 1 << 63
)

// ownID is the identity of a thread's n-th own block.
func ownID(thread int, n uint64) uint64 { return uint64(thread+1)<<threadShift | n }

// name is an identity in words.
func name(id uint64) string {
	switch {
	case id >= sharedID:
		return fmt.Sprintf("%d of the shared ones", id-sharedID)
	case id>>threadShift > 0:
		return fmt.Sprintf("%d of thread %d", id&(1<<threadShift-1), id>>threadShift-1)
	}
	return fmt.Sprint(id)
}

// seed makes words that differ between blocks in most of their bits.
func seed(id uint64) uint64 {
	x := (id + 1) * 0x9E3779B97F4A7C15
	x ^= x >> 32
	return x * 0xD6E8FEB86659FD93
}

// word is the pattern at an offset that is a multiple of 8.
func word(seed uint64, off int) uint64 { return (seed + uint64(off)) * 0xFF51AFD7ED558CCD }

// single is the pattern at any offset.
func single(seed uint64, off int) byte { return byte(word(seed, off&^7) >> (off & 7 * 8)) }

// fill writes the pattern of block id into b, from offset from on.
func fill(b []byte, id uint64, from int) {
	s := seed(id)
	i := from
	for ; i < len(b) && i%8 != 0; i++ {
		b[i] = single(s, i)
	}
	for ; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], word(s, i))
	}
	for ; i < len(b); i++ {
		b[i] = single(s, i)
	}
}

// intact compares b with the pattern of block id from its start. Where they
// differ, ok is false and at is the first such place.
func intact(b []byte, id uint64) (at int, ok bool) {
	s := seed(id)
	i := 0
	for i+8 <= len(b) && binary.LittleEndian.Uint64(b[i:]) == word(s, i) {
		i += 8
	}
	for ; i < len(b); i++ {
		if b[i] != single(s, i) {
			return i, false
		}
	}
	return 0, true
}
