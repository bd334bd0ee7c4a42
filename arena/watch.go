package arena

import (
	"fmt"
	"slices"
)

// watcher is one call of Watch. Guarded by Arena.mu.
type watcher struct {
	step, last int64 // bytes
	f          func()
}

// Watch makes the arena call f whenever Committed has moved by at least step bytes since the last time, from now on
// and until stop is called. f runs on the goroutine whose operation moved it, after that operation and without a lock
// of the arena, perhaps on several goroutines at once, and while floors above may hold locks of theirs: it may ask
// Committed, but allocate nothing from here. A call that was due may still come while stop returns. ErrInvalid for a
// nil f or a step below 1, ErrClosed. For the floor above.
func (a *Arena) Watch(step int64, f func()) (stop func(), err error) {
	if f == nil || step < 1 {
		return nil, fmt.Errorf("arena: watch: step %d: must be at least 1, with a function to call: %w", step, ErrInvalid)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closing {
		return nil, fmt.Errorf("arena: watch: %q: %w", a.cfg.Name, ErrClosed)
	}
	w := &watcher{step: step, last: a.bytesOf(a.committed()), f: f}
	a.watchers = append(a.watchers, w)
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.watchers = slices.DeleteFunc(a.watchers, func(x *watcher) bool { return x == w })
	}, nil
}

// Committed is Stats.Committed alone, which costs next to nothing; 0 after Close.
func (a *Arena) Committed() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return 0
	}
	return a.bytesOf(a.committed())
}

// unlock unlocks, and calls the watchers that are due.
func (a *Arena) unlock() {
	if len(a.watchers) == 0 {
		a.mu.Unlock()
		return
	}
	var due []func()
	now := a.bytesOf(a.committed())
	for _, w := range a.watchers {
		if moved := now - w.last; moved >= w.step || -moved >= w.step {
			w.last = now
			due = append(due, w.f)
		}
	}
	a.mu.Unlock()
	for _, f := range due {
		f()
	}
}
