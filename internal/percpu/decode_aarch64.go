package percpu

import "encoding/binary"

// Registers of arm64 as instructions number them.
const (
	armR0  = 0
	armR28 = 28 // holds the goroutine's descriptor
	armR31 = 31 // zero or the stack pointer, never a register like others
)

// The instructions that can occur, by the bits that are the same in all of their kind. A scaled offset is 12 bits
// and counts words of the size that is loaded; an unscaled one is 9 bits with a sign and counts bytes.
const (
	armScaled   = 0xffc00000 // mask
	armUnscaled = 0xffe00c00 // mask

	armLoad64, armLoad64Unscaled             = 0xf9400000, 0xf8400000
	armLoad32, armLoad32Unscaled             = 0xb9400000, 0xb8400000
	armLoad32Signed, armLoad32SignedUnscaled = 0xb9800000, 0xb8800000
	armStore32, armStore32Unscaled           = 0xb9000000, 0xb8000000
	armAdd32, armAdd64                       = 0x11000000, 0x91000000
	armReturn                                = 0xd65f03c0
)

// decodeARM64 returns the offsets that procPin's code for arm64 uses, or false when it is not what it should be. It
// reads code no further than the first return and the first instruction that does not fit.
func decodeARM64(code []byte) (offsets, bool) {
	var t tracer
	t.regs[armR28] = theG
	for ; len(code) >= 4; code = code[4:] {
		word := binary.LittleEndian.Uint32(code)
		if word == armReturn {
			return t.result(armR0)
		}
		if !t.stepARM64(word) {
			break
		}
	}
	return offsets{}, false
}

func (t *tracer) stepARM64(word uint32) bool {
	reg, base := int(word&31), int(word>>5&31)
	if reg == armR31 || base == armR31 {
		return false
	}
	scaled := int64(word >> 10 & 0xfff)
	unscaled := int64(int32(word<<11) >> 23)
	switch word & armScaled {
	case armLoad64:
		return t.load64(reg, base, 8*scaled)
	case armLoad32:
		return t.load32(reg, base, 4*scaled, false)
	case armLoad32Signed:
		return t.load32(reg, base, 4*scaled, true)
	case armStore32:
		return t.store32(reg, base, 4*scaled)
	case armAdd32, armAdd64:
		return scaled == 1 && t.addOne(reg, base)
	}
	switch word & armUnscaled {
	case armLoad64Unscaled:
		return t.load64(reg, base, unscaled)
	case armLoad32Unscaled:
		return t.load32(reg, base, unscaled, false)
	case armLoad32SignedUnscaled:
		return t.load32(reg, base, unscaled, true)
	case armStore32Unscaled:
		return t.store32(reg, base, unscaled)
	}
	return false
}
