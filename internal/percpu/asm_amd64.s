//go:build linux && !android && gc && !race && !lookaside_pinned && !lookaside_tokens

#include "textflag.h"

// func idABI0() int
TEXT ·idABI0(SB), NOSPLIT, $0-8
	MOVQ (TLS), AX
	MOVQ ·offsetM(SB), CX
	MOVQ (AX)(CX*1), AX
	MOVQ ·offsetP(SB), CX
	MOVQ (AX)(CX*1), AX
	MOVQ ·offsetID(SB), CX
	MOVLQSX (AX)(CX*1), AX
	MOVQ AX, ret+0(FP)
	RET

TEXT idDecoded<>(SB), NOSPLIT, $0-0
	MOVQ ·offsetM(SB), AX
	MOVQ (R14)(AX*1), AX
	MOVQ ·offsetP(SB), CX
	MOVQ (AX)(CX*1), AX
	MOVQ ·offsetID(SB), CX
	MOVLQSX (AX)(CX*1), AX
	RET

TEXT idKnown<>(SB), NOSPLIT, $0-0
	MOVQ 0x30(R14), AX
	MOVQ 0xd0(AX), AX
	MOVLQSX (AX), AX
	RET

DATA ·codeDecoded+0(SB)/8, $idDecoded<>(SB)
GLOBL ·codeDecoded(SB), NOPTR, $8
DATA ·codeKnown+0(SB)/8, $idKnown<>(SB)
GLOBL ·codeKnown(SB), NOPTR, $8
