package trace

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// random makes up a trace of n operations on several threads.
func random(r *rand.Rand, n, threads int) string {
	var b bytes.Buffer
	w := NewWriter(&b, "prog: random")
	var live []uint32
	for i := range n {
		e := Event{Thread: uint32(r.IntN(threads)) * 3, Size: int64(r.IntN(1 << r.IntN(14)))}
		switch k := r.IntN(10); {
		case k == 0:
			e.Op, e.Millis = Time, int64(i)
		case k < 5 || len(live) == 0:
			e.Op, e.Number = Op(r.IntN(3)), uint32(i)
			if e.Op == Aligned {
				e.Align = 1 << r.IntN(13)
			}
			live = append(live, e.Number)
		default:
			at := r.IntN(len(live))
			e.Number = live[at]
			if e.Op = Realloc; k < 9 {
				e.Op = Free
				live = append(live[:at], live[at+1:]...)
			}
		}
		if err := w.Write(e); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

func TestWriteIsTheInverseOfParse(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	for range 50 {
		text := random(r, 1+r.IntN(2000), 1+r.IntN(4))
		tr, err := parse(t, text, Options{})
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, tr.Write(&out))
		require.Equal(t, text, out.String())
	}
}

func TestWriterRefuses(t *testing.T) {
	w := NewWriter(&bytes.Buffer{})
	require.EqualError(t, w.Write(Event{Op: Free, Number: 3}), "trace: write: f of block 3, which is not live")
	require.EqualError(t, w.Write(Event{Op: Realloc, Number: 3}), "trace: write: r of block 3, which is not live")
	require.EqualError(t, w.Write(Event{Op: 9}), "trace: write: no such operation: Op(9)")
	full := NewWriter(failingWriter{})
	for range 10_000 {
		if full.Write(Event{Op: Alloc, Size: 1}) != nil {
			break
		}
	}
	require.ErrorIs(t, full.Close(), errDisk)
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errDisk }

// A piece has only operations on blocks of its own, and every one of them.
func TestCut(t *testing.T) {
	text := head + "a 1\na 2\nT 1\nf 1\na 3\nr 1 9\nf 0\nf 1\n"
	tr, err := parse(t, text, Options{})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, tr.Cut(&out, 2, 6, "a piece"))
	require.Equal(t, head+"# a piece\nT 1\na 3\nf 0\n"+
		"# end: allocs=1 frees=1 reallocs=0 xthread_frees=0 leaked_objs=0\n", out.String())
	out.Reset()
	require.NoError(t, tr.Cut(&out, 0, 3))
	require.Equal(t, head+"a 1\na 2\nT 1\nf 1\n"+
		"# end: allocs=2 frees=1 reallocs=0 xthread_frees=1 leaked_objs=1\n", out.String())
}

// FuzzParse: nothing makes the parser panic, and what it accepts is the same
// after it was written and read again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(head + "# prog: x\n@ 0\na 16\nz 0\nm 8 64\nT 3\nr 1 20\nf 0\nf 2\n# end: allocs=3 frees=2 reallocs=1\n"))
	f.Add([]byte(head + "a 99999999999\nf 0\nf 0\n"))
	f.Add([]byte(head + "a"))
	f.Add([]byte(random(rand.New(rand.NewPCG(1, 2)), 60, 3)))
	f.Add(pack(f, head+"a 1\n"))
	f.Add(pack(f, head+"a 1\n")[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, err := Parse(bytes.NewReader(data), "x", Options{})
		if err != nil {
			require.Regexp(t, `^x:\d+: .`, err.Error())
			require.NotContains(t, err.Error(), "\n")
			return
		}
		defer tr.Close()
		var text bytes.Buffer
		require.NoError(t, tr.Write(&text))
		again, err := Parse(&text, "x", Options{})
		require.NoError(t, err)
		defer again.Close()
		var second bytes.Buffer
		require.NoError(t, again.Write(&second))
		text.Reset()
		require.NoError(t, tr.Write(&text))
		require.Equal(t, text.String(), second.String())
		require.Equal(t, tr.Totals.Ops(), again.Totals.Ops())
		require.Equal(t, tr.Totals.PeakBytes, again.Totals.PeakBytes)
		split, err := tr.Split()
		require.NoError(t, err)
		require.NoError(t, split.Close())
	})
}

func ExampleTrace_Cut() {
	t, err := Parse(strings.NewReader("# alloctrace v1\na 100\na 50\nf 1\nf 0\n"), "example", Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer t.Close()
	fmt.Println(t.Totals.Ops(), "operations,", t.Totals.PeakBytes, "bytes at the peak")
	if err := t.Cut(os.Stdout, 0, 3, "the first three"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 4 operations, 150 bytes at the peak
	// # alloctrace v1
	// # the first three
	// a 100
	// a 50
	// f 1
	// # end: allocs=2 frees=1 reallocs=0 xthread_frees=0 leaked_objs=1
}

func ExampleParse() {
	_, err := Parse(strings.NewReader("# alloctrace v1\na 100\nf 0\nf 0\n"), "example", Options{})
	fmt.Println(err)
	// Output: example:4: free of block 0, which is already free
}
