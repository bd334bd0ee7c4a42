package percpu

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	code, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return code
}

func words(w ...uint32) []byte {
	var code []byte
	for _, one := range w {
		code = binary.LittleEndian.AppendUint32(code, one)
	}
	return code
}

const (
	x86Go126 = "49 8b 4e 30  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3"
	x86Go125 = "49 8b 4e 30  ff 81 00 01 00 00  48 8b 89 c8 00 00 00  48 63 01  c3"
)

// armGo126 is MOVD 48(R28), R1; MOVW 264(R1), R2; ADD $1, R2; MOVW R2, 264(R1); MOVD 208(R1), R1; MOVW (R1), R0; RET.
func armGo126() []byte {
	return words(0xf9401b81, 0xb9810822, 0x91000442, 0xb9010822, 0xf9406821, 0xb9800020, 0xd65f03c0)
}

func armGo125() []byte {
	return words(0xf9401b81, 0xb9810022, 0x91000442, 0xb9010022, 0xf9406421, 0xb9800020, 0xd65f03c0)
}

func TestDecodeX86(t *testing.T) {
	go126 := offsets{m: 0x30, p: 0xd0, id: 0}
	for _, test := range []struct {
		name string
		code string
		want offsets // zero: refused
	}{
		{"go 1.26", x86Go126, go126},
		{"go 1.25", x86Go125, offsets{m: 0x30, p: 0xc8}},
		{"more code after the return", x86Go126 + "cc cc 00", go126},
		{"32-bit displacement to the thread", "49 8b 8e 30 00 00 00  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", go126},
		{"8-bit displacements everywhere", "49 8b 4e 30  ff 41 10  48 8b 49 68  48 63 41 04  c3", offsets{m: 0x30, p: 0x68, id: 4}},
		{"no displacement to the thread", "49 8b 0e  ff 41 10  48 8b 49 68  48 63 01  c3", offsets{m: 0, p: 0x68}},
		{"through AX", "49 8b 46 30  ff 80 08 01 00 00  48 8b 80 d0 00 00 00  48 63 00  c3", go126},
		{"through R8 and R9", "4d 8b 46 30  41 ff 80 08 01 00 00  4d 8b 88 d0 00 00 00  49 63 01  c3", go126},
		{"through R12, with a SIB byte", "4d 8b 66 30  41 ff 84 24 08 01 00 00  4d 8b a4 24 d0 00 00 00  49 63 04 24  c3", go126},
		{"ADDL for INCL", "49 8b 4e 30  83 81 08 01 00 00 01  48 8b 89 d0 00 00 00  48 63 01  c3", go126},
		{"the P loaded before the count", "49 8b 4e 30  48 8b 81 d0 00 00 00  ff 81 08 01 00 00  48 63 00  c3", go126},

		{"nothing", "", offsets{}},
		{"a return", "c3", offsets{}},
		{"a breakpoint", "cc 8b 4e 30  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"no count", "49 8b 4e 30  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"two counts", "49 8b 4e 30  ff 81 08 01 00 00  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"ADDL of 2", "49 8b 4e 30  83 81 08 01 00 00 02  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"DECL", "49 8b 4e 30  ff 89 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"INCQ", "49 8b 4e 30  48 ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"the goroutine not in R14", "48 8b 4e 30  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"the result not in AX", "49 8b 4e 30  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 63 09  c3", offsets{}},
		{"the result not extended", "49 8b 4e 30  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  8b 01  c3", offsets{}},
		{"the result of 64 bits", "49 8b 4e 30  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 8b 01  c3", offsets{}},
		{"relative to the program counter", "49 8b 4e 30  ff 05 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"an index register", "49 8b 4e 30  ff 84 01 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"a register operand", "49 8b ce  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"a negative displacement", "49 8b 4e f0  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"an uneven displacement", "49 8b 4e 33  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"a displacement past any descriptor", "49 8b 4e 30  ff 81 08 01 00 00  48 8b 89 00 00 01 00  48 63 01  c3", offsets{}},
		{"the count within the P's address", "49 8b 4e 30  ff 81 d4 00 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"two threads", "49 8b 4e 30  49 8b 56 38  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"two Ps", "49 8b 4e 30  ff 81 08 01 00 00  48 8b 91 d8 00 00 00  48 8b 89 d0 00 00 00  48 63 01  c3", offsets{}},
		{"a frame", "55 48 89 e5  49 8b 4e 30  ff 81 08 01 00 00  48 8b 89 d0 00 00 00  48 63 01  5d c3", offsets{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := decodeX86(unhex(t, test.code))
			require.Equal(t, test.want != offsets{}, ok)
			require.Equal(t, test.want, got)
		})
	}
}

func TestDecodeARM64(t *testing.T) {
	const ret = armReturn
	for _, test := range []struct {
		name string
		code []byte
		want offsets // zero: refused
	}{
		{"go 1.26", armGo126(), offsets{m: 0x30, p: 0xd0}},
		{"go 1.25", armGo125(), offsets{m: 0x30, p: 0xc8}},
		{"unscaled, zero-extended count, 32-bit addition, id at 4",
			words(0xf8430381, 0xb8410022, 0x11000442, 0xb8010022, 0xf8468023, 0xb8804060, ret), offsets{m: 0x30, p: 0x68, id: 4}},
		{"scaled zero-extended count", words(0xf9401b81, 0xb9410822, 0x91000442, 0xb9010822, 0xf9406821, 0xb9800020, ret), offsets{m: 0x30, p: 0xd0}},
		{"signed unscaled count", words(0xf9401b81, 0xb8810022, 0x91000442, 0xb8010022, 0xf9406821, 0xb9800020, ret), offsets{m: 0x30, p: 0xd0}},

		{"nothing", nil, offsets{}},
		{"a return", words(ret), offsets{}},
		{"an addition of 2", words(0xf9401b81, 0xb9810822, 0x91000842, 0xb9010822, 0xf9406821, 0xb9800020, ret), offsets{}},
		{"the count not raised", words(0xf9401b81, 0xb9810822, 0xb9010822, 0xf9406821, 0xb9800020, ret), offsets{}},
		{"the count stored elsewhere", words(0xf9401b81, 0xb9810822, 0x91000442, 0xb9010022, 0xf9406821, 0xb9800020, ret), offsets{}},
		{"the count stored twice", words(0xf9401b81, 0xb9810822, 0x91000442, 0xb9010822, 0xb9010822, 0xf9406821, 0xb9800020, ret), offsets{}},
		{"no count", words(0xf9401b81, 0xf9406821, 0xb9800020, ret), offsets{}},
		{"the goroutine not in R28", words(0xf9401b61, 0xb9810822, 0x91000442, 0xb9010822, 0xf9406821, 0xb9800020, ret), offsets{}},
		{"the result not in R0", words(0xf9401b81, 0xb9810822, 0x91000442, 0xb9010822, 0xf9406821, 0xb9800021, ret), offsets{}},
		{"the result not extended", words(0xf9401b81, 0xb9810822, 0x91000442, 0xb9010822, 0xf9406821, 0xb9400020, ret), offsets{}},
		{"a load to nowhere", words(0xf9401b9f, ret), offsets{}},
		{"a load from the stack", words(0xf94003e1, ret), offsets{}},
		{"a negative offset", words(0xf85f8381, 0xb9810822, 0x91000442, 0xb9010822, 0xf9406821, 0xb9800020, ret), offsets{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := decodeARM64(test.code)
			require.Equal(t, test.want != offsets{}, ok)
			require.Equal(t, test.want, got)
		})
	}
}

func TestDecodeTruncated(t *testing.T) {
	x86, arm := unhex(t, x86Go126), armGo126()
	for n := range x86 {
		_, ok := decodeX86(x86[:n])
		require.False(t, ok, "%d bytes", n)
	}
	for n := range arm {
		_, ok := decodeARM64(arm[:n])
		require.False(t, ok, "%d bytes", n)
	}
}

// TestDecodeMutated changes every byte of the real code to every other value. Where that changes a displacement, other
// offsets may come out; everywhere else the code must be refused, or mean the same.
func TestDecodeMutated(t *testing.T) {
	mutate := func(code []byte, displacement map[int]bool, decode func([]byte) (offsets, bool)) {
		same, ok := decode(code)
		require.True(t, ok)
		for i, original := range code {
			for value := range 256 {
				code[i] = byte(value)
				got, ok := decode(code)
				switch {
				case !ok:
					require.Zero(t, got)
				case displacement[i]:
					requireSane(t, got)
				default:
					require.Equal(t, same, got, "byte %d changed to %#x", i, value)
				}
			}
			code[i] = original
		}
	}
	mutate(unhex(t, x86Go126), map[int]bool{3: true, 6: true, 7: true, 8: true, 9: true, 13: true, 14: true, 15: true, 16: true}, decodeX86)
	// A word's offset is its bits 10 to 21, in its second and third byte; their other bits are a register and the kind.
	mutate(armGo126(), map[int]bool{1: true, 2: true, 17: true, 18: true, 21: true, 22: true}, decodeARM64)
}

func requireSane(t testing.TB, off offsets) {
	t.Helper()
	require.Less(t, off.m, uintptr(maxOffset))
	require.Less(t, off.p, uintptr(maxOffset))
	require.Less(t, off.id, uintptr(maxOffset))
	require.Zero(t, off.m%8)
	require.Zero(t, off.p%8)
	require.Zero(t, off.id%4)
}

func FuzzDecode(f *testing.F) {
	f.Add(unhex(f, x86Go126))
	f.Add(unhex(f, x86Go125))
	f.Add(armGo126())
	f.Add(armGo125())
	f.Fuzz(func(t *testing.T, code []byte) {
		for _, decode := range []func([]byte) (offsets, bool){decodeX86, decodeARM64} {
			off, ok := decode(code)
			requireSane(t, off)
			if !ok {
				require.Zero(t, off)
			}
		}
	})
}
