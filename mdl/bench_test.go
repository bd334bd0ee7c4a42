package mdl_test

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/slab"
)

// bench is what benchmarks take memory from.
type bench struct {
	src   *arena.Arena
	pages *slab.Lookaside
	heads *slab.Lookaside
}

func openBench(b *testing.B) *bench {
	b.Helper()
	src, err := arena.Open(arena.Config{})
	require.NoError(b, err)
	pages, err := slab.New(src, slab.Config{Name: "pages", Size: 4096})
	require.NoError(b, err)
	heads, err := slab.New(src, slab.Config{Name: "heads", Size: 128})
	require.NoError(b, err)
	b.Cleanup(func() {
		require.NoError(b, pages.Close())
		require.NoError(b, heads.Close())
		require.NoError(b, src.Close())
	})
	return &bench{src, pages, heads}
}

// scattered makes a list of n blocks of l, no two of which are next to each
// other.
func (e *bench) scattered(b *testing.B, l *slab.Lookaside, n int) *mdl.List {
	b.Helper()
	list := mdl.New()
	for range n {
		m, err := memory.FromLookaside(l)
		require.NoError(b, err)
		gap, err := memory.FromLookaside(l)
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, gap.Delete()) })
		require.NoError(b, list.AppendOwned(m))
	}
	return list
}

// connected makes both ends of a connection.
func connected(b *testing.B, network string) (c, peer net.Conn) {
	b.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(b.TempDir(), "s")
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		b.Skipf("no %s here: %v", network, err)
	}
	defer ln.Close()
	c, err = net.Dial(network, ln.Addr().String())
	require.NoError(b, err)
	peer, err = ln.Accept()
	require.NoError(b, err)
	b.Cleanup(func() {
		_ = c.Close()
		_ = peer.Close()
	})
	return c, peer
}

// drain is a connection whose peer reads everything and throws it away.
func drain(b *testing.B, network string) net.Conn {
	b.Helper()
	c, peer := connected(b, network)
	go func() {
		room := make([]byte, 256<<10)
		for {
			if _, err := peer.Read(room); err != nil {
				return
			}
		}
	}()
	return c
}

// 64 KiB in 16 pages that are not next to each other, to a socket.
func BenchmarkSend(b *testing.B) {
	const parts = 16
	for _, network := range []string{"unix", "tcp"} {
		for _, impl := range []struct {
			name string
			send func(l *mdl.List, c net.Conn, room []byte) error
		}{
			{"writeto", func(l *mdl.List, c net.Conn, _ []byte) error {
				_, err := l.WriteTo(c)
				return err
			}},
			{"copy", func(l *mdl.List, c net.Conn, room []byte) error { // one buffer, made once
				all := room[:0]
				for p := range l.All() {
					all = append(all, p...)
				}
				_, err := c.Write(all)
				return err
			}},
			{"copymake", func(l *mdl.List, c net.Conn, _ []byte) error { // one buffer for each message
				all := make([]byte, 0, l.Len())
				for p := range l.All() {
					all = append(all, p...)
				}
				_, err := c.Write(all)
				return err
			}},
			{"writeeach", func(l *mdl.List, c net.Conn, _ []byte) error {
				for p := range l.All() {
					if _, err := c.Write(p); err != nil {
						return err
					}
				}
				return nil
			}},
		} {
			b.Run(fmt.Sprintf("impl=%s/to=%s/pages=%d", impl.name, network, parts), func(b *testing.B) {
				e := openBench(b)
				l := e.scattered(b, e.pages, parts)
				c := drain(b, network)
				room := make([]byte, l.Len())
				b.SetBytes(int64(l.Len()))
				b.ReportAllocs()
				for b.Loop() {
					if err := impl.send(l, c, room); err != nil {
						b.Fatal(err)
					}
				}
				l.Release()
			})
		}
	}
}

// WriteTo against copying together and writing, turn about and in the same
// moment, so that what else the machine does hits both: the median of the
// ratios of pairs. Below 1, WriteTo is faster. What was sent is read before the
// next is, so that nobody waits for room. The 64 KiB are the same again and
// again, or others each time, of 64 MiB.
func BenchmarkSendRatio(b *testing.B) {
	const parts, turns = 16, 8
	for _, network := range []string{"unix", "tcp"} {
		for _, count := range []int{1, 1024} {
			b.Run(fmt.Sprintf("to=%s/pages=%d/lists=%d", network, parts, count), func(b *testing.B) {
				e := openBench(b)
				lists := make([]*mdl.List, count)
				for i := range lists {
					lists[i] = e.scattered(b, e.pages, parts)
				}
				c, peer := connected(b, network)
				room, got := make([]byte, lists[0].Len()), make([]byte, lists[0].Len())
				sends := [2]func(l *mdl.List) error{
					func(l *mdl.List) error { _, err := l.WriteTo(c); return err },
					func(l *mdl.List) error {
						all := room[:0]
						for p := range l.All() {
							all = append(all, p...)
						}
						_, err := c.Write(all)
						return err
					},
				}
				var ratios []float64
				next := 0
				for b.Loop() {
					var took [2]time.Duration
					for turn := range 2 * turns {
						l := lists[next%count]
						next++
						which := (turn + len(ratios)) % 2
						start := time.Now()
						if err := sends[which](l); err != nil {
							b.Fatal(err)
						}
						took[which] += time.Since(start)
						if _, err := io.ReadFull(peer, got); err != nil {
							b.Fatal(err)
						}
					}
					ratios = append(ratios, float64(took[0])/float64(took[1]))
				}
				slices.Sort(ratios)
				b.ReportMetric(ratios[len(ratios)/2], "of-copy")
				b.ReportMetric(0, "ns/op") // of both together: says nothing
				for _, l := range lists {
					l.Release()
				}
			})
		}
	}
}

// A header of 64 bytes goes in front of a payload of 1500: the same again and
// again, or one of 4096, which no cache near the processor holds.
func BenchmarkPrepend(b *testing.B) {
	const header, payload = 64, 1500
	e := openBench(b)
	head := make([]byte, header)
	for _, count := range []int{1, 4096} {
		run := func(name string, f func(b *testing.B)) {
			b.Run(fmt.Sprintf("impl=%s/payloads=%d", name, count), func(b *testing.B) {
				b.ReportAllocs()
				f(b)
			})
		}
		retreat := func(b *testing.B, room int, source *slab.Lookaside) {
			lists := make([]*mdl.List, count)
			for i := range lists {
				m, err := memory.FromLookaside(e.pages)
				require.NoError(b, err)
				l := mdl.New()
				require.NoError(b, l.Append(m, 0, room+payload))
				require.NoError(b, m.Delete())
				require.NoError(b, l.Advance(room))
				require.NoError(b, l.SetSource(source))
				lists[i] = l
			}
			for i := 0; b.Loop(); i++ {
				l := lists[i%count]
				if l.Retreat(header) != nil || l.CopyIn(0, head) != nil || l.Advance(header) != nil {
					b.Fatal("failed")
				}
			}
			for _, l := range lists {
				l.Release()
			}
		}
		run("retreat/headroom=64", func(b *testing.B) { retreat(b, header, nil) })
		run("retreat/headroom=0/source=own", func(b *testing.B) { retreat(b, 0, nil) })
		run("retreat/headroom=0/source=lookaside", func(b *testing.B) { retreat(b, 0, e.heads) })
		bodies := make([][]byte, count)
		for i := range bodies {
			bodies[i] = make([]byte, payload)
		}
		run("copy", func(b *testing.B) { // into a buffer made once
			room := make([]byte, header+payload)
			for i := 0; b.Loop(); i++ {
				copy(room, head)
				copy(room[header:], bodies[i%count])
			}
		})
		run("copymake", func(b *testing.B) { // into a buffer for each message
			for i := 0; b.Loop(); i++ {
				all := make([]byte, 0, header+payload)
				all = append(all, head...)
				all = append(all, bodies[i%count]...)
				if _, err := io.Discard.Write(all); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A list of 64 segments is cut, cloned and released. bench/rivals has the same
// for others.
func BenchmarkSegments(b *testing.B) {
	for _, parts := range []int{16, 64} {
		e := openBench(b)
		l := e.scattered(b, e.heads, parts)
		run := func(op string, f func() (*mdl.List, error)) {
			b.Run(fmt.Sprintf("op=%s/segments=%d", op, parts), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					c, err := f()
					if err != nil {
						b.Fatal(err)
					}
					c.Release()
				}
			})
		}
		run("clone", l.Clone)
		run("slice", func() (*mdl.List, error) { return l.Partial(100, l.Len()-200) })
		run("sliceandclone", func() (*mdl.List, error) {
			p, err := l.Partial(100, l.Len()-200)
			if err != nil {
				return nil, err
			}
			c, err := p.Clone()
			p.Release()
			return c, err
		})
		run("split", func() (*mdl.List, error) {
			p, err := l.Clone()
			if err != nil {
				return nil, err
			}
			c, err := p.Split(l.Len()/2 + 10)
			p.Release()
			return c, err
		})
		var room []*mdl.List
		b.Run(fmt.Sprintf("op=fragments/segments=%d", parts), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				all, err := l.AppendFragments(room[:0], 1500)
				if err != nil {
					b.Fatal(err)
				}
				for _, f := range all {
					f.Release()
				}
				room = all
			}
		})
		l.Release()
	}
}

func BenchmarkSums(b *testing.B) {
	e := openBench(b)
	l := e.scattered(b, e.pages, 16)
	for name, f := range map[string]func() error{
		"op=checksum": func() error { _, err := l.Checksum(0, 0); return err },
		"op=crc32c":   func() error { _, err := l.CRC32C(0, 0); return err },
		"op=fill":     func() error { return l.Fill(0, l.Len(), 7) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(l.Len()))
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	l.Release()
}
