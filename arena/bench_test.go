package arena

import "testing"

func BenchmarkAcquireRelease(b *testing.B) {
	for _, c := range []struct {
		name  string
		pages int
		zero  bool
	}{
		{"pages=1/zero=false", 1, false},
		{"pages=1/zero=true", 1, true},
		{"pages=16/zero=false", 16, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			a, err := Open(Config{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = a.Close() }()
			for b.Loop() {
				r, err := a.acquire("acquire", c.pages, 0, c.zero)
				if err != nil {
					b.Fatal(err)
				}
				a.Release(r)
			}
		})
	}
}

// BenchmarkAmongManyFreeRuns acquires and releases while 100,000 free runs lie around.
func BenchmarkAmongManyFreeRuns(b *testing.B) {
	a, err := Open(Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	runs := make([]Run, 200_000)
	for i := range runs {
		if runs[i], err = a.AcquireUninitialized(1 + i%5); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; i < len(runs); i += 2 {
		a.Release(runs[i])
	}
	for i := 0; b.Loop(); i++ {
		r, err := a.AcquireUninitialized(1 + i%5)
		if err != nil {
			b.Fatal(err)
		}
		a.Release(r)
	}
}
