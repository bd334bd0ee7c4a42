//go:build linux && !android && gc && !race && !lookaside_pinned && !lookaside_tokens

#include "textflag.h"
#include "go_asm.h"

// The hot path of hot_unsafe.go, statement by statement, under the internal
// calling convention: arguments in AX, BX, CX, DI; R14 is the goroutine, DX
// the entry that the call went through; results in AX, BX, CX, DI, SI. Nothing
// is kept on the stack, and the slow path is entered by a jump with the
// arguments as they came, so it returns to our caller. Assembly is never
// preempted: from reading the P to the last store we are alone with it.

// P leaves the current P's id in the register r.
#define P(r) \
	MOVQ 0x30(R14), r \
	MOVQ 0xd0(r), r   \
	MOVL (r), r

// A cache: W at 0, Cap at 8, Size at 12, references from 64 on: address, state.

// POP takes the newest block out of the cache CX: DI is left at the offset
// behind its reference. A block that is not parked is not touched.
#define POP \
	MOVQ    (CX), SI               \
	MOVWLZX SI, DI                 \
	TESTL   DI, DI                 \
	JEQ     slow                   \
	MOVQ    56(CX)(DI*1), R8       \
	MOVBLZX (R8), R9               \
	XORL    $0x88, R9              \
	TESTB   R9, R9                 \
	JMI     slow                   \
	MOVB    R9, (R8)               \
	ADDQ    $0xfff0, SI            \
	MOVQ    SI, (CX)

// func (a *Allocator) Alloc(n int) ([]byte, error)
TEXT slab·alloc<>(SB), NOSPLIT, $0-0
	LEAQ    7(BX), CX
	SHRQ    $3, CX
	CMPQ    CX, $4096
	JHI     slow
	MOVWLZX allocTable_cacheOf(DX)(CX*2), CX
	P(SI)
	CMPL    SI, hot_gate(AX)
	JCC     slow
	SHLQ    $const_allocStrideShift, SI
	ADDQ    hot_shards(AX), CX
	ADDQ    SI, CX              // the cache
	POP
	MOVQ    48(CX)(DI*1), AX
	MOVL    12(CX), CX
	XORL    DI, DI
	XORL    SI, SI
	RET
slow:
	MOVQ    entry_slow(DX), CX
	JMP     CX

// TAME leaves in R8 the state byte that the block at BX must have, and in R9
// the low part of its state, or goes to the slow path. R10 is its record.
#define TAME(owner) \
	MOVQ    BX, R9                 \
	SUBQ    hot_base(owner), R9    \
	CMPQ    R9, hot_span(owner)    \
	JCC     slow                   \
	MOVQ    R9, R10                \
	SHRQ    $8, R10                \
	ANDQ    $-16, R10              \
	ADDQ    hot_table(owner), R10  \
	SUBL    desc_start(R10), R9    \
	MOVQ    desc_state(R10), CX    \
	MOVWLZX desc_owner(R10), R8    \
	CMPW    R8, hot_ownID(owner)   \
	JNE     slow                   \
	RORL    CX, R9                 \
	CMPL    R9, $0x10000           \
	JCC     slow                   \
	ANDQ    $-64, CX               \
	MOVL    R9, R8                 \
	SHRL    $3, R8                 \
	ADDQ    CX, R8                 \
	ANDL    $7, R9                 \
	LEAL    8(R9), R11             \
	CMPB    R11, (R8)              \
	JNE     slow

// PUSH puts the block at BX with state byte R8 into the cache R10.
#define PUSH \
	MOVQ    (R10), R12             \
	MOVWLZX R12, R13               \
	CMPL    R13, 8(R10)            \
	JCC     slow                   \
	MOVQ    BX, 64(R10)(R13*1)     \
	MOVQ    R8, 72(R10)(R13*1)     \
	ORL     $0x80, R9              \
	MOVB    R9, (R8)               \
	ADDQ    $16, R12               \
	MOVQ    R12, (R10)

// func (a *Allocator) Free(b []byte)
TEXT slab·free<>(SB), NOSPLIT, $0-0
	TESTQ   DI, DI
	JEQ     slow
	TAME(AX)
	MOVWLZX desc_cache(R10), R10
	P(R12)
	CMPL    R12, hot_gate(AX)
	JCC     slow
	SHLQ    $const_allocStrideShift, R12
	ADDQ    hot_shards(AX), R10
	ADDQ    R12, R10
	PUSH
	RET
slow:
	MOVQ    DI, CX              // the length is gone; the slow path has no use for it
	MOVQ    entry_slow(DX), SI
	JMP     SI

// func (l *Lookaside) Get() ([]byte, error)
TEXT slab·get<>(SB), NOSPLIT, $0-0
	CMPB    Lookaside_zero(AX), $0
	JNE     whole
	P(CX)
	CMPL    CX, hot_gate(AX)
	JCC     slow
	IMULQ   hot_stride(AX), CX
	ADDQ    hot_shards(AX), CX
	POP
	MOVQ    Lookaside_size(AX), BX
	MOVQ    48(CX)(DI*1), AX
	MOVQ    BX, CX
	XORL    DI, DI
	XORL    SI, SI
	RET
slow:
	MOVQ    entry_slow(DX), CX
	JMP     CX
whole:
	MOVQ    entry_whole(DX), CX
	JMP     CX

// func (l *Lookaside) Put(b []byte)
TEXT slab·put<>(SB), NOSPLIT, $0-0
	TAME(AX)
	P(R10)
	CMPL    R10, hot_gate(AX)
	JCC     slow
	IMULQ   hot_stride(AX), R10
	ADDQ    hot_shards(AX), R10
	PUSH
	RET
slow:
	MOVQ    DI, CX              // the length is gone; the slow path has no use for it
	MOVQ    entry_slow(DX), SI
	JMP     SI

// func (c *Local) Alloc(n int) ([]byte, error)
TEXT slab·localAlloc<>(SB), NOSPLIT, $0-0
	LEAQ    7(BX), CX
	SHRQ    $3, CX
	CMPQ    CX, $4096
	JHI     slow
	LEAQ    ·allocEntry(SB), SI
	MOVWLZX allocTable_cacheOf(SI)(CX*2), CX
	ADDQ    Local_shard(AX), CX
	POP
	MOVQ    48(CX)(DI*1), AX
	MOVL    12(CX), CX
	XORL    DI, DI
	XORL    SI, SI
	RET
slow:
	MOVQ    entry_slow(DX), CX
	JMP     CX

// func (c *Local) Free(b []byte)
TEXT slab·localFree<>(SB), NOSPLIT, $0-0
	TESTQ   DI, DI
	JEQ     slow
	MOVQ    Local_a(AX), SI
	TAME(SI)
	MOVWLZX desc_cache(R10), R10
	ADDQ    Local_shard(AX), R10
	PUSH
	RET
slow:
	MOVQ    DI, CX
	MOVQ    entry_slow(DX), SI
	JMP     SI

// func codes() (alloc, free, get, put, localAlloc, localFree uintptr)
TEXT ·codes(SB), NOSPLIT, $0-48
	LEAQ slab·alloc<>(SB), AX
	MOVQ AX, alloc+0(FP)
	LEAQ slab·free<>(SB), AX
	MOVQ AX, free+8(FP)
	LEAQ slab·get<>(SB), AX
	MOVQ AX, get+16(FP)
	LEAQ slab·put<>(SB), AX
	MOVQ AX, put+24(FP)
	LEAQ slab·localAlloc<>(SB), AX
	MOVQ AX, localAlloc+32(FP)
	LEAQ slab·localFree<>(SB), AX
	MOVQ AX, localFree+40(FP)
	RET
