package mdl

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"

	"offheap.example/lookaside/memory"
)

// Checksum returns the internet checksum (RFC 1071) of n bytes, beginning at
// byte off; n == 0 means the rest. It is the number that a header carries in
// network byte order: the complement of the ones' complement sum of 16-bit
// words, whose odd last byte counts as the high one. The words are those of
// the whole range, wherever it is cut. Over a range that carries its own
// checksum it is 0, or 0xFFFF where all bytes are zero. No bytes give 0xFFFF.
// What is not in the list gives a *memory.BoundsError that wraps
// memory.ErrBufferTooSmall.
func (l *List) Checksum(off, n int) (uint16, error) {
	c, n, err := l.whole("checksum", off, n)
	if err != nil {
		return 0, err
	}
	var total uint64
	odd := false
	for n > 0 {
		p := c.piece()
		p = p[:min(n, len(p))]
		part := fold(add(p))
		if odd { // its bytes stand in the other half of each word
			part = bits.ReverseBytes16(part)
		}
		total += uint64(part)
		odd = odd != (len(p)%2 == 1)
		c.skip(len(p))
		n -= len(p)
	}
	return ^bits.ReverseBytes16(fold(total)), nil
}

// add is a sum of the 16-bit words of p, low byte first, that fold makes one
// word of: ones' complement addition works in words of any length.
func add(p []byte) uint64 {
	var sum, carry uint64
	for len(p) >= 32 {
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(p), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(p[8:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(p[16:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(p[24:]), carry)
		p = p[32:]
	}
	for len(p) >= 8 {
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(p), carry)
		p = p[8:]
	}
	var last uint64
	for i, v := range p {
		last |= uint64(v) << (8 * i)
	}
	sum, carry = bits.Add64(sum, last, carry)
	sum, carry = bits.Add64(sum, 0, carry)
	return sum + carry
}

// fold adds up the 16-bit words of v, carries included.
func fold(v uint64) uint16 {
	v = v>>32 + v&0xFFFF_FFFF
	v = v>>16 + v&0xFFFF
	v = v>>16 + v&0xFFFF
	v = v>>16 + v&0xFFFF
	return uint16(v)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// CRC32C returns the CRC-32C (Castagnoli) of n bytes, beginning at byte off;
// n == 0 means the rest. No bytes give 0. What is not in the list gives a
// *memory.BoundsError that wraps memory.ErrBufferTooSmall.
func (l *List) CRC32C(off, n int) (uint32, error) {
	c, n, err := l.whole("crc-32c", off, n)
	if err != nil {
		return 0, err
	}
	var crc uint32
	for n > 0 {
		p := c.piece()
		p = p[:min(n, len(p))]
		crc = crc32.Update(crc, castagnoli, p)
		c.skip(len(p))
		n -= len(p)
	}
	return crc, nil
}

// whole returns the position of byte off, and n or, for 0, the number of bytes
// from there on.
func (l *List) whole(op string, off, n int) (cursor, int, error) {
	b, err := l.live(op)
	if err != nil {
		return cursor{}, 0, err
	}
	if !fits(off, n, b.size) {
		return cursor{}, 0, &memory.BoundsError{Op: "mdl: " + op, Off: off, Len: n, Cap: b.size, Err: memory.ErrBufferTooSmall}
	}
	if n == 0 {
		n = b.size - off
	}
	return b.at(off), n, nil
}
