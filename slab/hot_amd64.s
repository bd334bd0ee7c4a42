//go:build linux && !android && gc && !race && !lookaside_pinned && !lookaside_tokens

#include "textflag.h"
#include "go_asm.h"

// The hot path of hot_unsafe.go, statement by statement, under the internal
// calling convention: arguments in AX, BX, CX, DI; R14 is the goroutine, DX
// the entry that the call went through; results in AX, BX, CX, DI, SI. Nothing
// is kept on the stack, and the slow path is entered by a jump with the
// arguments as they came, so it returns to our caller. Assembly is never
// preempted: from reading the P to the last store we are alone with it.

// FORK goes to the continuation of the current P, which knows its id. The id is
// three loads away, one waiting for the other, and everything that follows
// would wait for it. But it is nearly always the id of the last time, and the
// processor predicts where an indirect jump goes: so it is on its way with the
// number that the continuation says, long before the loads have confirmed it.
#define FORK(owner) \
	MOVQ 0x30(R14), SI       \
	MOVQ 0xd0(SI), SI        \
	MOVL (SI), SI            \
	CMPL SI, hot_gate(owner) \
	JCC  slow                \
	JMP  pEntry_at(DX)(SI*8)

// What a continuation goes on with begins at a cache line: beginning in the
// middle of one costs a pair up to a third, depending on what lies before.

// The continuations: 1<<const_contShift bytes each, const_fastPs of them. Each
// loads its id times 1<<by: where all shards of the kind are so far apart, that
// is where the shard is.
#define CONT(i, by, go) \
	PCALIGN $16           \
	MOVL    $((i)<<by), SI \
	JMP     go

#define CONT8(i, by, go) \
	CONT(i, by, go)   \
	CONT(i+1, by, go) \
	CONT(i+2, by, go) \
	CONT(i+3, by, go) \
	CONT(i+4, by, go) \
	CONT(i+5, by, go) \
	CONT(i+6, by, go) \
	CONT(i+7, by, go)

#define CONT64(i, by, go) \
	CONT8(i, by, go)    \
	CONT8(i+8, by, go)  \
	CONT8(i+16, by, go) \
	CONT8(i+24, by, go) \
	CONT8(i+32, by, go) \
	CONT8(i+40, by, go) \
	CONT8(i+48, by, go) \
	CONT8(i+56, by, go)

#define CONTS(by, go) \
	CONT64(0, by, go)   \
	CONT64(64, by, go)  \
	CONT64(128, by, go) \
	CONT64(192, by, go)

// A cache: W at 0, Cap at 8, Size at 12, references from 64 on: address, state.

// POP takes the newest block out of the cache CX: R10 is its address, DI the
// offset behind its reference. A block that is not parked is not touched. The
// address is loaded before the state, which nobody waits for.
#define POP \
	MOVQ    (CX), SI               \
	MOVWLZX SI, DI                 \
	TESTL   DI, DI                 \
	JEQ     slow                   \
	MOVQ    48(CX)(DI*1), R10      \
	MOVQ    56(CX)(DI*1), R8       \
	MOVBLZX (R8), R9               \
	XORL    $0x88, R9              \
	TESTB   R9, R9                 \
	JMI     slow                   \
	MOVB    R9, (R8)               \
	ADDQ    $0xfff0, SI            \
	MOVQ    SI, (CX)

// AHEAD asks for the lines that the next POP of the cache CX needs: the block's
// first, and that of its state. Where there is none these are any addresses,
// which does no harm.
#define AHEAD \
	MOVQ       40(CX)(DI*1), R11 \
	MOVQ       32(CX)(DI*1), R9  \
	PREFETCHT0 (R11)             \
	PREFETCHT0 (R9)

// func (a *Allocator) Alloc(n int) ([]byte, error)
TEXT slab·alloc<>(SB), NOSPLIT, $0-0
	LEAQ    7(BX), CX
	SHRQ    $3, CX
	CMPQ    CX, $4096
	JHI     slow
	MOVWLZX allocTable_cacheOf(DX)(CX*2), CX
	FORK(AX)
slow:
	MOVQ    entry_slow(DX), CX
	JMP     CX

TEXT slab·allocAt<>(SB), NOSPLIT, $0-0
	CONTS(const_allocStrideShift, slab·allocOn<>(SB))

TEXT slab·allocOn<>(SB), NOSPLIT, $0-0
	PCALIGN $64
	ADDQ    hot_shards(AX), SI
	ADDQ    SI, CX              // the cache
	POP
	MOVQ    R10, AX
	AHEAD
	MOVL    12(CX), CX
	XORL    DI, DI
	XORL    SI, SI
	RET
slow:
	MOVQ    entry_slow(DX), CX
	JMP     CX

// func (a *Allocator) AllocZeroed(n int) ([]byte, error)
//
// From 16 bytes to a kilobyte the block is cleared here, the others go the way
// in Go: in between nobody can take the arena away either.
TEXT slab·zeroed<>(SB), NOSPLIT, $0-0
	LEAQ    -16(BX), CX
	CMPQ    CX, $1008
	JHI     whole
	LEAQ    7(BX), CX
	SHRQ    $3, CX
	LEAQ    ·allocEntry(SB), SI
	MOVWLZX allocTable_cacheOf(SI)(CX*2), CX
	FORK(AX)
slow:
	MOVQ    entry_slow(DX), CX
	JMP     CX
whole:
	MOVQ    entry_whole(DX), CX
	JMP     CX

TEXT slab·zeroedAt<>(SB), NOSPLIT, $0-0
	CONTS(const_allocStrideShift, slab·zeroedOn<>(SB))

TEXT slab·zeroedOn<>(SB), NOSPLIT, $0-0
	PCALIGN $64
	ADDQ    hot_shards(AX), SI
	ADDQ    SI, CX              // the cache
	POP
	MOVQ    R10, AX
	AHEAD
	XORPS   X0, X0
	LEAQ    -16(R10)(BX*1), R8  // the last 16 bytes
	MOVUPS  X0, (R8)
next:
	CMPQ    R10, R8
	JCC     done
	MOVUPS  X0, (R10)
	ADDQ    $16, R10
	JMP     next
done:
	MOVL    12(CX), CX
	XORL    DI, DI
	XORL    SI, SI
	RET
slow:
	MOVQ    entry_slow(DX), CX
	JMP     CX

// RECORD leaves in R10 the record of the page that the block at BX is in, and
// in R9 the block's distance from the arena's base.
#define RECORD(owner) \
	MOVQ    BX, R9                \
	SUBQ    hot_base(owner), R9   \
	CMPQ    R9, hot_span(owner)   \
	JCC     slow                  \
	MOVQ    R9, R10               \
	SHRQ    $8, R10               \
	ANDQ    $-16, R10             \
	ADDQ    hot_table(owner), R10

// PUSH puts the block at BX into the cache R11, if it is one of the owner's and
// out, and if there is room. The address of the cache, and its count in R12,
// come before the checks, which nobody waits for.
#define PUSH(owner) \
	MOVQ    (R11), R12           \
	MOVQ    desc_state(R10), CX  \
	SUBL    desc_start(R10), R9  \
	MOVWLZX desc_owner(R10), R8  \
	CMPW    R8, hot_ownID(owner) \
	JNE     slow                 \
	RORL    CX, R9               \
	CMPL    R9, $0x10000         \
	JCC     slow                 \
	ANDQ    $-64, CX             \
	MOVL    R9, R8               \
	SHRL    $3, R8               \
	ADDQ    CX, R8               \
	ANDL    $7, R9               \
	LEAL    8(R9), R13           \
	CMPB    R13, (R8)            \
	JNE     slow                 \
	MOVWLZX R12, R13             \
	CMPL    R13, 8(R11)          \
	JCC     slow                 \
	MOVQ    BX, 64(R11)(R13*1)   \
	MOVQ    R8, 72(R11)(R13*1)   \
	ORL     $0x80, R9            \
	MOVB    R9, (R8)             \
	ADDQ    $16, R12             \
	MOVQ    R12, (R11)

// func (a *Allocator) Free(b []byte)
TEXT slab·free<>(SB), NOSPLIT, $0-0
	TESTQ   DI, DI
	JEQ     slow
	RECORD(AX)
	MOVWLZX desc_cache(R10), R11
	FORK(AX)
slow:
	MOVQ    DI, CX              // the length is gone; the slow path has no use for it
	MOVQ    entry_slow(DX), SI
	JMP     SI

TEXT slab·freeAt<>(SB), NOSPLIT, $0-0
	CONTS(const_allocStrideShift, slab·freeOn<>(SB))

TEXT slab·freeOn<>(SB), NOSPLIT, $0-0
	PCALIGN $64
	ADDQ    hot_shards(AX), SI
	ADDQ    SI, R11
	PUSH(AX)
	RET
slow:
	MOVQ    DI, CX
	MOVQ    entry_slow(DX), SI
	JMP     SI

// func (l *Lookaside) Get() ([]byte, error)
TEXT slab·get<>(SB), NOSPLIT, $0-0
	FORK(AX)
slow:
	MOVQ    entry_slow(DX), CX
	JMP     CX

TEXT slab·getAt<>(SB), NOSPLIT, $0-0
	CONTS(0, slab·getOn<>(SB))

TEXT slab·getOn<>(SB), NOSPLIT, $0-0
	PCALIGN $64
	CMPB    Lookaside_zero(AX), $0
	JNE     whole
	MOVQ    SI, CX
	IMULQ   hot_stride(AX), CX
	ADDQ    hot_shards(AX), CX
	POP
	AHEAD
	MOVQ    Lookaside_size(AX), BX
	MOVQ    R10, AX
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
	RECORD(AX)
	FORK(AX)
slow:
	MOVQ    DI, CX
	MOVQ    entry_slow(DX), SI
	JMP     SI

TEXT slab·putAt<>(SB), NOSPLIT, $0-0
	CONTS(0, slab·putOn<>(SB))

TEXT slab·putOn<>(SB), NOSPLIT, $0-0
	PCALIGN $64
	MOVQ    SI, R11
	IMULQ   hot_stride(AX), R11
	ADDQ    hot_shards(AX), R11
	PUSH(AX)
	RET
slow:
	MOVQ    DI, CX
	MOVQ    entry_slow(DX), SI
	JMP     SI

// func (c *Local) Alloc(n int) ([]byte, error)
TEXT slab·localAlloc<>(SB), NOSPLIT, $0-0
	PCALIGN $64
	LEAQ    7(BX), CX
	SHRQ    $3, CX
	CMPQ    CX, $4096
	JHI     slow
	LEAQ    ·allocEntry(SB), SI
	MOVWLZX allocTable_cacheOf(SI)(CX*2), CX
	ADDQ    Local_shard(AX), CX
	POP
	MOVQ    R10, AX
	AHEAD
	MOVL    12(CX), CX
	XORL    DI, DI
	XORL    SI, SI
	RET
slow:
	MOVQ    entry_slow(DX), CX
	JMP     CX

// func (c *Local) Free(b []byte)
TEXT slab·localFree<>(SB), NOSPLIT, $0-0
	PCALIGN $64
	TESTQ   DI, DI
	JEQ     slow
	MOVQ    Local_a(AX), SI
	RECORD(SI)
	MOVWLZX desc_cache(R10), R11
	ADDQ    Local_shard(AX), R11
	PUSH(SI)
	RET
slow:
	MOVQ    DI, CX
	MOVQ    entry_slow(DX), SI
	JMP     SI

// func codes(c *codeAddrs)
TEXT ·codes(SB), NOSPLIT, $0-8
	MOVQ c+0(FP), DI
	LEAQ slab·alloc<>(SB), AX
	MOVQ AX, codeAddrs_alloc(DI)
	LEAQ slab·allocAt<>(SB), AX
	MOVQ AX, codeAddrs_allocAt(DI)
	LEAQ slab·zeroed<>(SB), AX
	MOVQ AX, codeAddrs_zeroed(DI)
	LEAQ slab·zeroedAt<>(SB), AX
	MOVQ AX, codeAddrs_zeroedAt(DI)
	LEAQ slab·free<>(SB), AX
	MOVQ AX, codeAddrs_free(DI)
	LEAQ slab·freeAt<>(SB), AX
	MOVQ AX, codeAddrs_freeAt(DI)
	LEAQ slab·get<>(SB), AX
	MOVQ AX, codeAddrs_get(DI)
	LEAQ slab·getAt<>(SB), AX
	MOVQ AX, codeAddrs_getAt(DI)
	LEAQ slab·put<>(SB), AX
	MOVQ AX, codeAddrs_put(DI)
	LEAQ slab·putAt<>(SB), AX
	MOVQ AX, codeAddrs_putAt(DI)
	LEAQ slab·localAlloc<>(SB), AX
	MOVQ AX, codeAddrs_localAlloc(DI)
	LEAQ slab·localFree<>(SB), AX
	MOVQ AX, codeAddrs_localFree(DI)
	RET
