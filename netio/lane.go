package netio

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"offheap.example/lookaside/ioreq"
)

// lane is one direction of a Stream: the requests that wait, and the one whose
// bytes are on their way. Whoever made busy true works for the lane: the
// goroutine that runs run, or for a moment somebody in submit. While requests
// wait, somebody does.
type lane struct {
	op    ioreq.Op
	conn  net.Conn
	raw   syscall.RawConn // nil: conn's own Read and Write
	limit func(time.Time) error
	work  func() // l.run, bound once

	// Owned by whoever made busy true.
	v     vector
	early int  // requests that were over in submit since the goroutine ran
	more  bool // the last read was filled: there may be more
	over  bool // the stream was closed when the current request's turn came

	mu sync.Mutex
	// All that follows is guarded by mu.
	queue    fifo
	current  *ioreq.Request
	busy     bool
	closed   bool
	deadline time.Time

	kicked atomic.Bool // Publishes: current is to be given up. Pairs with: vector.stop. Written with mu held.
}

// mostEarly is how many requests in a row may be over before Submit returns.
// Completion routines that send the next request run nested in each other
// until then, no deeper; afterwards they run on the lane's goroutine, one by
// one.
const mostEarly = 32

// aLongTimeAgo is a deadline that has passed.
var aLongTimeAgo = time.Unix(1, 0)

func (l *lane) open(op ioreq.Op, c net.Conn, raw syscall.RawConn) {
	l.op, l.conn, l.raw, l.limit, l.work = op, c, raw, c.SetReadDeadline, l.run
	if op == ioreq.Write {
		l.limit = c.SetWriteDeadline
	}
	l.v.stop = &l.kicked
	l.v.init()
}

// submit takes a request. What needs no waiting is over when it returns.
func (l *lane) submit(r *ioreq.Request, whole bool) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	if l.busy {
		l.queue.push(entry{r, whole})
		l.mu.Unlock()
		return nil
	}
	l.busy, l.current, l.over = true, r, false
	try := l.promising()
	if try {
		l.early++
	}
	l.mu.Unlock()
	l.v.load(r, whole)
	if try {
		if over, err := l.try(); over {
			r, res := l.finish(err)
			others := l.next()
			_ = r.Complete(res) // the routine may come here again
			if !others {
				return nil
			}
		}
	}
	go l.work()
	return nil
}

// promising reports whether a request is worth a system call before anybody
// waits for the connection: a write is, a read where more may be there.
func (l *lane) promising() bool {
	return l.raw != nil && l.early < mostEarly && (l.op == ioreq.Write || l.more)
}

func (l *lane) try() (over bool, err error) {
	if l.op == ioreq.Write {
		return l.v.tryWriteRaw(l.raw)
	}
	return l.v.tryReadRaw(l.raw)
}

// run is the lane's goroutine: it ends when no request waits. One has been
// loaded.
func (l *lane) run() {
	l.early = 0
	for {
		r, res := l.finish(l.perform())
		_ = r.Complete(res) // cannot fail: we have it, and once
		if !l.next() {
			return
		}
	}
}

// perform transfers the bytes of the current request, and waits where it must.
func (l *lane) perform() error {
	switch {
	case l.over:
		return net.ErrClosed
	case l.raw == nil && l.op == ioreq.Write:
		return l.v.write(l.conn)
	case l.raw == nil:
		return l.v.read(l.conn)
	case l.op == ioreq.Write:
		return l.v.writeRaw(l.raw)
	}
	return l.v.readRaw(l.raw)
}

// next loads the request that is next, or ends the work and reports false.
func (l *lane) next() bool {
	l.mu.Lock()
	e, ok := l.queue.pop()
	if !ok {
		l.busy = false
		l.mu.Unlock()
		return false
	}
	l.current, l.over = e.r, l.closed
	l.mu.Unlock()
	l.v.load(e.r, e.whole)
	return true
}

// finish takes the current request out, before it is completed, and says how
// it ended. Afterwards nobody can cancel it here.
func (l *lane) finish(err error) (*ioreq.Request, ioreq.Result) {
	v := &l.v
	l.mu.Lock()
	r, closed, kicked := l.current, l.closed, l.kicked.Load()
	l.current = nil
	l.more = v.left == 0 && v.done > 0
	if kicked {
		l.kicked.Store(false) // Publishes: that the next one is not meant. Pairs with: vector.stop.
		_ = l.limit(l.deadline)
	}
	l.mu.Unlock()
	v.unload()
	return r, l.outcome(err, kicked, closed)
}

// outcome is how a transfer ended, in words that need no knowledge of the
// platform.
func (l *lane) outcome(err error, kicked, closed bool) ioreq.Result {
	v := &l.v
	if err == nil || v.left == 0 && v.done > 0 {
		return ioreq.Result{N: v.done}
	}
	why, cause := reason(err), err
	switch {
	case kicked && (why == ioreq.ErrTimeout || err == errStopped):
		why, cause = ioreq.ErrCanceled, nil
	case closed:
		why, cause = ErrClosed, net.ErrClosed
	case err == io.EOF && v.done == 0:
		return ioreq.Result{Err: io.EOF}
	case err == io.EOF:
		why, cause = io.ErrUnexpectedEOF, nil
	}
	return ioreq.Result{N: v.done, Err: &Error{Op: l.op, N: v.done, Len: v.done + v.left, Err: why, Cause: cause}}
}

// cancel gives a request up: at once when it waits for its turn, and when its
// bytes are on their way, by a deadline that has passed. A call that comes late
// finds r gone, or here for another round in which nobody wants that.
func (l *lane) cancel(r *ioreq.Request) bool {
	l.mu.Lock()
	if !r.CancelRequested() {
		l.mu.Unlock()
		return false
	}
	if l.queue.remove(r) {
		l.mu.Unlock()
		_ = r.Complete(ioreq.Result{Err: &Error{Op: l.op, Len: r.Len(), Err: ioreq.ErrCanceled}}) // cannot fail: it is ours
		return true
	}
	defer l.mu.Unlock()
	if l.current != r || l.closed {
		return false
	}
	if !l.kicked.Load() {
		l.kicked.Store(true) // Publishes: that r is to be given up. Pairs with: vector.stop.
		if l.limit(aLongTimeAgo) != nil {
			l.kicked.Store(false) // a connection that knows no deadlines. Pairs with: vector.stop.
			return false
		}
	}
	return true
}

// setDeadline sets when transfers fail.
func (l *lane) setDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kicked.Load() { // finish sets it
		l.deadline = t
		return nil
	}
	err := l.limit(t)
	if err == nil {
		l.deadline = t
	}
	return err
}

// close keeps new requests out. Those that wait find the connection closed.
func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
}

// entry is a request that waits.
type entry struct {
	r     *ioreq.Request
	whole bool
}

// fifo is a queue that keeps its room.
type fifo struct {
	list []entry
	head int
}

func (q *fifo) push(e entry) {
	if q.head > 0 && len(q.list) == cap(q.list) {
		n := copy(q.list, q.list[q.head:])
		clear(q.list[n:])
		q.list, q.head = q.list[:n], 0
	}
	q.list = append(q.list, e)
}

func (q *fifo) pop() (entry, bool) {
	if q.head == len(q.list) {
		return entry{}, false
	}
	e := q.list[q.head]
	q.list[q.head] = entry{}
	if q.head++; q.head == len(q.list) {
		q.list, q.head = q.list[:0], 0
	}
	return e, true
}

func (q *fifo) remove(r *ioreq.Request) bool {
	for i := q.head; i < len(q.list); i++ {
		if q.list[i].r == r {
			last := len(q.list) - 1
			copy(q.list[i:], q.list[i+1:])
			q.list[last] = entry{}
			q.list = q.list[:last]
			return true
		}
	}
	return false
}
