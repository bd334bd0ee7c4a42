package percpu

import "testing"

//go:nosplit
//go:noinline
func idInSection() int { return ID() }

func BenchmarkID(b *testing.B) {
	if Current() != Unpreemptible {
		b.Skip("no ID in mode " + Current().String())
	}
	for b.Loop() {
		idInSection()
	}
}

func BenchmarkPinUnpin(b *testing.B) {
	for b.Loop() {
		Unpin(Pin())
	}
}

func BenchmarkBarrier(b *testing.B) {
	for b.Loop() {
		Barrier()
	}
}
