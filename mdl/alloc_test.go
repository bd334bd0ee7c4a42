package mdl_test

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// discard is a writer that is no connection.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestNoAllocationsInSteadyState(t *testing.T) {
	if race.Enabled {
		t.Skip("race builds allocate")
	}
	m := wrap(t, "0123456789")
	buf := make([]byte, 7)
	room := make([]mdl.Iovec, 0, 64)
	for _, segments := range []int{1, 16, 64} {
		round := func() {
			l, err := mdl.Of(m)
			if err != nil {
				t.Fatal(err)
			}
			for range segments - 1 {
				if err := l.Append(m, 2, 5); err != nil {
					t.Fatal(err)
				}
			}
			n := 0
			for p := range l.All() {
				n += len(p)
			}
			if n != l.Len() || len(l.Iovecs(room)) != segments || l.Borrowed() {
				t.Fatal("wrong list")
			}
			if l.CopyIn(1, buf) != nil || l.CopyOut(2, buf) != nil || l.Advance(3) != nil {
				t.Fatal("failed")
			}
			if _, err := l.WriteTo(discard{}); err != nil {
				t.Fatal(err)
			}
			l.Release()
			d, _ := mdl.Describe(buf)
			d.Release()
		}
		for range 5000 { // past the time that released lists wait
			round()
		}
		require.Zero(t, testing.AllocsPerRun(1000, round), "%d segments", segments)
	}
	require.NoError(t, m.Delete())
}

// Every operation on lists of up to 16 segments, once bodies have grown to what
// is asked of them.
func TestNoAllocationsInAnyOperation(t *testing.T) {
	if race.Enabled {
		t.Skip("race builds allocate")
	}
	blocks := blocksOf(t, 64, 0)
	m, other := wrap(t, strings.Repeat("0123456789", 16)), wrap(t, strings.Repeat("9876543210", 16))
	buf, room := make([]byte, 40), make([]*mdl.List, 0, 32)
	r := bytes.NewReader(make([]byte, 160))
	fail := func(what string, err error) {
		if err != nil {
			t.Fatal(what, err)
		}
	}
	for _, segments := range []int{1, 2, 15, 16} {
		build := func(m memory.Object) *mdl.List {
			l := mdl.New()
			for i := range segments {
				fail("append", l.Append(m, i*10, 10))
			}
			fail("set source", l.SetSource(blocks))
			return l
		}
		l, o := build(m), build(other)
		reader := l.Reader()
		operations := map[string]func(){
			"partial": func() { p, err := l.Partial(3, 5); fail("partial", err); p.Release() },
			"clone":   func() { c, err := l.Clone(); fail("clone", err); c.Release() },
			"split and take": func() {
				p, err := l.Split(segments * 5)
				fail("split", err)
				fail("take", l.Take(p))
				p.Release()
			},
			"fragments": func() {
				all, err := l.AppendFragments(room[:0], 7)
				fail("fragments", err)
				whole, err := mdl.Join(all...)
				fail("join", err)
				whole.Release()
				for _, f := range all {
					f.Release()
				}
			},
			"advance and retreat": func() { fail("advance", l.Advance(4)); fail("retreat", l.Retreat(4)) },
			"retreat from a lookaside": func() {
				fail("retreat", l.Retreat(100))
				fail("advance", l.Advance(100))
			},
			"retreat from the package": func() {
				fail("source", l.SetSource(nil))
				fail("retreat", l.Retreat(64))
				fail("advance", l.Advance(64))
				fail("source", l.SetSource(blocks))
			},
			"view":     func() { _, err := l.View(min(15, l.Len()), buf); fail("view", err) },
			"fill":     func() { fail("fill", l.Fill(1, 9, 'x')) },
			"copy":     func() { mdl.Copy(l, o) },
			"overlap":  func() { c, err := l.Partial(1, 0); fail("partial", err); mdl.Copy(c, l); c.Release() },
			"compare":  func() { mdl.Compare(l, o) },
			"sums":     func() { _, err := l.Checksum(0, 0); fail("sum", err); _, err = l.CRC32C(1, 0); fail("crc", err) },
			"geometry": func() { l.Summary(); l.PageCount(); l.ByteOffset() },
			"pages": func() {
				for f := range l.Pages() {
					_ = f.Length
				}
			},
			"read from": func() { r.Reset(buf); _, err := l.ReadFrom(r); fail("read from", err) },
			"write to":  func() { _, err := l.WriteTo(discard{}); fail("write to", err) },
			"reader": func() {
				reader.Reset(l)
				_, err := reader.Read(buf)
				fail("read", err)
				_, err = l.ReaderAt().ReadAt(buf[:1], 3)
				fail("read at", err)
				_, err = l.WriterAt().WriteAt(buf[:1], 3)
				fail("write at", err)
			},
		}
		for name, f := range operations {
			for range 5000 { // past the time that released lists wait
				f()
			}
			require.Zero(t, testing.AllocsPerRun(100, f), "%s of %d segments", name, segments)
		}
		l.Release()
		o.Release()
	}
	deleteAll(t, []memory.Object{m, other})
}

func TestNoAllocationsOnConnections(t *testing.T) {
	if race.Enabled {
		t.Skip("race builds allocate")
	}
	ends := map[string][2]io.ReadWriter{}
	for network, pair := range pairs(t) {
		ends[network] = [2]io.ReadWriter{pair[0], pair[1]}
	}
	for network, pair := range messages(t) {
		ends[network] = [2]io.ReadWriter{pair[0], pair[1]}
	}
	r, w := pipe(t)
	ends["pipe"] = [2]io.ReadWriter{w, r}
	for name, end := range ends {
		l, all := listOf(t, "abc", "def", "ghi")
		both := testing.AllocsPerRun(100, func() {
			if _, err := l.WriteTo(end[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := l.ReadFrom(end[1]); err != nil {
				t.Fatal(err)
			}
		})
		most := 0.0
		if name == "pipe" {
			most = 2 // an *os.File makes its SyscallConn anew
		}
		require.LessOrEqual(t, both, most, name)
		l.Release()
		deleteAll(t, all)
	}
}

// Lists of many goroutines share their objects, and only those.
func TestListsShareObjects(t *testing.T) {
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	objects := []memory.Object{wrap(t, "abc"), wrap(t, "defgh", memory.ReadOnly())}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got := make([]byte, 8)
			for range rounds {
				l, err := mdl.Of(objects[0])
				if err != nil {
					t.Error(err)
					return
				}
				if err := l.Append(objects[1], 0, 5); err != nil {
					t.Error(err)
				}
				if err := l.CopyOut(0, got); err != nil || string(got) != "abcdefgh" {
					t.Errorf("%q, %v", got, err)
				}
				l.Release()
			}
		})
	}
	wg.Wait()
	deleteAll(t, objects)
}

func BenchmarkList(b *testing.B) {
	m := wrap(b, "0123456789")
	for name, segments := range map[string]int{"work=build/segments=1": 1, "work=build/segments=16": 16} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l := mdl.New()
				for range segments {
					_ = l.Append(m, 2, 5)
				}
				l.Release()
			}
		})
	}
	require.NoError(b, m.Delete())
}
