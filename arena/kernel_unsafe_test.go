//go:build linux

package arena

// What the compiler cannot check here: that the second mapping of a memory file is read inside its length, and that
// the addresses touched on purpose are guard pages, which fault, and not somebody's memory.
// Why it holds: the mapping is as long as the run that it mirrors; a guard page lies right behind its run.
// What would break it: a fault that Go cannot turn into a panic, which SetPanicOnFault sees to.

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/sys"
)

// faults tells whether reading the byte at p faults.
func faults(p unsafe.Pointer) (fault bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { fault = recover() != nil }()
	sink = *(*byte)(p)
	return false
}

var sink byte

func TestGuardPages(t *testing.T) {
	needMapping(t)
	for _, shared := range []bool{false, true} {
		for _, fences := range []bool{false, true} {
			t.Run(fmt.Sprintf("shared=%v fences=%v", shared, fences), func(t *testing.T) {
				if fences {
					// A kernel without guard markers: refuse them the way it does.
					stop := sys.SetFault(func(op string) error {
						if strings.HasPrefix(op, "advise guard") {
							return syscall.EINVAL
						}
						return nil
					})
					defer stop()
				}
				a := open(t, Config{Guard: true, Shared: shared})
				r := acquire(t, a, 3)
				end := unsafe.Add(r.Base(), 3*a.PageSize())
				require.True(t, faults(end))
				require.True(t, faults(unsafe.Add(end, a.PageSize()-1)))
				require.False(t, faults(unsafe.Add(end, -1)))
				fill(r, 1)
				require.Equal(t, int64(a.PageSize()), a.Stats().Guarded)
				grown, ok := a.Extend(r, 5)
				require.True(t, ok)
				require.False(t, faults(end), "the guard page has moved")
				require.True(t, isFilled(grown.Bytes()[3*a.PageSize():], 0))
				require.True(t, faults(unsafe.Add(grown.Base(), 5*a.PageSize())))
				fill(grown, 2)
				a.Release(grown)
				require.Zero(t, a.Stats().Guarded)
				all := acquire(t, a, 6)
				require.True(t, isFilled(all.Bytes(), 0), "former guard pages are ordinary ones")
				small := acquire(t, a, 2)
				a.Release(all)
				next := acquire(t, a, 2)
				require.True(t, faults(unsafe.Add(next.Base(), 2*a.PageSize())), "a dirty page becomes a guard page")
				a.Release(small)
				audit(t, a)
			})
		}
	}
}

func TestReservedPagesFault(t *testing.T) {
	needMapping(t)
	a := open(t, Config{})
	r := acquire(t, a, 1)
	require.True(t, faults(unsafe.Add(r.Base(), 32<<20)), "reserved pages are nobody's")
}

func TestSharedPages(t *testing.T) {
	needMapping(t)
	a := open(t, Config{Name: "shared", Shared: true})
	require.Equal(t, "memfd", a.Stats().Backing)
	acquire(t, a, 3)
	r := acquire(t, a, 4)
	fd, ok := a.Fd()
	require.True(t, ok)
	off, ok := a.Offset(r.Bytes())
	require.True(t, ok)
	more, ok := a.Offset(r.Bytes()[5:])
	require.True(t, ok)
	require.Equal(t, off+5, more)
	size := len(r.Bytes())
	second, err := syscall.Mmap(fd, off, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	require.NoError(t, err)
	defer func() { require.NoError(t, syscall.Munmap(second)) }()
	copy(r.Bytes(), "written here")
	second[size-1] = 9
	require.Equal(t, "written here", string(second[:12]))
	require.Equal(t, byte(9), r.Bytes()[size-1])

	seals, err := sys.SealsOf(fd)
	require.NoError(t, err)
	require.Equal(t, sys.SealShrink|sys.SealGrow|sys.SealSeals, seals)
	require.Error(t, syscall.Ftruncate(fd, 1), "sealed")
	require.Error(t, sys.Seal(fd, sys.SealFutureWrite), "the seals are final")

	blocks := func() int64 {
		var st syscall.Stat_t
		require.NoError(t, syscall.Fstat(fd, &st))
		return int64(st.Blocks) * 512
	}
	fill(r, 1)
	before := blocks()
	a.Release(r)
	a.Purge(0)
	require.Equal(t, before-int64(size), blocks(), "the file gives the pages back")
	require.True(t, isFilled(second, 0), "also in the other mapping")
	_, ok = open(t, Config{}).Fd()
	require.False(t, ok)
}

func TestCountersFileIsSealed(t *testing.T) {
	needMapping(t)
	a := open(t, Config{Name: "sealed counters"})
	require.NotNil(t, a.counters.mem)
	seals, err := sys.SealsOf(a.counters.fd)
	require.NoError(t, err)
	require.Equal(t, sys.SealShrink|sys.SealGrow|sys.SealSeals, seals&^sys.SealFutureWrite)
	if seals&sys.SealFutureWrite != 0 {
		_, err = syscall.Mmap(a.counters.fd, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
		require.Error(t, err, "nobody else maps it for writing")
	}
	page, err := syscall.Mmap(a.counters.fd, 0, 4096, syscall.PROT_READ, syscall.MAP_SHARED)
	require.NoError(t, err)
	require.Equal(t, "LKASIDE\x00", string(page[:8]))
	require.NoError(t, syscall.Munmap(page))
	require.Contains(t, strings.Join(files(t), " "), "memfd:lookaside:sealed counters")
}

// smaps sums up one field, in bytes, over the mappings that reach into an arena's primary piece, and tells under which
// name the kernel shows them. Where it does not name mappings it may join the first one with a neighbour of ours.
func smaps(t *testing.T, a *Arena, field string) (sum int64, name string) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	base := uint64(uintptr(a.Space().Base))
	end := base + uint64(a.Space().Size)
	in := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		head, rest, _ := strings.Cut(lines.Text(), " ")
		if from, to, isRange := strings.Cut(head, "-"); isRange {
			lo, err := strconv.ParseUint(from, 16, 64)
			require.NoError(t, err)
			hi, err := strconv.ParseUint(to, 16, 64)
			require.NoError(t, err)
			if in = lo < end && base < hi; in {
				_, name, _ = strings.Cut(rest, " 0 ")
				name = strings.TrimSpace(name)
			}
			continue
		}
		if in && head == field+":" {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			require.NoError(t, err)
			sum += n << 10
		}
	}
	return sum, name
}

func TestResidentMemoryInSmaps(t *testing.T) {
	needMapping(t)
	a := open(t, Config{})
	r := acquire(t, a, 2048)
	fill(r, 1)
	size, _ := smaps(t, a, "Size")
	require.GreaterOrEqual(t, size, a.Stats().Reserved)
	rss, _ := smaps(t, a, "Rss")
	require.GreaterOrEqual(t, rss, int64(8<<20))
	require.Less(t, rss, int64(9<<20))
	require.Equal(t, int64(8<<20), a.Stats().Resident)
	a.Release(r)
	a.Purge(0)
	rss, _ = smaps(t, a, "Rss")
	require.Less(t, rss, int64(1<<20), "resident memory really falls")
	require.Zero(t, a.Stats().Resident)
}

func TestNameInSmaps(t *testing.T) {
	needMapping(t)
	a := open(t, Config{Name: "odd [name]\\ and so on"})
	acquire(t, a, 1)
	_, name := smaps(t, a, "Rss")
	if name == "" {
		t.Skip("this kernel does not name anonymous mappings")
	}
	require.Equal(t, "[anon:lookaside:odd _name__ and so on]", name)
}

// TestLimitedAddressSpace runs itself with RLIMIT_AS: the default reserve does not fit, and the arena grows in pieces.
func TestLimitedAddressSpace(t *testing.T) {
	needMapping(t)
	const key = "LOOKASIDE_TEST_RLIMIT"
	if os.Getenv(key) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestLimitedAddressSpace$", "-test.v")
		cmd.Env = append(os.Environ(), key+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "piecewise as it must be")
		return
	}
	statm, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.ParseUint(strings.Fields(string(statm))[0], 10, 64)
	require.NoError(t, err)
	limit := pages*uint64(pageSize()) + 512<<20
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: limit, Max: limit}))

	a := open(t, Config{})
	s := a.Stats()
	require.True(t, s.Piecewise)
	require.Zero(t, s.Reserved)
	r := acquire(t, a, 100)
	fill(r, 1)
	s = a.Stats()
	require.Equal(t, 1, s.Pieces)
	require.Equal(t, int64(pieceLeast), s.Reserved)
	require.NotZero(t, a.Space().Size)
	heapStaysUsable := make([]byte, 128<<20)
	heapStaysUsable[len(heapStaysUsable)-1] = 1
	var runs []Run
	for {
		r, err := a.AcquireUninitialized(32 << 20 / a.PageSize())
		if err != nil {
			require.ErrorIs(t, err, ErrExhausted)
			require.ErrorIs(t, err, syscall.ENOMEM, "the kernel's reason is told")
			break
		}
		runs = append(runs, r)
	}
	require.NotEmpty(t, runs)
	a.Release(runs[0])
	runs[0] = acquire(t, a, 32<<20/a.PageSize())
	require.True(t, isFilled(r.Bytes(), 1))
	audit(t, a)
	fmt.Println("piecewise as it must be:", a.Stats().Pieces, "pieces")
}

func TestHugePages(t *testing.T) {
	needMapping(t)
	const size = 72 << 20
	for _, mode := range []HugeMode{HugeAdvise, HugeNever} {
		t.Run(mode.String(), func(t *testing.T) {
			a := open(t, Config{Huge: mode})
			big, err := a.AcquireUninitialized(size / a.PageSize())
			require.NoError(t, err)
			for off := 0; off < size; off += hugePage {
				big.Bytes()[off] = 1
			}
			huge, _ := smaps(t, a, "AnonHugePages")
			require.LessOrEqual(t, huge, int64(size-smallBytes), "small arenas have none")
			if mode == HugeNever {
				require.Zero(t, huge)
				require.LessOrEqual(t, a.Stats().Resident, int64(size/hugePage*a.PageSize()))
			}
			t.Logf("%d bytes in huge pages", huge)
		})
	}
}

// TestHugeAdviceBeginsLate reads the flags of the mappings: huge pages are forbidden in the first 32 MiB and asked for
// behind them, as far as pages were handed out.
func TestHugeAdviceBeginsLate(t *testing.T) {
	needMapping(t)
	for mode, want := range map[HugeMode]string{HugeAdvise: "nh hg -", HugeNever: "nh nh nh"} {
		a := open(t, Config{Reserve: 256 << 20, Huge: mode})
		_, err := a.AcquireUninitialized(40 << 20 / a.PageSize())
		require.NoError(t, err)
		var got []string
		for _, at := range []uintptr{0, 33 << 20, 128 << 20} {
			got = append(got, hugeFlag(t, uint64(uintptr(a.Space().Base)+at)))
		}
		if strings.Join(got, "") == "---" {
			t.Skip("this kernel has no huge pages")
		}
		require.Equal(t, want, strings.Join(got, " "), mode)
	}
}

// hugeFlag is "hg" where huge pages are asked for at an address, "nh" where they are forbidden, else "-".
func hugeFlag(t *testing.T, addr uint64) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	in := false
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if from, to, isRange := strings.Cut(words[0], "-"); isRange {
			lo, err := strconv.ParseUint(from, 16, 64)
			require.NoError(t, err)
			hi, err := strconv.ParseUint(to, 16, 64)
			require.NoError(t, err)
			in = lo <= addr && addr < hi
			continue
		}
		for _, w := range words {
			if in && (w == "hg" || w == "nh") {
				return w
			}
		}
	}
	return "-"
}

// TestReservationsBeginAtHugePages whatever lies beside them, and hold no more than they were asked for.
func TestReservationsBeginAtHugePages(t *testing.T) {
	needMapping(t)
	page := uintptr(pageSize())
	before := sys.Held()
	for shift := range uintptr(24) {
		spacer, err := sys.Reserve((1 + 37*shift) * page)
		require.NoError(t, err)
		n := uintptr(hugePage) + shift*page
		p, err := reserveAligned(n)
		require.NoError(t, err)
		require.Zero(t, uintptr(p)%hugePage)
		require.Equal(t, before+int64((1+37*shift)*page+n), sys.Held())
		require.NoError(t, sys.Commit(p, n), "all of it is there")
		require.NoError(t, sys.Unmap(p, n))
		require.NoError(t, sys.Unmap(spacer, (1+37*shift)*page))
	}
}

// TestPurgeKeepsHugePagesWhole: of a run where huge pages are advised, whole ones go.
func TestPurgeKeepsHugePagesWhole(t *testing.T) {
	needMapping(t)
	a := open(t, Config{Reserve: 256 << 20})
	hold, err := a.AcquireUninitialized(130 << 20 / a.PageSize())
	require.NoError(t, err)
	r, err := a.AcquireUninitialized(13 << 20 / a.PageSize()) // ends in the middle of a huge page
	require.NoError(t, err)
	a.Release(r)
	p := a.pieces[0]
	ends := func() (lo, hi int64) {
		lo, hi = int64(p.dirty.next(0, p.ever)), int64(p.dirty.last(0, p.ever))
		return a.bytesOf(lo) - 130<<20, a.bytesOf(hi) - 130<<20
	}
	require.Equal(t, int64(4<<20), a.Purge(9<<20))
	require.Equal(t, int64(9<<20), a.bytesOf(a.dirtyPages))
	lo, hi := ends()
	require.Equal(t, []int64{0, 13 << 20}, []int64{lo, hi}, "the torn end stays")
	require.False(t, p.dirty.has(p.ever-uint32(2<<20>>a.shift)), "the last whole one went")
	require.Equal(t, int64(4<<20), a.Purge(6<<20), "a huge page is not split to keep a megabyte more")
	require.Equal(t, int64(5<<20), a.Purge(0), "in the end everything goes")
	a.Release(hold)
	audit(t, a)
}

func TestCollapse(t *testing.T) {
	needMapping(t)
	_, err := open(t, Config{}).Collapse()
	require.ErrorIs(t, err, ErrInvalid)
	a := open(t, Config{Huge: HugeCollapse})
	r := acquire(t, a, 3*hugePage/a.PageSize())
	fill(r, 5)
	hole := acquire(t, a, 1)
	last := acquire(t, a, hugePage/a.PageSize())
	fill(last, 6)
	a.Release(hole)
	n, err := a.Collapse()
	if err != nil {
		t.Skipf("this kernel does not collapse: %v", err)
	}
	require.Positive(t, n)
	require.LessOrEqual(t, n, int64(3*hugePage))
	require.True(t, isFilled(r.Bytes(), 5))
	require.True(t, isFilled(last.Bytes(), 6))
	huge, _ := smaps(t, a, "AnonHugePages")
	require.Equal(t, n, huge)
	audit(t, a)
}
