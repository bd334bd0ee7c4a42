package align_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/align"
)

// The rows of the contract's alignment table, the meaningless ones included:
// Up and Down are the macros, not something better.
var contract = []struct {
	n, to, down, up uint64
}{
	{0, 8, 0, 0},
	{1, 8, 0, 8},
	{8, 8, 8, 8},
	{9, 8, 8, 16},
	{4097, 4096, 4096, 8192},
	{17, 1, 17, 17},
	{100, 64, 64, 128},
	{10, 6, 10, 10},
	{15, 6, 10, 16},
	{16, 12, 16, 16},
	{7, 3, 5, 9},
	{5, 0, 0, 0},
	{math.MaxUint64, 1, math.MaxUint64, math.MaxUint64},
	{math.MaxUint64, 16, math.MaxUint64 - 15, 0},
	{math.MaxUint64 - 14, 16, math.MaxUint64 - 15, 0},
	{math.MaxUint64 - 15, 16, math.MaxUint64 - 15, math.MaxUint64 - 15},
	{math.MaxUint64 - 16, 16, math.MaxUint64 - 31, math.MaxUint64 - 15},
	{1, 1 << 63, 0, 1 << 63},
	{1<<63 + 1, 1 << 63, 1 << 63, 0},
	// The 64-bit mask must not lose the upper half of an address.
	{0x1_2345_6789, 0x1000, 0x1_2345_6000, 0x1_2345_7000},
	// ROUND_TO_PAGES wraps past the last whole page.
	{math.MaxUint64 - 4094, 4096, math.MaxUint64 - 4095, 0},
	{math.MaxUint64 - 4095, 4096, math.MaxUint64 - 4095, math.MaxUint64 - 4095},
}

func TestContractTable(t *testing.T) {
	for _, row := range contract {
		t.Run(fmt.Sprintf("n=%#x/to=%#x", row.n, row.to), func(t *testing.T) {
			require.Equal(t, row.down, align.Down(row.n, row.to), "Down")
			require.Equal(t, row.up, align.Up(row.n, row.to), "Up")

			up, ok := align.TryUp(row.n, row.to)
			fits := onesOf(row.to) == 1 && row.up >= row.n
			require.Equal(t, fits, ok, "TryUp")
			down, okDown := align.TryDown(row.n, row.to)
			require.Equal(t, onesOf(row.to) == 1, okDown, "TryDown")
			if ok {
				require.Equal(t, row.up, up)
			} else {
				require.Zero(t, up, "a refusal carries no number")
			}
			if okDown {
				require.Equal(t, row.down, down)
			} else {
				require.Zero(t, down, "a refusal carries no number")
			}
		})
	}
}

// onesOf counts set bits the slow way, to owe nothing to the code under test.
func onesOf(n uint64) int {
	ones := 0
	for ; n != 0; n >>= 1 {
		ones += int(n & 1)
	}
	return ones
}

// checkByte compares every function with integers wide enough not to wrap.
// Failures are reported by hand: require would dominate the 131,072 calls.
func checkByte[T int8 | uint8](t *testing.T, n, to T, lowest, highest int) {
	t.Helper()
	wideN, wideTo := int(n), int(to)
	pow2 := false
	for p := 1; p <= highest; p *= 2 {
		pow2 = pow2 || wideTo == p
	}
	wrap := func(v int) T { return T(v) } // keeps the low eight bits
	mask := wideTo - 1
	want := struct {
		down, up, tryDown, tryUp T
		okDown, okUp             bool
	}{down: wrap(wideN &^ mask), up: wrap((wideN + mask) &^ mask)}

	if pow2 { // the formula must be rounding, which division defines
		floor := wideN / wideTo * wideTo
		if floor > wideN {
			floor -= wideTo
		}
		ceil := floor
		if ceil < wideN {
			ceil += wideTo
		}
		if want.down != wrap(floor) || want.up != wrap(ceil) {
			t.Fatalf("the test contradicts itself at n=%d to=%d", n, to)
		}
		if wideN >= 0 {
			want.tryDown, want.okDown = wrap(floor), true
			if ceil <= highest {
				want.tryUp, want.okUp = wrap(ceil), true
			}
		}
	}

	got := want
	got.down, got.up = align.Down(n, to), align.Up(n, to)
	got.tryDown, got.okDown = align.TryDown(n, to)
	got.tryUp, got.okUp = align.TryUp(n, to)
	if got != want {
		t.Fatalf("n=%d to=%d: got %+v, want %+v", n, to, got, want)
	}
	if align.IsPow2(to) != pow2 {
		t.Fatalf("IsPow2(%d) is %t", to, !pow2)
	}
	if is := align.Is(n, to); is != (got.down == n) || is != (got.up == n) {
		t.Fatalf("Is(%d, %d) is %t, but Down is %d and Up is %d", n, to, is, got.down, got.up)
	}
	if pow2 && align.Is(n, to) != (wideN%wideTo == 0) {
		t.Fatalf("Is(%d, %d) is no divisibility", n, to)
	}
	if wideN < lowest || wideN > highest {
		t.Fatalf("%d is outside its own type", n)
	}
}

func TestExhaustiveUint8(t *testing.T) {
	for n := range 256 {
		for to := range 256 {
			checkByte(t, uint8(n), uint8(to), 0, math.MaxUint8)
		}
	}
}

func TestExhaustiveInt8(t *testing.T) {
	for n := range 256 {
		for to := range 256 {
			checkByte(t, int8(n), int8(to), math.MinInt8, math.MaxInt8)
		}
	}
}

// checkLaws states what holds for every type, with numbers of any size.
func checkLaws[T align.Integer](t *testing.T, n, to T) {
	t.Helper()
	name := fmt.Sprintf("%T n=%d to=%d", n, n, to)
	value := func(v T) *big.Int {
		if v < 0 {
			return big.NewInt(int64(v))
		}
		return new(big.Int).SetUint64(uint64(v))
	}
	bigN, bigTo := value(n), value(to)
	pow2 := bigTo.Sign() > 0 && new(big.Int).And(bigTo, new(big.Int).Sub(bigTo, big.NewInt(1))).Sign() == 0
	require.Equal(t, pow2, align.IsPow2(to), name)

	down, okDown := align.TryDown(n, to)
	up, okUp := align.TryUp(n, to)
	require.Equal(t, pow2 && n >= 0, okDown, name)
	if !okDown {
		require.False(t, okUp, name)
		require.Zero(t, down, name)
		require.Zero(t, up, name)
		return
	}
	floor := new(big.Int).Mul(new(big.Int).Div(bigN, bigTo), bigTo)
	require.Zero(t, floor.Cmp(value(down)), name)
	require.Equal(t, align.Down(n, to), down, name)
	require.True(t, align.Is(down, to), name)
	require.Equal(t, align.Down(down, to), down, "%s: rounding twice changes nothing", name)

	ceil := new(big.Int).Set(floor)
	if ceil.Cmp(bigN) < 0 {
		ceil.Add(ceil, bigTo)
	}
	fits := ceil.Cmp(value(highestOf[T]())) <= 0
	require.Equal(t, fits, okUp, name)
	require.Equal(t, okUp, align.Up(n, to) >= n, "%s: the documented overflow test", name)
	if okUp {
		require.Zero(t, ceil.Cmp(value(up)), name)
		require.Equal(t, align.Up(n, to), up, name)
		require.Equal(t, align.Up(up, to), up, "%s: rounding twice changes nothing", name)
	} else {
		require.Zero(t, up, name)
	}
}

// highestOf returns the largest value of T.
func highestOf[T align.Integer]() T {
	highest := T(1)
	for next := highest*2 + 1; next > highest; next = highest*2 + 1 {
		highest = next
	}
	return highest
}

// interesting draws numbers where rounding goes wrong: near powers of two, near
// the ends of the type, and anywhere.
func interesting[T align.Integer](rng *rand.Rand) T {
	near := T(rng.IntN(5)) - 2
	switch rng.IntN(4) {
	case 0:
		return T(uint64(1)<<rng.IntN(64)) + near
	case 1:
		return highestOf[T]() + near
	case 2:
		return T(rng.IntN(300))
	default:
		return T(rng.Uint64())
	}
}

func randomLaws[T align.Integer](t *testing.T) {
	seed := rand.Uint64()
	rounds := 4000
	if testing.Short() {
		rounds = 400
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	var zero T
	t.Run(fmt.Sprintf("%T", zero), func(t *testing.T) {
		t.Logf("seed %d", seed)
		for range rounds {
			n, to := interesting[T](rng), interesting[T](rng)
			checkLaws(t, n, to)
			checkLaws(t, n, T(uint64(1)<<rng.IntN(64)))
		}
	})
}

type bytesOfMine int32 // named types are what callers really use

func TestLaws(t *testing.T) {
	randomLaws[int](t)
	randomLaws[int8](t)
	randomLaws[int16](t)
	randomLaws[int32](t)
	randomLaws[int64](t)
	randomLaws[uint](t)
	randomLaws[uint8](t)
	randomLaws[uint16](t)
	randomLaws[uint32](t)
	randomLaws[uint64](t)
	randomLaws[uintptr](t)
	randomLaws[bytesOfMine](t)
}

func FuzzTry(f *testing.F) {
	for _, row := range contract {
		f.Add(row.n, row.to)
	}
	f.Fuzz(func(t *testing.T, n, to uint64) {
		checkLaws(t, n, to)
		checkLaws(t, int64(n), int64(to))
		checkLaws(t, uint32(n), uint32(to))
		checkLaws(t, int32(n), int32(to))
		checkLaws(t, int16(n), int16(to))
	})
}
