package arena

import "math/bits"

// bitset is one bit per page. Its words live beside the record table, out of line and off the Go heap.
type bitset []uint64

// bitsetWords is how many words a bitset of n bits needs.
func bitsetWords(n uint32) int { return int((uint64(n) + 63) / 64) }

func (b bitset) has(i uint32) bool { return b[i>>6]&(1<<(i&63)) != 0 }

// each calls f for every word that holds bits of [lo, hi), ascending, with the mask of those bits.
func (b bitset) each(lo, hi uint32, f func(word *uint64, mask uint64)) {
	for lo < hi {
		mask := ^uint64(0) << (lo & 63)
		end := min(uint64(hi), (uint64(lo)|63)+1)
		if rest := end & 63; rest != 0 {
			mask &= 1<<rest - 1
		}
		f(&b[lo>>6], mask)
		if end >= uint64(hi) {
			return
		}
		lo = uint32(end)
	}
}

func (b bitset) set(lo, hi uint32) {
	b.each(lo, hi, func(w *uint64, mask uint64) { *w |= mask })
}

func (b bitset) clear(lo, hi uint32) {
	b.each(lo, hi, func(w *uint64, mask uint64) { *w &^= mask })
}

func (b bitset) count(lo, hi uint32) uint32 {
	n := 0
	b.each(lo, hi, func(w *uint64, mask uint64) { n += bits.OnesCount64(*w & mask) })
	return uint32(n)
}

// next is the first set bit in [lo, hi), or hi.
func (b bitset) next(lo, hi uint32) uint32 { return b.scan(lo, hi, 0) }

// nextClear is the first clear bit in [lo, hi), or hi.
func (b bitset) nextClear(lo, hi uint32) uint32 { return b.scan(lo, hi, ^uint64(0)) }

func (b bitset) scan(lo, hi uint32, flip uint64) uint32 {
	for lo < hi {
		if w := (b[lo>>6] ^ flip) >> (lo & 63); w != 0 {
			return min(hi, lo+uint32(bits.TrailingZeros64(w)))
		}
		end := (uint64(lo) | 63) + 1
		if end >= uint64(hi) {
			return hi
		}
		lo = uint32(end)
	}
	return hi
}

// last is one past the last set bit in [lo, hi), or lo where none is set.
func (b bitset) last(lo, hi uint32) uint32 {
	for hi > lo {
		top := (hi - 1) | 63
		w := b[top>>6]
		if top >= hi {
			w &= ^uint64(0) >> (top - hi + 1)
		}
		if w != 0 {
			return max(lo, top-uint32(bits.LeadingZeros64(w))+1)
		}
		hi = top - 63
	}
	return lo
}

// floor is the greatest lo' >= lo such that [lo', hi) holds at least n set bits, or lo where there are fewer.
func (b bitset) floor(lo, hi, n uint32) uint32 {
	for n > 0 && hi > lo {
		base := max(lo, (hi-1)&^63)
		if have := b.count(base, hi); have < n {
			n -= have
			hi = base
			continue
		}
		for n > 0 {
			hi--
			if b.has(hi) {
				n--
			}
		}
	}
	return hi
}

// marks is a bitset that finds the nearest set bit below in two steps, however far it is: sum has one bit for every
// word of bits that is not zero.
type marks struct{ bits, sum bitset }

func (m marks) set(i uint32) {
	m.bits[i>>6] |= 1 << (i & 63)
	m.sum[i>>12] |= 1 << (i >> 6 & 63)
}

func (m marks) unset(i uint32) {
	m.bits[i>>6] &^= 1 << (i & 63)
	if m.bits[i>>6] == 0 {
		m.sum[i>>12] &^= 1 << (i >> 6 & 63)
	}
}

func (m marks) has(i uint32) bool { return m.bits.has(i) }

// at is the last set bit that is not above i. There must be one: the first page of a piece begins a run.
func (m marks) at(i uint32) uint32 {
	if w := m.bits[i>>6] << (63 - i&63); w != 0 {
		return i - uint32(bits.LeadingZeros64(w))
	}
	word := m.sum.last(0, i>>6) - 1
	return word<<6 | uint32(63-bits.LeadingZeros64(m.bits[word]))
}
