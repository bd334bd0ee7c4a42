package ioreq

import (
	"fmt"
	"sync"
	"time"
)

// LoopbackConfig describes a Loopback. The zero value describes one that does
// all it is asked as soon as it can, in order, on a goroutine of its own.
type LoopbackConfig struct {
	// Capacity is how many bytes may wait for readers; 0 means 64 MiB. Where a
	// write has no room the oldest bytes are lost, and counted, or it waits if
	// Block says so.
	Capacity int
	Block    bool

	// Manual makes everything wait for Step, Inline for Send: the completion
	// routine has run when Send returns. Otherwise a goroutine does the work,
	// started when there is some, gone when there is none.
	Manual, Inline bool

	// Delay is how long every request takes at least.
	Delay time.Duration
	// Max is how many bytes one request transfers at most; 0 means any number.
	Max int
	// TwoPhase makes every request that transferred its bytes wait for Release:
	// it is sent, and not completed.
	TwoPhase bool
	// Stubborn makes Cancel refuse.
	Stubborn bool

	// Refuse, Fault and Order decide one by one. They are called under the
	// Loopback's lock and must not use it.

	// Refuse returns the error that Submit returns, nil for none.
	Refuse func(op Op, size int) error
	// Fault returns how many bytes a request transfers at most, and the error
	// with which it completes. It is asked when the request is submitted.
	Fault func(op Op, size int) (most int, err error)
	// Order returns which of n requests that could be served is the next, from
	// 0, the oldest, on.
	Order func(n int) int
}

// Loopback is a target in memory: what is written to it can be read from it.
// Reads wait until something is there, and take what is there. It is for
// examples and for tests of programs that use targets.
type Loopback struct {
	cfg  LoopbackConfig
	gate Gate

	mu      sync.Mutex
	queue   []*op // guarded by mu, as all that follows; the oldest first
	held    []*op // sent, not released
	spare   []*op
	ready   []int // indexes into queue, for Order
	pipe    pipe
	closed  bool
	running bool // the goroutine is at work
	timer   *time.Timer
	work    func() // l.run
}

// op is a request that the loopback has.
type op struct {
	r    *Request
	op   Op
	size int
	most int
	err  error
	due  time.Time
	res  Result
}

// NewLoopback makes a Loopback. It panics, with an error that wraps ErrInvalid,
// when a number in cfg is negative.
func NewLoopback(cfg LoopbackConfig) *Loopback {
	if cfg.Capacity < 0 || cfg.Max < 0 || cfg.Delay < 0 {
		panic(fmt.Errorf("ioreq: new loopback: Capacity %d, Max %d, Delay %v: must not be negative: %w",
			cfg.Capacity, cfg.Max, cfg.Delay, ErrInvalid))
	}
	if cfg.Capacity == 0 {
		cfg.Capacity = 64 << 20
	}
	l := &Loopback{cfg: cfg}
	l.pipe.limit, l.pipe.block = cfg.Capacity, cfg.Block
	l.work = l.run
	return l
}

// Prepare refuses requests when the Loopback is closed. It is Preparer's.
func (l *Loopback) Prepare(*Request) error {
	if l.gate.Closed() {
		return ErrClosed
	}
	return nil
}

// Enter and Leave count requests in flight. They are Gated's.
func (l *Loopback) Enter() error { return l.gate.Enter() }

// Leave is told above.
func (l *Loopback) Leave() { l.gate.Leave() }

// InFlight returns how many requests are in flight: submitted, and their
// completion routines have not returned.
func (l *Loopback) InFlight() int { return l.gate.InFlight() }

// Wait returns when no request is in flight.
func (l *Loopback) Wait() { l.gate.Wait() }

// Submit takes a request. It is Target's.
func (l *Loopback) Submit(r *Request) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	kind, size := r.Op(), r.Len()
	if l.cfg.Refuse != nil {
		if err := l.cfg.Refuse(kind, size); err != nil {
			l.mu.Unlock()
			return err
		}
	}
	o := l.newOp()
	*o = op{r: r, op: kind, size: size, most: size}
	if l.cfg.Fault != nil {
		most, err := l.cfg.Fault(kind, size)
		o.most, o.err = min(o.most, max(0, most)), err
	}
	if l.cfg.Max > 0 {
		o.most = min(o.most, l.cfg.Max)
	}
	if l.cfg.Delay > 0 {
		o.due = time.Now().Add(l.cfg.Delay)
	}
	l.queue = append(l.queue, o)
	l.kick()
	return nil
}

// kick sees to it that the queue is worked on. l.mu is held, and is not when it
// returns.
func (l *Loopback) kick() {
	switch {
	case l.cfg.Manual || l.running:
		l.mu.Unlock()
	case l.cfg.Inline:
		l.running = true
		l.mu.Unlock()
		l.run()
	default:
		l.running = true
		l.mu.Unlock()
		go l.work()
	}
}

// run does what can be done.
func (l *Loopback) run() {
	for {
		l.mu.Lock()
		o, wait := l.next()
		if o == nil {
			l.running = false
			if wait > 0 {
				l.wakeIn(wait)
			}
			l.mu.Unlock()
			return
		}
		l.serve(o)
	}
}

// wakeIn has the queue looked at again later. l.mu is held.
func (l *Loopback) wakeIn(d time.Duration) {
	if l.timer == nil {
		l.timer = time.AfterFunc(d, func() {
			l.mu.Lock()
			l.kick()
		})
		return
	}
	l.timer.Reset(d)
}

// next takes the request that is next out of the queue, nil when none can be
// served; then it says when the first that only waits for its time can, 0 for
// never. l.mu is held.
func (l *Loopback) next() (o *op, wait time.Duration) {
	l.ready = l.ready[:0]
	now := time.Time{}
	for i, o := range l.queue {
		if !l.able(o) {
			continue
		}
		if !o.due.IsZero() {
			if now.IsZero() {
				now = time.Now()
			}
			if d := o.due.Sub(now); d > 0 {
				if wait == 0 || d < wait {
					wait = d
				}
				continue
			}
		}
		l.ready = append(l.ready, i)
		if l.cfg.Order == nil {
			break
		}
	}
	if len(l.ready) == 0 {
		return nil, wait
	}
	which := 0
	if l.cfg.Order != nil {
		which = min(max(0, l.cfg.Order(len(l.ready))), len(l.ready)-1)
	}
	return l.remove(l.ready[which]), 0
}

// able reports whether there is something to transfer, or nothing to wait for.
func (l *Loopback) able(o *op) bool {
	switch {
	case o.most == 0 || o.err != nil:
		return true
	case o.op == Read:
		return l.pipe.count > 0
	}
	return l.pipe.room() > 0
}

func (l *Loopback) remove(i int) *op {
	o := l.queue[i]
	copy(l.queue[i:], l.queue[i+1:])
	l.queue[len(l.queue)-1] = nil
	l.queue = l.queue[:len(l.queue)-1]
	return o
}

// serve transfers the bytes of a request and completes it, or holds it. l.mu is
// held, and is not when it returns.
func (l *Loopback) serve(o *op) {
	n := 0
	for i := 0; n < o.most; i++ {
		p := o.r.segment(i)
		if p == nil {
			break
		}
		p = p[:min(len(p), o.most-n)]
		var k int
		if o.op == Read {
			k = l.pipe.read(p)
		} else {
			k = l.pipe.write(p)
		}
		n += k
		if k < len(p) {
			break
		}
	}
	o.res = Result{n, o.err}
	if l.cfg.TwoPhase && o.err == nil {
		l.held = append(l.held, o)
		r := o.r
		l.mu.Unlock()
		_ = r.Sent(n) // fails if Release, from another goroutine, was faster
		return
	}
	l.complete(o)
}

// complete gives the request back. l.mu is held, and is not when it returns.
func (l *Loopback) complete(o *op) {
	r, res := o.r, o.res
	*o = op{}
	l.spare = append(l.spare, o)
	l.mu.Unlock()
	_ = r.Complete(res) // cannot fail: we have it, and once
}

func (l *Loopback) newOp() *op {
	if n := len(l.spare); n > 0 {
		o := l.spare[n-1]
		l.spare = l.spare[:n-1]
		return o
	}
	return new(op)
}

// Cancel gives a request up that has not been served. It is Target's.
func (l *Loopback) Cancel(r *Request) bool {
	l.mu.Lock()
	if !l.cfg.Stubborn {
		for i, o := range l.queue {
			if o.r == r && r.CancelRequested() {
				o.giveUp(ErrCanceled)
				if !l.byHand() {
					l.kick()
					return true
				}
				l.complete(l.remove(i))
				return true
			}
		}
	}
	l.mu.Unlock()
	return false
}

// byHand reports whether there is no goroutine to complete what is given up.
func (l *Loopback) byHand() bool { return l.cfg.Manual || l.cfg.Inline }

// giveUp has the request complete with err as soon as it is its turn, which is
// now.
func (o *op) giveUp(err error) {
	o.most, o.err, o.due, o.res = 0, err, time.Time{}, Result{Err: err}
}

// Step serves one request and reports whether there was one that could be
// served. It is for Manual.
func (l *Loopback) Step() bool {
	l.mu.Lock()
	o, _ := l.next()
	if o == nil {
		l.mu.Unlock()
		return false
	}
	l.serve(o)
	return true
}

// Release completes the request that was sent first of those that TwoPhase
// holds, and reports whether there was one. It works on a closed Loopback too.
func (l *Loopback) Release() bool {
	l.mu.Lock()
	if len(l.held) == 0 {
		l.mu.Unlock()
		return false
	}
	o := l.held[0]
	copy(l.held, l.held[1:])
	l.held[len(l.held)-1] = nil
	l.held = l.held[:len(l.held)-1]
	l.complete(o)
	return true
}

// Close has all requests that wait to be served complete with ErrClosed, and
// refuses new ones; Wait returns when they have. What TwoPhase holds stays with
// it until Release. A second Close returns ErrClosed.
func (l *Loopback) Close() error {
	if !l.gate.Close() {
		return fmt.Errorf("ioreq: close loopback: %w", ErrClosed)
	}
	l.mu.Lock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	if !l.byHand() {
		for _, o := range l.queue {
			o.giveUp(ErrClosed)
		}
		l.kick()
		return nil
	}
	for len(l.queue) > 0 {
		o := l.remove(0)
		o.giveUp(ErrClosed)
		l.complete(o)
		l.mu.Lock()
	}
	l.mu.Unlock()
	return nil
}

// LoopbackStats is what a Loopback has at one moment.
type LoopbackStats struct {
	Waiting int   // requests that wait to be served
	Held    int   // requests that are sent and wait for Release
	Bytes   int   // bytes that were written and not read
	Lost    int64 // bytes that nobody read in time
}

// Stats returns what there is.
func (l *Loopback) Stats() LoopbackStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return LoopbackStats{len(l.queue), len(l.held), l.pipe.count, l.pipe.lost}
}
