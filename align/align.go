package align

// Integer is every type a size, an offset or an address is counted in.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

// Up returns n rounded up to a multiple of to. n and to are in the same unit;
// to must be a power of two.
//
// It is WDF_ALIGN_SIZE_UP, the exact formula, and checks nothing: a sum past
// the end of T wraps (then the result is below n), to == 0 gives 0, and a to
// that is no power of two gives a value without meaning. For numbers from
// outside use [TryUp].
func Up[T Integer](n, to T) T {
	return (n + (to - 1)) &^ (to - 1)
}

// Down returns n rounded down to a multiple of to. n and to are in the same
// unit; to must be a power of two.
//
// It is WDF_ALIGN_SIZE_DOWN, the exact formula, and checks nothing: to == 0
// gives 0, and a to that is no power of two gives a value without meaning. For
// numbers from outside use [TryDown].
func Down[T Integer](n, to T) T {
	return n &^ (to - 1)
}

// TryUp is [Up] for numbers from outside. It returns 0 and false when n is
// negative, when to is not a power of two (zero and negative values included),
// and when the rounded value does not fit in T.
func TryUp[T Integer](n, to T) (T, bool) {
	up := Up(n, to)
	if n < 0 || !IsPow2(to) || up < n {
		return 0, false
	}
	return up, true
}

// TryDown is [Down] for numbers from outside. It returns 0 and false when n is
// negative and when to is not a power of two (zero and negative values
// included). Rounding down cannot overflow.
func TryDown[T Integer](n, to T) (T, bool) {
	if n < 0 || !IsPow2(to) {
		return 0, false
	}
	return Down(n, to), true
}

// Is reports whether n is a multiple of to, that is, whether Up(n, to) and
// Down(n, to) both leave it alone. to must be a power of two; for any other
// value the answer is that of the formula and means nothing.
func Is[T Integer](n, to T) bool {
	return n&(to-1) == 0
}

// IsPow2 reports whether n is a power of two. Zero and negative numbers are
// not, and neither is the one negative number with a single bit set.
func IsPow2[T Integer](n T) bool {
	return n > 0 && n&(n-1) == 0
}
