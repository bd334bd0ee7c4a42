package percpu

import "encoding/binary"

// Registers of amd64 as instructions number them.
const (
	x86AX  = 0
	x86R14 = 14 // holds the goroutine's descriptor wherever Go calls Go
)

// decodeX86 returns the offsets that procPin's code for amd64 uses, or false when it is not what it should be. It
// reads code no further than the first return and the first instruction that does not fit.
func decodeX86(code []byte) (offsets, bool) {
	var t tracer
	t.regs[x86R14] = theG
	for {
		rex, op, rest, ok := x86Opcode(code)
		if !ok {
			return offsets{}, false
		}
		if op == 0xc3 && rex == 0 { // RET
			return t.result(x86AX)
		}
		reg, base, at, rest, ok := x86Memory(rex, rest)
		if !ok {
			return offsets{}, false
		}
		wide := rex&8 != 0
		switch {
		case op == 0x8b && wide: // MOVQ at(base), reg
			ok = t.load64(reg, base, at)
		case op == 0x63 && wide: // MOVLQSX at(base), reg
			ok = t.load32(reg, base, at, true)
		case op == 0xff && !wide && reg&7 == 0: // INCL at(base)
			ok = t.increment(base, at)
		case op == 0x83 && !wide && reg&7 == 0: // ADDL $1, at(base)
			ok = len(rest) > 0 && rest[0] == 1 && t.increment(base, at)
			rest = rest[min(1, len(rest)):]
		default:
			ok = false
		}
		if !ok {
			return offsets{}, false
		}
		code = rest
	}
}

// x86Opcode takes an optional REX prefix, 0 where there is none, and one byte of opcode off code.
func x86Opcode(code []byte) (rex, op byte, rest []byte, ok bool) {
	if len(code) > 0 && code[0]&0xf0 == 0x40 {
		rex, code = code[0], code[1:]
	}
	if len(code) == 0 {
		return 0, 0, nil, false
	}
	return rex, code[0], code[1:], true
}

// x86Memory takes a ModRM byte with what belongs to it off code: the operand in a register and the one in memory,
// which must be a base register and a displacement.
func x86Memory(rex byte, code []byte) (reg, base int, at int64, rest []byte, ok bool) {
	if len(code) == 0 || rex&2 != 0 {
		return 0, 0, 0, nil, false
	}
	mod, rm := code[0]>>6, code[0]&7
	reg = int(code[0]>>3&7 | rex&4<<1)
	code = code[1:]
	if rm == 4 { // A SIB byte follows; one without an index is a base register all the same.
		if len(code) == 0 || code[0]>>3&7 != 4 {
			return 0, 0, 0, nil, false
		}
		rm, code = code[0]&7, code[1:]
	}
	base = int(rm | rex&1<<3)
	switch {
	case mod == 0 && rm != 5:
		return reg, base, 0, code, true
	case mod == 1 && len(code) >= 1:
		return reg, base, int64(int8(code[0])), code[1:], true
	case mod == 2 && len(code) >= 4:
		return reg, base, int64(int32(binary.LittleEndian.Uint32(code))), code[4:], true
	}
	return 0, 0, 0, nil, false
}
