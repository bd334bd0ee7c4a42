package work

import "sync"

// Barrier lets a fixed number of goroutines wait for each other, again and
// again.
type Barrier struct {
	mu      sync.Mutex
	turned  sync.Cond
	parties int
	waiting int
	turn    uint64
}

// NewBarrier returns a barrier for n goroutines.
func NewBarrier(n int) *Barrier {
	b := &Barrier{parties: n}
	b.turned.L = &b.mu
	return b
}

// Wait returns when n goroutines have called it.
func (b *Barrier) Wait() {
	b.mu.Lock()
	defer b.mu.Unlock()
	turn := b.turn
	if b.waiting++; b.waiting == b.parties {
		b.waiting = 0
		b.turn++
		b.turned.Broadcast()
		return
	}
	for turn == b.turn {
		b.turned.Wait()
	}
}
