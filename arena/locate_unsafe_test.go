package arena

// What the compiler cannot check here: that records and metadata are written inside what was handed out.
// Why it holds: each write goes to one record of 16 bytes, or to bytes counted from the pointer just given.
// What would break it: Record or Metadata handing out less than they promise, which is what is tested.

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/statspage"
)

func TestLocate(t *testing.T) {
	eachVariant(t, Config{}, func(t *testing.T, cfg Config) {
		a := open(t, cfg)
		size := a.PageSize()
		first, r := acquire(t, a, 3), acquire(t, a, 5)
		before, ok := a.Locate(first.Bytes())
		require.True(t, ok)
		b := r.Bytes()
		start := before.Page + 3 + int64(a.extra)
		for _, c := range []struct {
			name string
			b    []byte
			want Place
			ok   bool
		}{
			{"all", b, Place{start, 0, PageUsed, start, 5}, true},
			{"one byte", b[size+7 : size+8], Place{start + 1, 7, PageUsed, start, 5}, true},
			{"last byte", b[5*size-1:], Place{start + 4, size - 1, PageUsed, start, 5}, true},
			{"nil", nil, Place{}, false},
			{"empty", b[:0], Place{}, false},
			{"empty at the end", b[5*size:], Place{}, false},
			{"beyond the run", unsafe.Slice(&b[0], 5*size+1), Place{}, false},
			{"from another run", unsafe.Slice(&first.Bytes()[0], 4*size), Place{}, false},
			{"the heap", make([]byte, 10), Place{}, false},
			{"never handed out", unsafe.Slice((*byte)(unsafe.Add(r.Base(), 6*size)), 1), Place{}, false},
		} {
			got, ok := a.Locate(c.b)
			require.Equal(t, c.ok, ok, c.name)
			require.Equal(t, c.want, got, c.name)
		}
		a.Release(r)
		got, ok := a.Locate(b)
		require.True(t, ok)
		require.Equal(t, PageFree, got.State)
		require.Equal(t, start, got.RunPage)
		_, ok = open(t, Config{}).Locate(first.Bytes())
		require.False(t, ok, "another arena's")
	})
}

func TestRecords(t *testing.T) {
	eachVariant(t, Config{}, func(t *testing.T, cfg Config) {
		a := open(t, cfg)
		r := acquire(t, a, 4)
		space := a.Space()
		require.NotZero(t, space.Size)
		seen := map[unsafe.Pointer]bool{}
		for off := 0; off < len(r.Bytes()); off += Granule / 2 {
			p := unsafe.Add(r.Base(), off)
			rec, state := a.Record(p)
			require.Equal(t, PageUsed, state)
			index := (uintptr(p) - uintptr(space.Base)) >> GranuleShift
			require.Equal(t, unsafe.Add(space.Table, index*16), rec)
			words := (*[2]uint64)(rec)
			if off%Granule == 0 {
				require.Zero(t, *words, "a record reads zero")
				*words = [2]uint64{uint64(off), 1}
			}
			seen[rec] = true
		}
		require.Len(t, seen, len(r.Bytes())/Granule)
		base := r.Base()
		a.Release(r)
		a.Purge(0)
		rec, state := a.Record(base)
		require.Equal(t, PageFree, state)
		require.Equal(t, [2]uint64{0, 1}, *(*[2]uint64)(rec), "a record stays")
		for _, p := range []unsafe.Pointer{nil, unsafe.Pointer(t), unsafe.Add(base, 1<<20), unsafe.Pointer(a)} {
			rec, state = a.Record(p)
			require.Nil(t, rec)
			require.Equal(t, PageForeign, state)
		}
		require.NoError(t, a.Close())
		rec, state = a.Record(base)
		require.Nil(t, rec)
		require.Equal(t, PageForeign, state)
	})
}

func TestRunAround(t *testing.T) {
	eachVariant(t, Config{}, func(t *testing.T, cfg Config) {
		a := open(t, cfg)
		r := acquire(t, a, 3)
		for _, off := range []int{0, 1, a.PageSize(), 3*a.PageSize() - 1} {
			got, ok := a.RunAround(unsafe.Add(r.Base(), off))
			require.True(t, ok)
			require.Equal(t, r, got)
		}
		for _, p := range []unsafe.Pointer{nil, unsafe.Pointer(t), unsafe.Add(r.Base(), 3*a.PageSize())} {
			_, ok := a.RunAround(p)
			require.False(t, ok)
		}
		base := r.Base()
		grown, ok := a.Extend(r, 4)
		require.True(t, ok)
		got, ok := a.RunAround(base)
		require.True(t, ok)
		require.Equal(t, grown, got)
		a.Release(got)
		_, ok = a.RunAround(base)
		require.False(t, ok)
	})
}

func TestGuardPageIsForeign(t *testing.T) {
	a := open(t, Config{Guard: true})
	r := acquire(t, a, 2)
	_, state := a.Record(unsafe.Add(r.Base(), 2*a.PageSize()-1))
	require.Equal(t, PageUsed, state)
	_, state = a.Record(unsafe.Add(r.Base(), 2*a.PageSize()))
	require.Equal(t, PageForeign, state)
}

func TestMetadata(t *testing.T) {
	eachVariant(t, Config{}, func(t *testing.T, cfg Config) {
		a := open(t, cfg)
		type area struct {
			p unsafe.Pointer
			n int
		}
		var areas []area
		total := int64(0)
		before := a.Stats().Metadata
		for _, n := range []int{1, 64, 65, 4096, 40_000, 1, 300_000, 100, 5 << 20, 8} {
			p, err := a.Metadata(n)
			require.NoError(t, err)
			require.Zero(t, uintptr(p)%64)
			b := unsafe.Slice((*byte)(p), n+slackBytes)
			require.True(t, isFilled(b, 0), "zeroed, and the slack is readable")
			total += int64((n + 63) &^ 63)
			areas = append(areas, area{p, n})
		}
		for i, m := range areas {
			b := unsafe.Slice((*byte)(m.p), m.n)
			require.True(t, isFilled(b, 0), "areas do not overlap")
			for k := range b {
				b[k] = byte(i + 1)
			}
		}
		require.Equal(t, before+total, a.Stats().Metadata)
	})
}

func TestCountersArePublished(t *testing.T) {
	a := open(t, Config{Name: "published", Limit: 1 << 30})
	r := acquire(t, a, 10)
	acquire(t, a, 2)
	fill(r, 1)
	a.Release(r)
	_, err := a.Metadata(1000)
	require.NoError(t, err)
	a.Purge(0)
	s := a.Stats()
	require.NotNil(t, a.Counters())
	if a.counters.mem == nil {
		t.Skip("the counters are on the Go heap")
	}
	h := (*statspage.Header)(a.counters.mem)
	require.Equal(t, "published", string(h.Name[:h.NameLen]))
	require.Equal(t, statspage.Arena{
		Reserved: uint64(s.Reserved), Committed: uint64(s.Committed), InUse: uint64(s.InUse), Purged: uint64(s.Purged),
		Limit: 1 << 30, Metadata: uint64(s.Metadata), Pieces: 1, Purges: 1, Acquires: 2, Releases: 1,
	}, h.Arena)
}

// TestRegionsArePublished: the regions in the page set follow pieces, ledgers and the high-water mark.
func TestRegionsArePublished(t *testing.T) {
	eachVariant(t, Config{Name: "regions"}, func(t *testing.T, cfg Config) {
		a := open(t, cfg)
		if a.counters.mem == nil {
			require.Zero(t, a.counters.ever, "on the Go heap nobody looks")
			return
		}
		h := (*statspage.Header)(a.counters.mem)
		check := func() {
			t.Helper()
			var pages, books []statspage.Region
			for _, x := range a.touched() {
				pages = append(pages, statspage.Region{Base: uint64(uintptr(x.base)), Size: uint64(x.size)})
			}
			for _, p := range a.pieces {
				books = append(books, statspage.Region{Base: uint64(uintptr(p.book)), Size: uint64(p.bookBytes)})
				table, marks := p.touchedBook()
				must(t, table.size <= p.bookBytes && uintptr(marks.base)-uintptr(p.book)+marks.size <= p.bookBytes, "touched beyond the book")
			}
			for _, x := range a.ledgers.all {
				books = append(books, statspage.Region{Base: uint64(uintptr(x.base)), Size: uint64(x.size)})
			}
			must(t, h.Pages.More != 0 == (len(pages) > statspage.MaxRegions), "%d pieces, more: %d", len(pages), h.Pages.More)
			must(t, h.Books.More != 0 == (len(books) > statspage.MaxRegions), "%d books, more: %d", len(books), h.Books.More)
			require.Equal(t, pages[:min(len(pages), statspage.MaxRegions)], append([]statspage.Region(nil), h.Pages.List()...))
			if len(books) <= statspage.MaxRegions {
				require.ElementsMatch(t, books, append([]statspage.Region(nil), h.Books.List()...))
			}
		}
		check()
		pieceMost := pieceLeast >> a.shift
		for i := range 40 {
			n := 100
			if a.piecewise {
				n = pieceMost - 1 // each takes a piece of its own
			}
			r, err := a.AcquireUninitialized(n)
			require.NoError(t, err)
			check()
			if i%2 == 0 && !a.piecewise {
				a.Release(r)
				check()
			}
			_, err = a.Metadata(1 << 20)
			require.NoError(t, err)
			check()
		}
		require.Equal(t, a.piecewise, h.Pages.More != 0)
	})
}

// TestResidentFigures: touching memory of a kind by pages raises the figure of that kind by them.
func TestResidentFigures(t *testing.T) {
	eachVariant(t, Config{}, func(t *testing.T, cfg Config) {
		a := open(t, cfg)
		const pages = 300
		if _, onHeap := a.back.(heap); onHeap {
			fill(acquire(t, a, pages), 1)
			s := a.Stats()
			require.Equal(t, s.Committed, s.Resident)
			require.Equal(t, s.Metadata, s.MetadataResident)
			require.Equal(t, int64(statspage.SmallSize), s.CountersResident)
			return
		}
		r := acquire(t, a, pages)
		p, err := a.Metadata(pages * a.PageSize())
		require.NoError(t, err)
		q, _, ok := a.Counters().Alloc(pages * a.PageSize())
		require.True(t, ok)
		before := a.Stats()
		for _, kind := range []struct {
			at   unsafe.Pointer
			name string
		}{{r.Base(), "pages"}, {p, "metadata"}, {q, "counters"}} {
			for i := range pages {
				*(*byte)(unsafe.Add(kind.at, i*a.PageSize())) = 1
			}
			s := a.Stats()
			got := []int64{s.Resident - before.Resident, s.MetadataResident - before.MetadataResident,
				s.CountersResident - before.CountersResident}
			for i, name := range []string{"pages", "metadata", "counters"} {
				want, slack := int64(0), int64(0)
				if name == kind.name {
					want = pages
				}
				if name == "metadata" {
					slack = 1 // Metadata aligns to 64 bytes: the first page may have been there
				}
				require.InDelta(t, a.bytesOf(want), got[i], float64(a.bytesOf(slack)), "%s after touching %s", name, kind.name)
			}
			before = s
		}
		refuse(t, func(op string, _ int) bool { return op == "mincore" })
		s := a.Stats()
		require.Equal(t, s.Committed, s.Resident)
		require.Equal(t, s.Metadata, s.MetadataResident)
		require.Equal(t, int64(a.Counters().Used()), s.CountersResident)
	})
}

// TestHeapGuardPageIsCleared: on the Go heap nothing keeps strangers from writing to a guard page; the next who gets
// the page reads zero all the same.
func TestHeapGuardPageIsCleared(t *testing.T) {
	t.Setenv("LOOKASIDE_BACKING", "heap")
	a := open(t, Config{Guard: true})
	r := acquire(t, a, 2)
	page := uintptr(a.PageSize())
	scribble := func(at uintptr) { *(*byte)(unsafe.Add(r.Base(), at*page)) = 1 }
	scribble(2)
	grown, ok := a.Extend(r, 4)
	require.True(t, ok)
	require.True(t, isFilled(grown.Bytes(), 0))
	scribble(4)
	a.Release(grown)
	require.True(t, isFilled(acquire(t, a, 5).Bytes(), 0))
}

// metadataBytes is n bytes of what Metadata handed out.
func metadataBytes(p unsafe.Pointer, n int) []byte { return unsafe.Slice((*byte)(p), n) }
