package replay

import (
	"runtime/debug"
	"sync"
)

// over is what a player returns instead of the next thread when it is done.
const over = -1

// player performs the events of a trace in their recorded order. play goes on
// from where the last call ended to the next change of thread and returns
// whose turn it is, or over.
type player interface{ play() (next int) }

// turns lets n goroutines take turns at playing, beginning with the first. A
// panic of the player, a fault included, ends the playing and is returned.
func turns(n int, p player) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if n <= 1 {
		return guard(func() error {
			for next := 0; next != over; {
				next = p.play()
			}
			return nil
		})
	}
	wake := make([]chan struct{}, n)
	for i := range wake {
		wake[i] = make(chan struct{}, 1)
	}
	var all sync.WaitGroup
	for i := range wake {
		all.Go(func() {
			debug.SetPanicOnFault(true)
			for range wake[i] {
				next := over
				if e := guard(func() error { next = p.play(); return nil }); e != nil {
					err = e
				}
				if next == over {
					for _, w := range wake {
						close(w)
					}
					return
				}
				wake[next] <- struct{}{}
			}
		})
	}
	wake[0] <- struct{}{}
	all.Wait()
	return err
}
