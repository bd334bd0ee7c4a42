package align_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/align"
)

func TestPageSize(t *testing.T) {
	require.Equal(t, os.Getpagesize(), align.PageSize())
	require.True(t, align.IsPow2(align.PageSize()))
}

// needs4K skips the contract's literal tables where a page has another size;
// TestPagesAgainstDivision covers the same functions there.
func needs4K(t *testing.T) {
	t.Helper()
	if align.PageSize() != 4096 {
		t.Skipf("the table is for pages of 4096 bytes, here they have %d", align.PageSize())
	}
}

func TestPagesTable(t *testing.T) {
	needs4K(t)
	for _, row := range []struct{ bytes, pages uint64 }{
		{0, 0},
		{1, 1},
		{4095, 1},
		{4096, 1},
		{4097, 2},
		{math.MaxUint64, 1 << 52},
	} {
		require.Equal(t, row.pages, align.Pages(row.bytes), "Pages(%d)", row.bytes)
	}
}

func TestSpanPagesTable(t *testing.T) {
	needs4K(t)
	for _, row := range []struct{ addr, size, pages uint64 }{
		{0, 0, 0},
		{1, 0, 1},
		{0, 1, 1},
		{4095, 1, 1},
		{4095, 2, 2},
		{0, 4096, 1},
		{1, 4096, 2},
		{4095, 4097, 2},
		{4095, 4098, 3},
		{0x10000123, 8192, 3},
		{1, 12288, 4},
		{4095, 12288, 4},
		// Here the macro wraps; the count is the true one.
		{0, math.MaxUint64, 1 << 52},
		{1, math.MaxUint64, 1 << 52},
		{2, math.MaxUint64, 1<<52 + 1},
		{math.MaxUint64, math.MaxUint64, 1<<52 + 1},
	} {
		require.Equal(t, row.pages, align.SpanPages(row.addr, row.size), "SpanPages(%#x, %d)", row.addr, row.size)
	}
}

// macroSpan is ADDRESS_AND_SIZE_TO_SPAN_PAGES, and whether its sum fitted.
func macroSpan(addr, size uint64) (uint64, bool) {
	page := uint64(align.PageSize())
	sum := addr%page + size + (page - 1)
	return sum / page, sum >= size
}

func checkPages(t *testing.T, addr, size uint64) {
	t.Helper()
	name := fmt.Sprintf("addr=%#x size=%#x", addr, size)
	page := new(big.Int).SetUint64(uint64(align.PageSize()))

	whole, rest := new(big.Int).DivMod(new(big.Int).SetUint64(size), page, new(big.Int))
	if rest.Sign() != 0 {
		whole.Add(whole, big.NewInt(1))
	}
	require.Equal(t, whole.Uint64(), align.Pages(size), name)

	// Span: the end rounded up, less the start rounded down.
	first := new(big.Int).Div(new(big.Int).SetUint64(addr), page)
	end := new(big.Int).Add(new(big.Int).SetUint64(addr), new(big.Int).SetUint64(size))
	last, rest := new(big.Int).DivMod(end, page, new(big.Int))
	if rest.Sign() != 0 {
		last.Add(last, big.NewInt(1))
	}
	want := last.Sub(last, first).Uint64()
	require.Equal(t, want, align.SpanPages(addr, size), name)
	if macro, fits := macroSpan(addr, size); fits {
		require.Equal(t, macro, want, name)
	}
}

func TestPagesAgainstDivision(t *testing.T) {
	page := uint64(align.PageSize())
	for _, addr := range []uint64{0, 1, 2, page - 1, page, page + 1, 3*page - 1, 1<<63 - 1, math.MaxUint64 - page, math.MaxUint64} {
		for _, size := range []uint64{0, 1, 2, page - 1, page, page + 1, 2*page - 1, 2 * page, 2*page + 1, 1 << 63, math.MaxUint64 - page, math.MaxUint64 - 1, math.MaxUint64} {
			checkPages(t, addr, size)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		checkPages(t, interesting[uint64](rng), interesting[uint64](rng))
	}
}

func FuzzPages(f *testing.F) {
	f.Add(uint64(0), uint64(0))
	f.Add(uint64(4095), uint64(4098))
	f.Add(uint64(0x10000123), uint64(8192))
	f.Add(uint64(math.MaxUint64), uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, addr, size uint64) { checkPages(t, addr, size) })
}
