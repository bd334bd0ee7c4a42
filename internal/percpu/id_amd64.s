//go:build linux && !android && gc && !race && !lookaside_pinned && !lookaside_tokens

#include "textflag.h"

// The functions read below are reached only through reader, a closure made by hand. Such a call follows Go's internal
// calling convention: R14 is the goroutine's descriptor, DX the address of the closure, AX the result; no other
// register is touched. They need no stack and are not preemptible, as no assembly is.

// Offsets of Go 1.26.
TEXT percpu·idGo126<>(SB), NOSPLIT, $0-0
	MOVQ    0x30(R14), AX
	MOVQ    0xd0(AX), AX
	MOVLQSX (AX), AX
	RET

// Offsets of Go 1.25.
TEXT percpu·idGo125<>(SB), NOSPLIT, $0-0
	MOVQ    0x30(R14), AX
	MOVQ    0xc8(AX), AX
	MOVLQSX (AX), AX
	RET

// Any offsets: the closure has them.
TEXT percpu·idAny<>(SB), NOSPLIT, $0-0
	MOVQ    8(DX), AX
	MOVQ    16(DX), CX
	MOVQ    24(DX), DX
	MOVQ    (R14)(AX*1), AX
	MOVQ    (AX)(CX*1), AX
	MOVLQSX (AX)(DX*1), AX
	RET

// No offsets are known.
TEXT percpu·idNone<>(SB), NOSPLIT, $0-0
	MOVQ $-1, AX
	RET

// func entries() (go126, go125, any, none uintptr)
TEXT ·entries(SB), NOSPLIT, $0-32
	LEAQ percpu·idGo126<>(SB), AX
	MOVQ AX, go126+0(FP)
	LEAQ percpu·idGo125<>(SB), AX
	MOVQ AX, go125+8(FP)
	LEAQ percpu·idAny<>(SB), AX
	MOVQ AX, any+16(FP)
	LEAQ percpu·idNone<>(SB), AX
	MOVQ AX, none+24(FP)
	RET
