package lookaside

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

var (
	tagNETB = slab.Tag{'N', 'E', 'T', 'B'}
	read17  = objtab.Holder{Kind: "request", ID: 17, Name: "read"}
)

// closeLeaky closes a domain that has something out.
func closeLeaky(t testing.TB, d *Domain) *LeakError {
	t.Helper()
	err := d.Close()
	var leak *LeakError
	require.ErrorAs(t, err, &leak)
	var part *slab.LeakError
	require.ErrorAs(t, err, &part, "the other way too")
	require.Equal(t, leak.Blocks, part.Blocks)
	return leak
}

// without drops what a comparison cannot know.
func without(all []Leaked) []Leaked {
	for i := range all {
		all[i].Born = nil
		for j := range all[i].Holders {
			all[i].Holders[j].PCs = nil
		}
	}
	return all
}

func TestLeaksNameTheirHolders(t *testing.T) {
	for _, trace := range []bool{false, true} {
		d, err := Open(Config{Name: "leaky", Trace: trace})
		require.NoError(t, err)
		require.Equal(t, trace, object.Tracing())
		var kept []memory.Object
		for range 3 {
			m, err := d.NewMemory(64, memory.WithTag(tagNETB))
			require.NoError(t, err)
			object.Watch(m.Object)
			require.NoError(t, object.RefAs(m.Object, read17))
			kept = append(kept, m)
		}
		err = d.Close()
		require.False(t, object.Tracing())
		var leak *LeakError
		require.ErrorAs(t, err, &leak)
		require.EqualValues(t, 3, leak.Blocks)
		require.EqualValues(t, 192, leak.Bytes)
		want := `lookaside: close domain "leaky": 3 blocks, 192 bytes out: memory 'NETB' 64 bytes x3 of "leaky/64" held by request 17 (read)`
		if !trace {
			require.EqualError(t, err, want)
			require.Equal(t, want, fmt.Sprintf("%+v", err))
		} else {
			require.Regexp(t, `^`+regexpQuote(want)+`, reference taken at .*leak_test.go:\d+$`, err.Error())
			require.Regexp(t, `memory 'NETB' 64 bytes x3 of "leaky/64"\nmade at:\n`, fmt.Sprintf("%+v", err))
			require.Regexp(t, `\nheld by request 17 \(read\):\n\t.*TestLeaksNameTheirHolders\n\t\t.*leak_test.go:\d+\n`, fmt.Sprintf("%+v", err))
		}
		require.Equal(t, []Leaked{{
			Kind: "memory", List: "leaky/64", Tag: tagNETB, Size: 64, Count: 3, Deleted: true,
			Holders: []Holder{{Kind: "request", ID: 17, Name: "read", Count: 1}},
		}}, without(leak.Objects))
		for _, m := range kept {
			require.NoError(t, m.CopyOut(0, make([]byte, 64)), "who holds a reference meets no fault")
			object.UnrefAs(m.Object, read17)
			require.False(t, m.Valid())
		}
		require.NoError(t, d.Arena().Close())
	}
}

func regexpQuote(s string) string {
	return strings.NewReplacer("(", `\(`, ")", `\)`, ".", `\.`).Replace(s)
}

// Everything a domain can have out, while nothing is traced.
func TestEveryKindOfLeak(t *testing.T) {
	d, err := Open(Config{Name: "all"})
	require.NoError(t, err)
	l, err := d.NewLookaside("rx", 100, WithTag(slab.Tag{'r', 'x'}))
	require.NoError(t, err)

	raw, err := l.Get() // a block that is no object's
	require.NoError(t, err)
	fromList, err := memory.FromLookaside(l) // without a parent, with a reference
	require.NoError(t, err)
	require.NoError(t, fromList.Ref())
	deleted, err := memory.FromLookaside(l) // deleted before, with two references
	require.NoError(t, err)
	require.NoError(t, deleted.Ref())
	require.NoError(t, deleted.Ref())
	require.NoError(t, deleted.Delete())
	forgotten, err := memory.New(d.Allocator(), 100) // nobody's, and nobody deleted it
	require.NoError(t, err)
	large, err := d.NewMemory(1<<20, memory.WithTag(tagNETB))
	require.NoError(t, err)
	inList, err := mdl.Of(large)
	require.NoError(t, err)
	pages, err := mdl.AllocatePages(d.Arena(), 8192, 0)
	require.NoError(t, err)
	other, err := memory.Wrap(make([]byte, 10)) // not ours
	require.NoError(t, err)
	require.NoError(t, other.Ref())

	leak := closeLeaky(t, d)
	require.ElementsMatch(t, []Leaked{
		{Kind: "memory", List: "all/large", Tag: tagNETB, Size: 1 << 20, Count: 1, Deleted: true,
			Holders: []Holder{{Kind: "reference", Count: 1}}},
		{Kind: "block", List: "all/112", Size: 112, Count: 1},
		{Kind: "block", List: "rx", Tag: slab.Tag{'r', 'x'}, Size: 100, Count: 1},
		{Kind: "memory", List: "rx", Tag: slab.Tag{'r', 'x'}, Size: 100, Count: 1,
			Holders: []Holder{{Kind: "reference", Count: 1}}},
		{Kind: "memory", List: "rx", Tag: slab.Tag{'r', 'x'}, Size: 100, Count: 1, Deleted: true,
			Holders: []Holder{{Kind: "reference", Count: 2}}},
	}, ofLists(leak.Objects, "all"))
	require.Contains(t, leak.Error(), `memory 'rx' 100 bytes x1 of "rx" never deleted held by 1 reference`)
	require.Contains(t, leak.Error(), `memory 'rx' 100 bytes x1 of "rx" held by 2 references`)
	require.Contains(t, leak.Error(), `block 'rx' 100 bytes x1 of "rx"`)
	var sum, bytes int64
	for _, o := range leak.Leaks {
		sum, bytes = sum+o.Blocks, bytes+o.Bytes
	}
	require.Equal(t, leak.Blocks, sum)
	require.Equal(t, leak.Bytes, bytes)

	raw[0] = 1
	deleted.Unref()
	deleted.Unref()
	fromList.Unref()
	require.NoError(t, fromList.Delete())
	require.NoError(t, forgotten.Delete())
	require.Equal(t, 1<<20, inList.Len())
	inList.Release()
	require.False(t, large.Valid())
	pages.Release()
	other.Unref()
	require.NoError(t, other.Delete())
	require.NoError(t, d.Arena().Close())
}

// ofLists leaves out what comes from no list.
func ofLists(all []Leaked, arena string) (of []Leaked) {
	for _, l := range all {
		if l.List != arena {
			of = append(of, l)
		}
	}
	return of
}

// What is traced is named although nobody but its owner has a reference.
func TestWhatNobodyDeleted(t *testing.T) {
	d, err := Open(Config{Name: "traced", Trace: true})
	require.NoError(t, err)
	m, err := memory.New(d.Allocator(), 100)
	require.NoError(t, err)
	leak := closeLeaky(t, d)
	require.Regexp(t, `^lookaside: close domain "traced": 1 block, 112 bytes out: memory 100 bytes x1 of "traced/112" never deleted, made at .*leak_test.go:\d+$`, leak.Error())
	require.NoError(t, m.Delete())
	require.NoError(t, d.Arena().Close())
}

// An error with many kinds of leaks stays one line that can be read.
func TestManyLeaks(t *testing.T) {
	d, err := Open(Config{Name: "many"})
	require.NoError(t, err)
	for i := range 20 {
		_, err := d.Alloc(8 * (i + 1))
		require.NoError(t, err)
	}
	leak := closeLeaky(t, d)
	require.Len(t, leak.Objects, len(leak.Leaks))
	require.True(t, strings.HasSuffix(leak.Error(), fmt.Sprintf("; and %d more kinds", len(leak.Objects)-mostGroups)), leak.Error())
	require.NoError(t, d.Arena().Close())
}

// A reference that goes while the domain closes is no leak, and one that a
// callback takes is.
func TestReferencesDuringClose(t *testing.T) {
	d, err := Open(Config{Name: "late"})
	require.NoError(t, err)
	m, err := d.NewMemory(64, memory.WithCleanup(func(o object.Object) { require.NoError(t, o.Ref()) }))
	require.NoError(t, err)
	leak := closeLeaky(t, d)
	require.Equal(t, []Holder{{Kind: "reference", Count: 1}}, leak.Objects[0].Holders)
	m.Unref()
	require.NoError(t, d.Arena().Close())

	d, err = Open(Config{Name: "fine"})
	require.NoError(t, err)
	m, err = d.NewMemory(64, memory.WithCleanup(func(o object.Object) { o.Unref() }))
	require.NoError(t, err)
	require.NoError(t, m.Ref())
	require.NoError(t, d.Close())
	require.False(t, m.Valid())
}

// The environment switches tracing on too.
func TestTraceFromTheEnvironment(t *testing.T) {
	if os.Getenv("LOOKASIDE_TEST_CHILD") != "" {
		d, err := Open(Config{})
		require.NoError(t, err)
		_, err = memory.New(d.Allocator(), 100)
		require.NoError(t, err)
		err = d.Close()
		if errors.As(err, new(*LeakError)) {
			fmt.Printf("tracing %v: %v\n", object.Tracing(), err)
		}
		return
	}
	for value, traced := range map[string]bool{"1": true, "0": false, "": false, "maybe": false} {
		child := exec.Command(os.Args[0], "-test.run=^TestTraceFromTheEnvironment$")
		child.Env = append(os.Environ(), "LOOKASIDE_TEST_CHILD=1", "LOOKASIDE_TRACE="+value)
		out, err := child.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, traced, strings.Contains(string(out), "tracing true"), "%q: %s", value, out)
		require.Equal(t, traced, strings.Contains(string(out), "never deleted, made at"), "%q: %s", value, out)
	}
}
