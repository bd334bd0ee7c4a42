package trace

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const head = "# alloctrace v1\n"

func parse(t testing.TB, text string, o Options) (*Trace, error) {
	t.Helper()
	tr, err := Parse(strings.NewReader(text), "x", o)
	if err == nil {
		t.Cleanup(func() { require.NoError(t, tr.Close()) })
	}
	return tr, err
}

func pack(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestParseRefuses(t *testing.T) {
	long := strings.Repeat("x", 50)
	for _, c := range []struct{ name, text, want string }{
		{"empty file", "", `x:1: empty file: the first line must be "# alloctrace v1"`},
		{"no header", "a 1\n", `x:1: the first line is "a 1": must be "# alloctrace v1"`},
		{"other version", "# alloctrace v2\n", `x:1: the first line is "# alloctrace v2": must be "# alloctrace v1"`},
		{"carriage return", "# alloctrace v1\r\n", `x:1: the first line is "# alloctrace v1\r": must be "# alloctrace v1"`},
		{"empty line", head + "a 1\n\nf 0\n", `x:3: empty line`},
		{"unknown letter", head + "q 5\n", `x:2: unknown line "q 5"`},
		{"unknown word", head + "alloc 5\n", `x:2: unknown line "alloc 5"`},
		{"long line", head + long + "\n", `x:2: unknown line "` + long[:40] + `"…`},
		{"no ASCII", head + "é\n", `x:2: unknown line "\u00e9"`},
		{"no number", head + "a\n", `x:2: "a" lacks its number`},
		{"no digits", head + "a \n", `x:2: bad number in "a "`},
		{"letters", head + "a 1x\n", `x:2: bad number in "a 1x"`},
		{"negative", head + "a -1\n", `x:2: bad number in "a -1"`},
		{"two spaces", head + "a  1\n", `x:2: bad number in "a  1"`},
		{"hexadecimal", head + "a 0x10\n", `x:2: bad number in "a 0x10"`},
		{"too many", head + "a 1 2\n", `x:2: "a 1 2" has more numbers than expected`},
		{"second missing", head + "a 1\nr 0\n", `x:3: "r 0" lacks its second number`},
		{"third number", head + "a 1\nr 0 2 3\n", `x:3: "r 0 2 3" has more numbers than expected`},
		{"overflow", head + "a 18446744073709551616\n", `x:2: a number in "a 18446744073709551616" overflows 64 bits`},
		{"size", head + "a 18446744073709551615\n", `x:2: size 18446744073709551615 exceeds the limit of 1000`},
		{"limit", head + "a 1000\na 1001\n", `x:3: size 1001 exceeds the limit of 1000`},
		{"limit of realloc", head + "a 1\nr 0 1001\n", `x:3: size 1001 exceeds the limit of 1000`},
		{"live", head + "a 900\na 600\na 600\n", `x:4: live bytes exceed the limit of 2000: 1500 and 600 more`},
		{"live by realloc", head + "a 900\na 900\nr 0 1000\nr 1 1000\na 1\n", `x:6: live bytes exceed the limit of 2000: 2000 and 1 more`},
		{"never allocated", head + "a 1\nf 1\n", `x:3: free of a block never allocated: 1 back, and there were only 1 blocks`},
		{"nothing allocated", head + "f 0\n", `x:2: free of a block never allocated: 0 back, and there were only 0 blocks`},
		{"far back", head + "a 1\nf 18446744073709551599\n", `x:3: free of a block never allocated: 18446744073709551599 back, and there were only 1 blocks`},
		{"freed twice", head + "a 1\na 2\nf 1\nf 1\n", `x:5: free of block 0, which is already free`},
		{"freed twice, all free", head + "a 1\nf 0\nf 0\n", `x:4: free of block 0, which is already free`},
		{"realloc of a freed one", head + "a 1\nf 0\nr 0 5\n", `x:4: realloc of block 0, which is already free`},
		{"realloc of none", head + "r 3 5\n", `x:2: realloc of a block never allocated: 3 back, and there were only 0 blocks`},
		{"alignment 0", head + "m 8 0\n", `x:2: alignment 0 is not a power of two`},
		{"alignment 24", head + "m 8 24\n", `x:2: alignment 24 is not a power of two`},
		{"alignment huge", head + "m 8 2147483648\n", `x:2: alignment 2147483648 exceeds 1073741824`},
		{"thread", head + "T 65536\n", `x:2: thread 65536 exceeds 65535`},
		{"time", head + "@ 18014398509481984\n", `x:2: time 18014398509481984 exceeds 18014398509481983`},
		{"end: allocs", head + "a 1\n# end: allocs=2\n", `x:3: the end line says allocs=2, but the events before it are 1`},
		{"end: frees", head + "a 1\n# end: allocs=1 frees=1\n", `x:3: the end line says frees=1, but the events before it are 0`},
		{"end: reallocs", head + "# end: reallocs=1\n", `x:2: the end line says reallocs=1, but the events before it are 0`},
		{"end: cross frees", head + "a 1\nT 1\nf 0\n# end: xthread_frees=0\n", `x:5: the end line says xthread_frees=0, but the events before it are 1`},
		{"end: number", head + "# end: allocs=many\n", `x:2: bad number in "allocs=many" of the end line`},
		{"two ends", head + "# end:\n# end:\n", `x:3: a second end line`},
		{"after the end", head + "# end:\na 1\n", `x:3: "a 1" follows the end line`},
		{"endless line", head + "# " + strings.Repeat("x", 1<<20), `x:2: line longer than 65536 bytes`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(t, c.text, Options{MaxSize: 1000, MaxLive: 2000})
			require.EqualError(t, err, c.want)
			var syn *SyntaxError
			require.ErrorAs(t, err, &syn)
			if !strings.HasPrefix(c.name, "endless") {
				_, err = Parse(bytes.NewReader(pack(t, c.text)), "x", Options{MaxSize: 1000, MaxLive: 2000})
				require.EqualError(t, err, c.want, "packed")
			}
		})
	}
}

func TestParseRefusesDamagedGzip(t *testing.T) {
	text := head + strings.Repeat("a 1\nf 0\n", 5000)
	whole := pack(t, text)
	for n := 2; n < len(whole); n++ {
		_, err := Parse(bytes.NewReader(whole[:n]), "x", Options{})
		require.ErrorContains(t, err, "truncated gzip: the data ends too early", "%d of %d bytes", n, len(whole))
	}
	bad := bytes.Clone(whole)
	bad[len(bad)-5] ^= 1 // the checksum
	_, err := Parse(bytes.NewReader(bad), "x", Options{})
	require.EqualError(t, err, "x:10002: damaged gzip: the checksum does not match")
	_, err = Parse(bytes.NewReader(append(bytes.Clone(whole), "rubbish behind it"...)), "x", Options{})
	require.ErrorContains(t, err, "x:10002: damaged gzip")
	_, err = Parse(bytes.NewReader([]byte{0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9}), "x", Options{})
	require.ErrorContains(t, err, "x:1: damaged gzip")
}

// The line of a truncated gzip is the one that is not there.
func TestTruncatedGzipTellsLine(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, head+"a 1\na 2\na")
	require.NoError(t, z.Flush())
	_, err := Parse(&b, "x", Options{})
	require.EqualError(t, err, "x:4: truncated gzip: the data ends too early")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

type failing struct{ r io.Reader }

var errDisk = errors.New("disk on fire")

func (f failing) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err == io.EOF {
		err = errDisk
	}
	return n, err
}

type lazy struct{}

func (lazy) Read([]byte) (int, error) { return 0, nil }

func TestParseTellsReadErrors(t *testing.T) {
	_, err := Parse(failing{strings.NewReader(head + "a 1\n")}, "x", Options{})
	require.EqualError(t, err, "x:3: read: disk on fire")
	require.ErrorIs(t, err, errDisk)
	_, err = Parse(lazy{}, "x", Options{})
	require.ErrorIs(t, err, io.ErrNoProgress)
	_, err = Open(filepath.Join(t.TempDir(), "none"), Options{})
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestParseAccepts(t *testing.T) {
	text := head + "# prog: x\n#tight\n@ 0\na 0\nT 7\nz 16\nm 100 64\n# inside\nr 0 200\nT 0\nf 1\n@ 5\nr 2 0\n" +
		"# end: allocs=3 frees=1 reallocs=2 xthread_frees=1 peak_live_bytes=unchecked ms=5\n# done"
	tr, err := parse(t, text, Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"prog: x", "tight"}, tr.Comments)
	require.Equal(t, []uint32{0, 7}, tr.Threads)
	require.Equal(t, 3, tr.Slots)
	require.Equal(t, Totals{Allocs: 3, Frees: 1, Reallocs: 2, CrossFrees: 1, Switches: 2,
		PeakBytes: 216, PeakBlocks: 3, PeakOp: 4, LeakedBlocks: 2}, tr.Totals)
	require.Equal(t, []Event{
		{Op: Time},
		{Op: Alloc},
		{Op: Thread, Thread: 1},
		{Op: Zeroed, Thread: 1, Slot: 1, Number: 1, Size: 16},
		{Op: Aligned, Thread: 1, Slot: 2, Number: 2, Size: 100, Align: 64},
		{Op: Realloc, Thread: 1, Slot: 2, Number: 2, Size: 200},
		{Op: Thread},
		{Op: Free, Slot: 1, Number: 1},
		{Op: Time, Millis: 5},
		{Op: Realloc, Slot: 0, Number: 0},
	}, events(tr))
}

func events(tr *Trace) []Event {
	var out []Event
	var e Event
	for c := tr.Cursor(); c.Next(&e); {
		out = append(out, e)
	}
	return out
}

// Lines may lie anywhere in the window that the scanner reads.
func TestScannerReadsAnyPortions(t *testing.T) {
	var b strings.Builder
	b.WriteString(head)
	for i := range 70_000 {
		b.WriteString([]string{"a 1234\n", "f 0\n"}[i%2])
	}
	for _, portion := range []int{1, 7, 1000, 1 << 20} {
		tr, err := Parse(&portions{strings.NewReader(b.String()), portion}, "x", Options{})
		require.NoError(t, err)
		require.EqualValues(t, 35_000, tr.Totals.Frees)
		require.NoError(t, tr.Close())
	}
}

type portions struct {
	r io.Reader
	n int
}

func (p *portions) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }

// shared returns the path of a shared trace, or skips.
func shared(t *testing.T, name string) string {
	path := filepath.Join("..", "..", "..", "shared", "traces", name+".alloctrace.gz")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the shared traces are not beside the repository: %v", err)
	}
	return path
}

func TestSharedTraces(t *testing.T) {
	for _, c := range []struct {
		name  string
		ops   int64
		peak  int64
		small bool
	}{
		{"git", 261173, 44981051, true},
		{"python", 872738, 9427313, true},
		{"redis", 1974434, 3634350, false},
		{"cc1", 7484435, 8350185, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && !c.small {
				t.Skip("short")
			}
			tr, err := Open(shared(t, c.name), Options{})
			require.NoError(t, err)
			require.Equal(t, c.ops, tr.Totals.Ops())
			require.Equal(t, c.peak, tr.Totals.PeakBytes)
			require.Less(t, tr.EncodedBytes(), 3*c.ops, "three bytes an operation")
			require.NoError(t, tr.Close())
		})
	}
}
