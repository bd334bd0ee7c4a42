package testkit

import (
	"runtime"
	"sync"
	"time"
)

// FlapProcs changes GOMAXPROCS between 1 and most until stop is called, which puts the old value back. Each change
// stops the world, so every P is taken away and given to somebody else in turn. Tests that call it do not run in
// parallel with others.
func FlapProcs(most int) (stop func()) {
	before := runtime.GOMAXPROCS(0)
	quit := make(chan struct{})
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		for i := 0; ; i++ {
			select {
			case <-quit:
				return
			case <-time.After(500 * time.Microsecond):
				runtime.GOMAXPROCS(1 + (i*3)%most)
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(quit)
		done.Wait()
		runtime.GOMAXPROCS(before)
	})
}
