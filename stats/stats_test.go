package stats

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/statspage"
)

const shardStride = 4096

// page is a page set in memory, written as an arena would.
type page struct {
	mem  []byte
	file *statspage.File
}

func newPage() *page {
	mem := make([]byte, 4<<20)
	return &page{mem, statspage.New(mem, statspage.Options{Name: "test", PageSize: 4096})}
}

// cache writes the head of a shard at offset off.
func (p *page) cache(off int64, gets, parked, in, out uint64) {
	put := func(i int64, v uint64) { binary.NativeEndian.PutUint64(p.mem[off+i:], v) }
	put(0, gets<<statspage.CountBits|parked*statspage.OneParked)
	put(16, in)
	put(24, out)
}

func (p *page) reader(t testing.TB) *Reader {
	t.Helper()
	v, err := statspage.NewView(bytes.NewReader(p.mem), int64(len(p.mem)))
	require.NoError(t, err)
	return &Reader{src: Source{PID: 1 << 30, FD: 3, Name: "test"}, view: v, file: io.NopCloser(nil)}
}

func (p *page) snapshot(t testing.TB) Snapshot {
	t.Helper()
	s, err := p.reader(t).Snapshot()
	require.NoError(t, err)
	return s
}

// lookaside writes a list with two shards.
func (p *page) lookaside(t testing.TB) {
	t.Helper()
	_, off, ok := p.file.Alloc(2 * shardStride)
	require.True(t, ok)
	e, _ := p.file.Take(statspage.Entry{Kind: statspage.KindLookaside, Tag: [4]byte{'R', 'x'}, Size: 100,
		ShardOff: uint64(off), ShardStride: shardStride, Shards: 2}, "packets")
	e.Counters = statspage.Counters{Gets: 5, Puts: 1, Refills: 7, Spills: 3, Failures: 2, Slabs: 4, Held: 1 << 16, Depot: 11, Depth: 64}
	p.cache(off, 1000, 10, 900, 50)
	p.cache(off+shardStride, 20, 30, 0, 70)
}

func TestSnapshotOfALookaside(t *testing.T) {
	p := newPage()
	p.lookaside(t)
	p.file.SetArena(statspage.Arena{Reserved: 1, Committed: 2, InUse: 3, Purged: 4, Limit: 5, Metadata: 6, Pieces: 7, Purges: 8, Acquires: 9, Releases: 10})
	s := p.snapshot(t)
	require.Equal(t, Arena{Name: "test", Reserved: 1, Committed: 2, InUse: 3, Purged: 4, Limit: 5, Metadata: 6,
		Resident: -1, MetadataResident: -1, CountersResident: -1, ResidentUnknown: s.Arena.ResidentUnknown, Pieces: 7, Purges: 8, Acquires: 9, Releases: 10}, s.Arena)
	require.Contains(t, s.Arena.ResidentUnknown, `stats: resident memory of process 1073741824, arena "test": `)
	require.Len(t, s.Lists, 1)
	l := s.Lists[0]
	require.WithinDuration(t, time.Now(), l.Created, time.Minute)
	l.Created = time.Time{}
	live := int64(900-50-10) + (0 - 70 - 30) + 5 - 1
	require.Equal(t, List{
		Kind: Lookaside, Name: "packets", Tag: "Rx", Size: 100,
		Gets: 1025, Puts: (10 + 1000 + 50 - 900) + (30 + 20 + 70) + 1,
		Refills: 7, Spills: 3, Failures: 2, Live: live, LiveBytes: live * 100,
		Parked: 51, Slabs: 4, HeldBytes: 1 << 16, Depth: 64,
	}, l)
	require.EqualValues(t, l.Live, int64(l.Gets-l.Puts), "gets and puts tell the same")
	require.InDelta(t, 1-7.0/1025, l.HitRate(), 1e-9)
}

func TestSnapshotOfAnAllocator(t *testing.T) {
	p := newPage()
	_, off, ok := p.file.Alloc(4 * shardStride)
	require.True(t, ok)
	shard := uint64(off)
	a, i := p.file.Take(statspage.Entry{Kind: statspage.KindAllocator, ShardOff: shard, ShardStride: shardStride, Shards: 2}, "main")
	a.Counters = statspage.Counters{Gets: 3, Puts: 1, GetBytes: 3 << 20, PutBytes: 1 << 20}
	parent := uint32(i + 1)
	for k, size := range []uint64{64, 32} { // not in the order of their sizes
		e, _ := p.file.Take(statspage.Entry{Kind: statspage.KindClass, Parent: parent, Size: size,
			ShardOff: shard + 512*uint64(k), ShardStride: shardStride, Shards: 2}, "")
		e.Counters = statspage.Counters{Refills: 1, Slabs: 1, Held: 4096}
		p.cache(off+512*int64(k), 10, 5, 15, 0)
		p.cache(off+512*int64(k)+shardStride, 10, 5, 15, 0)
	}
	// A goroutine's own shard of the allocator lies behind the Ps'.
	local := off + 2*shardStride
	p.file.Take(statspage.Entry{Kind: statspage.KindLocal, Parent: parent, ShardOff: uint64(local), ShardStride: shardStride, Shards: 1}, "")
	p.cache(local+512, 100, 0, 100, 0)
	// A tag has cells of its own.
	cells := off + 3*shardStride
	p.file.Take(statspage.Entry{Kind: statspage.KindTag, Parent: parent, Tag: [4]byte{'N', 'e', 't', '1'},
		ShardOff: uint64(cells), ShardStride: statspage.TagCellSize, Shards: 2}, "")
	for k, v := range []uint64{7, 2, 700, 200, 0, 0, 0, 0, 1, 3, 100, 300} {
		binary.NativeEndian.PutUint64(p.mem[cells+int64(8*k):], v)
	}

	s := p.snapshot(t)
	require.Len(t, s.Lists, 5)
	sum, small, big, large, tag := s.Lists[0], s.Lists[1], s.Lists[2], s.Lists[3], s.Lists[4]
	require.Equal(t, Allocator, sum.Kind)
	require.EqualValues(t, 32, small.Size)
	require.EqualValues(t, 20+100, small.Live, "the local's blocks count to their class")
	require.EqualValues(t, 20, big.Live)
	require.Equal(t, Large, large.Kind)
	require.EqualValues(t, 2, large.Live)
	require.EqualValues(t, 2<<20, large.LiveBytes)
	require.EqualValues(t, 142, sum.Live)
	require.EqualValues(t, 123+40, sum.Gets+20)
	require.EqualValues(t, 120*32+20*64+2<<20, sum.LiveBytes)
	require.EqualValues(t, 20, sum.Parked)
	require.Equal(t, Tag, tag.Kind)
	require.Equal(t, "Net1", tag.Tag)
	require.Equal(t, "main", tag.Parent)
	require.EqualValues(t, 7-2+1-3, tag.Live)
	require.EqualValues(t, 700-200+100-300, tag.LiveBytes)
}

func TestSince(t *testing.T) {
	p := newPage()
	p.lookaside(t)
	first := p.snapshot(t)
	off := int64(statspage.HeaderSize)
	for ; off < int64(len(p.mem)); off += 8 { // the first shard's word
		if binary.NativeEndian.Uint64(p.mem[off:]) == 1000<<statspage.CountBits|10*statspage.OneParked {
			break
		}
	}
	p.cache(off, 1100, 5, 900, 50)
	p.file.Take(statspage.Entry{Kind: statspage.KindLookaside, Size: 8}, "new")
	second := p.snapshot(t)
	d := second.Since(first)
	require.Equal(t, second.Time.Sub(first.Time), d.Elapsed)
	require.Len(t, d.Lists, 2)
	require.EqualValues(t, 100, d.Lists[0].DGets)
	require.EqualValues(t, 95, d.Lists[0].DPuts)
	require.EqualValues(t, 5, d.Lists[0].DLive)
	require.EqualValues(t, -5, d.Lists[0].DParked)
	require.Equal(t, 1.0, d.Lists[0].HitRate())
	require.Equal(t, "new", d.Lists[1].Name)
}

func TestDamagedPages(t *testing.T) {
	header := func(off int, v uint64, n int) func([]byte) {
		return func(b []byte) { copy(b[off:off+n], binary.NativeEndian.AppendUint64(nil, v)) }
	}
	const entry = statspage.HeaderSize
	for name, c := range map[string]struct {
		damage func([]byte)
		want   string
	}{
		"magic":           {header(0, 7, 8), "magic is"},
		"version":         {header(8, 99, 4), "version is 99: this reader knows 3"},
		"size":            {header(16, 1<<40, 8), "header speaks of 1099511627776 bytes: the file has 4194304"},
		"entries":         {header(40, 65000, 4), "a directory of 65000 records does not fit 4194304 bytes"},
		"high entry":      {header(44, 60000, 4), "record 60000 is in use"},
		"kind":            {header(entry, 77, 4), "record 0 is of unknown kind 77"},
		"parent":          {header(entry+4, 5, 4), "record 0 has parent 5: there are 1 records"},
		"shards":          {header(entry+56, 70000, 4), "record 0 has 70000 shards: more than 65536"},
		"shards past end": {header(entry+56, 2000, 4), "they exceed the file's 4194304"},
		"offset":          {header(entry+40, 1<<63, 8), "they exceed the file's 4194304"},
		"odd offset":      {header(entry+40, 4097, 8), "must be multiples of 8"},
		"stride":          {header(entry+48, 1<<62, 8), "they exceed the file's 4194304"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPage()
			p.lookaside(t)
			r := p.reader(t)
			c.damage(p.mem)
			_, err := r.Snapshot()
			require.ErrorIs(t, err, statspage.ErrFormat)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := statspage.NewView(bytes.NewReader(nil), 100)
	require.ErrorIs(t, err, statspage.ErrFormat)
	_, err = statspage.NewView(bytes.NewReader(nil), 1<<20)
	require.ErrorIs(t, err, io.EOF, "a file that is shorter than it says")
}

// FuzzSnapshot: whatever a page set holds, reading it ends with figures or an
// error.
func FuzzSnapshot(f *testing.F) {
	f.Add(uint64(1), uint16(3))
	f.Add(uint64(2), uint16(300))
	f.Fuzz(func(t *testing.T, seed uint64, changes uint16) {
		p := newPage()
		p.lookaside(t)
		r := p.reader(t)
		rnd := rand.New(rand.NewPCG(seed, 1))
		for range changes % 512 {
			at := rnd.IntN(statspage.HeaderSize + 4*statspage.EntrySize)
			p.mem[at] = byte(rnd.Uint32())
		}
		_, _ = r.Snapshot()
	})
}
