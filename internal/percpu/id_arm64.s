//go:build linux && !android && gc && !race && !lookaside_pinned && !lookaside_tokens

#include "textflag.h"

// The functions read below are reached only through reader, a closure made by hand. Such a call follows Go's internal
// calling convention: R28 is the goroutine's descriptor, R26 the address of the closure, R0 the result; R1 and R2
// belong to whoever is called. They need no stack and are not preemptible, as no assembly is.

// Offsets of Go 1.26.
TEXT percpu·idGo126<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVD 0x30(g), R0
	MOVD 0xd0(R0), R0
	MOVW (R0), R0
	RET

// Offsets of Go 1.25.
TEXT percpu·idGo125<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVD 0x30(g), R0
	MOVD 0xc8(R0), R0
	MOVW (R0), R0
	RET

// Any offsets: the closure has them.
TEXT percpu·idAny<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVD 8(R26), R0
	MOVD 16(R26), R1
	MOVD 24(R26), R2
	MOVD (g)(R0), R0
	MOVD (R0)(R1), R0
	MOVW (R0)(R2), R0
	RET

// No offsets are known.
TEXT percpu·idNone<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVD $-1, R0
	RET

// func entries() (go126, go125, any, none uintptr)
TEXT ·entries(SB), NOSPLIT, $0-32
	MOVD $percpu·idGo126<>(SB), R0
	MOVD R0, go126+0(FP)
	MOVD $percpu·idGo125<>(SB), R0
	MOVD R0, go125+8(FP)
	MOVD $percpu·idAny<>(SB), R0
	MOVD R0, any+16(FP)
	MOVD $percpu·idNone<>(SB), R0
	MOVD R0, none+24(FP)
	RET
