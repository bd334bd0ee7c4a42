package ioreq

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/object"
)

// Request is one I/O: what is to be done with which memory by which target. It
// is made by New, used as often as one likes, and ends with Delete; or it is
// made by Receive for one that came from somebody, and ends with Complete. All
// methods may be called by many goroutines at once. It is WDFREQUEST.
//
// A *Request that is gone is not used again before 4096 others are gone; until
// then everything that is done with it gives ErrDeleted.
type Request struct {
	b        atomic.Pointer[body] // Publishes: the body. Pairs with: lock. nil when the request is gone.
	answered atomic.Bool          // Publishes: that it is gone because it was completed. Pairs with: lock.
}

const quarantine = 4096 // requests gone before a *Request is used again

// State is where a request stands. The table in the package comment says what
// works in which.
type State uint8

// The states.
const (
	Deleted     State = iota // deleted or gone
	Created                  // as New or Receive made it
	Formatted                // ready to be sent
	Sent                     // with its target, or in Sent's or Submit's callbacks
	Completed                // the target is done; the memory is still held
	Reformatted              // formatted after it completed: holds memory, cannot be sent
	Reused                   // ready to be formatted again
	Answered                 // received and completed; only references keep the handle
)

var stateNames = [...]string{"deleted", "created", "formatted", "sent", "completed", "reformatted", "reused", "answered"}

// String returns the name of the state in lower case.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// body is what a request has while it exists. It is used again at once,
// whereas the Request waits for its turn.
type body struct {
	mu sync.Mutex

	// All that follows is guarded by mu.

	handle *Request      // what the owner has; nil while the body is free
	view   *Request      // what the target of a received request has; nil for others
	obj    object.Object // what we are
	id     uint64
	user   func(object.Object) // the owner's Cleanup

	state    State
	received bool
	deleted  bool // disposed, or to be when the target is done
	busy     bool // in Prepare
	canceled bool // the cancel bit
	timedOut bool

	// A round.
	f          format
	done       func(*Request, Result)
	onSent     func(*Request, int)
	result     Result
	round      uint64 // counts flights
	submitting bool   // Submit has not returned
	sent       bool   // Sent was called
	sending    bool   // what OnSent set is being called
	pending    bool   // Complete was called
	data       any    // the target's

	timeout  time.Duration
	deadline time.Time
	timer    *time.Timer // made when first needed, goes with the request

	arrival arrival
	wait    *waiter // who waits in SendSync

	hook   func(object.Object) // cleanup, bound once
	expire func()              // timeUp, bound once
}

var (
	bodies  = objtab.Cache[body]{Init: prepareBody}
	handles = objtab.Queue[Request]{Hold: quarantine}
	ids     atomic.Uint64 // Publishes: nothing, counts requests.
)

// kind is what requests are called, and whose bodies finish gets.
var kind = objtab.Register("request", finish)

func prepareBody(b *body) {
	b.hook = b.cleanup
	b.expire = b.timeUp
}

// New makes a request of our own, to be formatted and sent, with one reference
// that Delete consumes. It returns an error that wraps ErrDeleted when the
// parent is deleted or being deleted, and ErrInvalid when Context is not a
// pointer. It is WdfRequestCreate.
func New(cfg object.Config) (*Request, error) {
	r, err := create(cfg, nil)
	if err != nil {
		return nil, fmt.Errorf("ioreq: new: %w", err)
	}
	return r, nil
}

// create makes a request; from is what it was received with, nil for our own.
func create(cfg object.Config, from *arrival) (*Request, error) {
	b, r := bodies.Get(), handles.Get()
	r.answered.Store(false)
	b.mu.Lock()
	b.handle, b.state, b.user = r, Created, cfg.Cleanup
	if from != nil {
		b.received, b.arrival, b.id = true, *from, from.f.by.ID
	} else {
		b.id = ids.Add(1)
	}
	b.mu.Unlock()
	// Publishes: the body. Pairs with: lock. Nobody has the handle yet, but callbacks of a parent may.
	r.b.Store(b)

	cfg.Cleanup = b.hook
	obj, err := object.NewBody(&objtab.Body{Owner: b, Kind: kind}, &cfg)
	if err != nil {
		b.free()
		return nil, err
	}
	b.mu.Lock()
	if b.handle == r { // else the parent has deleted it already
		b.obj = obj
	}
	b.mu.Unlock()
	return r, nil
}

// finish takes the body back when the object is gone.
func finish(_ []byte, owner any) { owner.(*body).free() }

// free makes the body ready for the next request. Nobody has a reference.
func (b *body) free() {
	b.mu.Lock()
	h := b.handle
	b.handle, b.view, b.obj, b.id, b.user = nil, nil, object.Object{}, 0, nil
	b.state, b.received, b.deleted = Deleted, false, false
	b.f, b.arrival, b.wait = format{}, arrival{}, nil
	b.newRound()
	b.timer = nil
	b.mu.Unlock()
	retire(h)
	bodies.Put(b)
}

// newRound forgets what belongs to one round.
func (b *body) newRound() {
	b.busy, b.canceled, b.timedOut = false, false, false
	b.done, b.onSent, b.result = nil, nil, Result{}
	b.submitting, b.sent, b.sending, b.pending = false, false, false, false
	b.data, b.timeout, b.deadline = nil, 0, time.Time{}
}

// retire makes a handle stale and lets it wait for its next use.
func retire(h *Request) {
	if h != nil {
		// Publishes: that it is gone. Pairs with: lock.
		h.b.Store(nil)
		handles.Put(h)
	}
}

// errAnothers is what a target gets that does what only an owner may do.
var errAnothers = fmt.Errorf("the request is another's: %w", ErrInvalid)

// lock returns the request's body with its mu held.
func (r *Request) lock() (*body, error) {
	if r == nil {
		return nil, fmt.Errorf("no request: %w", ErrInvalid)
	}
	if b := r.b.Load(); b != nil {
		b.mu.Lock()
		if b.handle == r || b.view == r {
			return b, nil
		}
		b.mu.Unlock()
	}
	if r.answered.Load() {
		return nil, ErrCompleted
	}
	return nil, ErrDeleted
}

// own is lock for those who own the request: not for its target, and not when
// it is deleted.
func (r *Request) own() (*body, error) {
	b, err := r.lock()
	switch {
	case err != nil:
		return nil, err
	case b.view == r:
		err = errAnothers
	case b.state == Answered:
		err = ErrCompleted
	case b.deleted:
		err = ErrDeleted
	default:
		return b, nil
	}
	b.mu.Unlock()
	return nil, err
}

// Object returns the object that the request is: for its context, for
// references, and as a parent of others. The zero handle when the request is
// gone, and for a target that was sent a received request.
func (r *Request) Object() object.Object {
	b, err := r.lock()
	if err != nil {
		return object.Object{}
	}
	defer b.mu.Unlock()
	if b.view == r {
		return object.Object{}
	}
	return b.obj
}

// From returns the request that o is, and false when it is none or gone.
// Callbacks, which get an object.Object, need it; it works in Cleanup, not in
// Destroy.
func From(o object.Object) (*Request, bool) {
	if !o.TryRef() {
		return nil, false
	}
	defer o.Unref()
	x := object.Body(o, kind)
	if x == nil {
		return nil, false
	}
	b := x.Owner.(*body)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.handle, true
}

// Ref takes a reference on the request, which Unref drops: the *Request stays
// what it is until then, though deleted or completed. It keeps the handle, not
// the memory. Errors are those of object.Object.Ref.
func (r *Request) Ref() error {
	b, err := r.lock()
	if err != nil {
		return fmt.Errorf("ioreq: ref: %w", err)
	}
	defer b.mu.Unlock()
	if b.view == r {
		return fmt.Errorf("ioreq: ref: %w", errAnothers)
	}
	return b.obj.Ref()
}

// Unref drops a reference that Ref took. It panics with *object.MisuseError
// when there is none.
func (r *Request) Unref() { r.Object().Unref() }

// ID returns a number that no other request of this process has, 0 when the
// request is gone.
func (r *Request) ID() uint64 {
	b, err := r.lock()
	if err != nil {
		return 0
	}
	defer b.mu.Unlock()
	return b.id
}

// State tells where the request stands, Deleted for one that is gone. It may
// have moved on when the answer arrives.
func (r *Request) State() State {
	b, err := r.lock()
	if err != nil {
		return Deleted
	}
	defer b.mu.Unlock()
	if b.deleted && b.state != Answered {
		return Deleted
	}
	return b.state
}

// Result returns how the last round ended: the result that the completion
// routine got. It is zero before that and after Reuse.
func (r *Request) Result() Result {
	b, err := r.lock()
	if err != nil {
		return Result{}
	}
	defer b.mu.Unlock()
	if b.state == Sent {
		return Result{}
	}
	return b.result
}
