package percpu

// The offsets that lead from a goroutine to the id of its P are not part of Go's contract: they differ from one
// toolchain to the next. They are all spelled out, though, in the machine code of runtime.procPin, which does this
// and nothing else:
//
//	m := g.m
//	m.locks++
//	return int(m.p.id)
//
// The decoders follow that code with one symbol per register and give up at the first instruction that does not
// fit. They know the few instructions a compiler can choose for it, with whatever registers; there is no need to
// know more, because giving up costs nothing but speed.

// offsets lead from a goroutine's descriptor to the id of its P.
type offsets struct {
	m  uintptr // in a goroutine's descriptor: the address of its thread's descriptor
	p  uintptr // in a thread's descriptor: the address of its P's descriptor
	id uintptr // in a P's descriptor: its id, 32 bits
}

// symbol is what is known of a register's contents.
type symbol uint8

const (
	unknown  symbol = iota
	theG            // the address of the goroutine's descriptor
	theM            // the address of the thread's descriptor
	theLocks        // the thread's count of reasons not to be preempted
	theCount        // that count and one more
	theP            // the address of the P's descriptor
	theID           // the id of the P, as a 64-bit integer
)

// tracer follows procPin. Each of its methods takes one step and reports whether the step fits.
type tracer struct {
	offsets
	locks   int64 // where the count is; meaningful once it was read
	counted bool  // the count was raised
	regs    [32]symbol
	found   [theID + 1]bool // what was loaded before; procPin loads nothing twice
}

// A descriptor's field lies neither before its descriptor nor past this many bytes.
const maxOffset = 1 << 12

// load64 puts 64 bits from base+at into register to.
func (t *tracer) load64(to, base int, at int64) bool {
	if at < 0 || at >= maxOffset || at%8 != 0 {
		return false
	}
	switch t.regs[base] {
	case theG:
		t.m = uintptr(at)
		return t.find(to, theM)
	case theM:
		t.p = uintptr(at)
		return t.find(to, theP)
	}
	return false
}

// load32 puts 32 bits from base+at, extended with their sign when signed is set, into register to.
func (t *tracer) load32(to, base int, at int64, signed bool) bool {
	if at < 0 || at >= maxOffset || at%4 != 0 {
		return false
	}
	switch {
	case t.regs[base] == theM && !t.counted:
		t.locks = at
		return t.find(to, theLocks)
	case t.regs[base] == theP && signed:
		t.id = uintptr(at)
		return t.find(to, theID)
	}
	return false
}

// find notes that register to now holds what.
func (t *tracer) find(to int, what symbol) bool {
	again := t.found[what]
	t.found[what], t.regs[to] = true, what
	return !again
}

// addOne puts the contents of register from and one into register to.
func (t *tracer) addOne(to, from int) bool {
	if t.regs[from] != theLocks {
		return false
	}
	t.regs[to] = theCount
	return true
}

// store32 puts the low 32 bits of register from at base+at.
func (t *tracer) store32(from, base int, at int64) bool {
	if t.regs[from] != theCount || t.regs[base] != theM || t.counted || at != t.locks {
		return false
	}
	t.counted = true
	return true
}

// increment adds one to the 32 bits at base+at.
func (t *tracer) increment(base int, at int64) bool {
	if t.regs[base] != theM || t.counted || at < 0 || at >= maxOffset || at%4 != 0 {
		return false
	}
	t.locks, t.counted = at, true
	return true
}

// result ends the trace with the register in which procPin returns.
func (t *tracer) result(reg int) (offsets, bool) {
	apart := t.locks+4 <= int64(t.p) || t.locks >= int64(t.p)+8
	if t.regs[reg] != theID || !t.counted || !apart {
		return offsets{}, false
	}
	return t.offsets, true
}
