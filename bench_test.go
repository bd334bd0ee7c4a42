package lookaside

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/memory"
)

// BenchmarkNewMemory creates and deletes memory objects below one root, from
// one goroutine and from all Ps at once.
func BenchmarkNewMemory(b *testing.B) {
	d, err := Open(Config{})
	require.NoError(b, err)
	defer func() { require.NoError(b, d.Close()) }()
	b.Run("work=alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, _ := d.NewMemory(256)
			_ = m.Delete()
		}
	})
	b.Run("work=together", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				m, _ := d.NewMemory(256)
				_ = m.Delete()
			}
		})
	})
	b.Run("work=orphans", func(b *testing.B) { // without the root
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				m, _ := memory.New(d.alloc, 256)
				_ = m.Delete()
			}
		})
	})
}
