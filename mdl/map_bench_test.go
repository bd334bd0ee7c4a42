package mdl_test

import (
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/mdl"
)

// table makes the pass over the bytes cost what reading does, and little more.
var table = crc32.MakeTable(crc32.Castagnoli)

// BenchmarkContiguous makes 1 MiB of scattered pages contiguous and reads it
// once: by mapping the pages again, by copying them together, and not at all.
func BenchmarkContiguous(b *testing.B) {
	for _, run := range []struct {
		name  string
		pages int // adjacent in memory
	}{{"run=4KiB", 1}, {"run=64KiB", 16}, {"run=1MiB", 256}} {
		a := sharedArena(b)
		l := mdl.New()
		all, err := mdl.AllocatePages(a, 1<<20, mdl.FullyRequired|mdl.RequireContiguous)
		require.NoError(b, err)
		parts, size := 1<<20/page/run.pages, run.pages*page
		for i := parts - 1; i >= 0; i-- {
			require.NoError(b, l.Append(objectsOf(all)[0], i*size, size))
		}
		all.Release()
		require.NoError(b, l.CopyIn(0, make([]byte, 1<<20)))
		sum := uint32(0)
		b.Run("impl=map/"+run.name, func(b *testing.B) {
			b.SetBytes(1 << 20)
			for b.Loop() {
				v, err := l.Map()
				if err != nil {
					b.Fatal(err)
				}
				sum += crc32.Checksum(v, table)
				if err := l.Unmap(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("impl=copy/"+run.name, func(b *testing.B) {
			b.SetBytes(1 << 20)
			v := make([]byte, 1<<20)
			for b.Loop() {
				if err := l.CopyOut(0, v); err != nil {
					b.Fatal(err)
				}
				sum += crc32.Checksum(v, table)
			}
		})
		b.Run("impl=walk/"+run.name, func(b *testing.B) {
			b.SetBytes(1 << 20)
			for b.Loop() {
				part := uint32(0)
				for p := range l.All() {
					part = crc32.Update(part, table, p)
				}
				sum += part
			}
		})
		b.Run("impl=mapped/"+run.name, func(b *testing.B) {
			b.SetBytes(1 << 20)
			v, err := l.Map()
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				sum += crc32.Checksum(v, table)
			}
			if err := l.Unmap(); err != nil {
				b.Fatal(err)
			}
		})
		l.Release()
	}
}
