package ioreq

import (
	"fmt"
	"sync"
)

// Target performs requests. It is WDFIOTARGET.
//
// Submit hands over a request. When it returns nil the target calls Complete
// once on this request, at any time and from any goroutine, also before Submit
// returns; when it returns an error the target has nothing to do with the
// request any more, and Send fails with that error.
//
// Cancel asks the target to give up a request that it has. It reports whether
// the target took that up; Complete follows in any case, with an error that
// wraps context.Canceled when the request was given up, and with whatever else
// happened when it was not. Cancel is never called before Submit has returned
// nil. It may come late: when the request has completed, which a target notices
// because it does not have it, or when it is back already for its next round,
// which nobody wants to cancel: CancelRequested is false then. A target that
// asks it under the lock that guards its requests never gives up the wrong one.
//
// The *Request is the target's until it calls Complete. It may use Op, Len,
// Parts, Bytes, Segments, AppendSegments, AppendIovecs, Deadline,
// CancelRequested, SetTargetData, TargetData, Sent and Complete; the bytes stay
// where they are until Complete. What a target gets of a received request is a
// *Request of its own, which is gone when it has completed.
//
// No lock of this package is held while a target is called. Complete and Sent
// call the owner's functions, which may send the next request: a target holds
// none of its own locks then, and is prepared for a Submit from within Complete
// from within Submit.
type Target interface {
	Submit(*Request) error
	Cancel(*Request) bool
}

// Preparer is implemented by targets that want to look at a request when it
// is formatted. Prepare may use what Submit may use, Sent and Complete apart.
// When it returns an error the request drops its references again and Format
// fails with that error; a target that is closed returns ErrClosed.
type Preparer interface {
	Prepare(*Request) error
}

// Gated is implemented by targets that count their requests in flight, by a
// Gate for instance. Enter is called before Submit, and when it fails Send does
// with that error. Leave is called after the completion routine has returned,
// or when Submit failed.
type Gated interface {
	Enter() error
	Leave()
}

// Gate counts requests in flight and keeps new ones out once it is closed:
// the I/O count and the rundown of a target. The zero Gate is open. It must not
// be copied.
type Gate struct {
	mu     sync.Mutex
	count  int  // guarded by mu
	closed bool // guarded by mu
	idle   sync.Cond
}

// Enter counts one more, or returns ErrClosed.
func (g *Gate) Enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrClosed
	}
	g.count++
	return nil
}

// Leave counts one less. It panics, with an error that wraps ErrInvalid, when
// nobody had entered.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count == 0 {
		panic(fmt.Errorf("ioreq: leave: nobody has entered: %w", ErrInvalid))
	}
	g.count--
	if g.count == 0 && g.idle.L != nil {
		g.idle.Broadcast()
	}
}

// Close keeps everybody out from now on and reports whether it was open.
func (g *Gate) Close() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := !g.closed
	g.closed = true
	return was
}

// Closed reports whether Close was called.
func (g *Gate) Closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// InFlight returns how many have entered and not left.
func (g *Gate) InFlight() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}

// Wait returns when nobody is inside. Called from a completion routine it
// waits for ever: the routine's own request is inside.
func (g *Gate) Wait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.idle.L == nil {
		g.idle.L = &g.mu
	}
	for g.count > 0 {
		g.idle.Wait()
	}
}
