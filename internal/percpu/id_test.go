//go:build linux && !android && gc && (amd64 || arm64) && !race && !lookaside_pinned && !lookaside_tokens

package percpu

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// optimized skips the test where the runtime was compiled without optimization: procPin has another shape there, and
// the mode is Pinned.
func optimized(t *testing.T) {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	require.True(t, ok)
	for _, setting := range info.Settings {
		if setting.Key == "-gcflags" && strings.Contains(setting.Value, "-N") {
			require.Equal(t, Pinned, Current())
			t.Skip("a build without optimization")
		}
	}
}

// TestThisToolchainDecodes fails on a toolchain that nobody has looked at yet: everything works there too, more
// slowly, but the list in the package documentation deserves an entry.
func TestThisToolchainDecodes(t *testing.T) {
	optimized(t)
	off, ok := decode(procPinCode())
	require.True(t, ok, "%s for %s", runtime.Version(), runtime.GOARCH)
	require.Equal(t, off, reader.offsets)
	require.Equal(t, Unpreemptible, Current())
}

// with runs f while ID reads by c.
func with(c closure, f func()) {
	defer func(before closure) { reader.closure = before }(reader.closure)
	reader.closure = c
	f()
}

func TestEntries(t *testing.T) {
	optimized(t)
	go126, go125, any, none := entries()
	require.Equal(t, go126, entry(offsets{m: 0x30, p: 0xd0}))
	require.Equal(t, go125, entry(offsets{m: 0x30, p: 0xc8}))
	require.Equal(t, any, entry(offsets{m: 0x30, p: 0xd0, id: 4}))
	require.Equal(t, any, entry(offsets{m: 0x38, p: 0xd0}))
	require.Equal(t, any, entry(offsets{m: 0x30, p: 0xd8}))

	with(closure{code: any, offsets: reader.offsets}, func() { require.True(t, idAgrees()) })
	with(closure{code: none}, func() { require.Equal(t, -1, idInSection()) })
}

// TestWrongOffsetsAreNoticed reads the word beside the id, which is never 0 for a P that runs. With one P the id is.
func TestWrongOffsetsAreNoticed(t *testing.T) {
	optimized(t)
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	off := reader.offsets
	off.id += 4
	with(closure{code: entry(off), offsets: off}, func() { require.False(t, idAgrees()) })
}

// TestAnyOffsetsExclude is TestSectionsExclude with the code that serves toolchains whose offsets are not built in.
func TestAnyOffsetsExclude(t *testing.T) {
	optimized(t)
	_, _, any, _ := entries()
	with(closure{code: any, offsets: reader.offsets}, func() { TestSectionsExclude(t) })
}
