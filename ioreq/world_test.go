package ioreq_test

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

var (
	errHeld    = errors.New("held")
	errRefused = errors.New("refused")
)

// pair is an ideal thing and the real one.
type pair[I any, R any] struct {
	ideal *I
	real  R
}

// world runs a program on requests and on ideals.
type world struct {
	ideal
	got      []string
	compared int
	program  []byte
	pc       int

	memories []pair[idealMemory, memory.Object]
	requests []pair[idealRequest, *ioreq.Request]
	families []pair[idealFamily, object.Object]

	refusal error
	flights map[*idealRequest]*ioreq.Request // what the target has
	taking  *idealRequest
}

// Submit and Cancel make the world the target of its requests.
func (w *world) Submit(r *ioreq.Request) error {
	if w.refusal != nil {
		return w.refusal
	}
	w.flights[w.taking] = r
	return nil
}

func (w *world) Cancel(r *ioreq.Request) bool {
	w.heard("told %v", r.CancelRequested())
	return true
}

func (w *world) heard(format string, args ...any) {
	w.got = append(w.got, fmt.Sprintf(format, args...))
}

func (w *world) next(n int) int {
	if w.pc >= len(w.program) {
		return 0
	}
	b := w.program[w.pc]
	w.pc++
	return int(b) % n
}

// differ is how a world says that the real thing is not ideal.
type differ struct{ what string }

func (w *world) must(ok bool, format string, args ...any) {
	if !ok {
		panic(differ{fmt.Sprintf("at byte %d: ", w.pc) + fmt.Sprintf(format, args...)})
	}
}

// same compares an error with the one that is expected.
func (w *world) same(what string, want, got error) {
	if want == errHeld {
		var misuse *ioreq.MisuseError
		w.must(errors.As(got, &misuse) && misuse.Refs > 0 && len(misuse.Holders) > 0, "%s: %v, want holders", what, got)
		return
	}
	w.must(errors.Is(got, want) && (want == nil) == (got == nil), "%s: %v, want %v", what, got, want)
}

const worldSize = 24 // things of a kind

func (w *world) newMemory() {
	m := &idealMemory{name: fmt.Sprintf("m%d", len(w.memories)), refs: 1, live: true}
	real, err := memory.Wrap(make([]byte, 8), memory.WithDestroy(func(object.Object) { w.heard("%s destroyed", m.name) }))
	w.must(err == nil, "wrap: %v", err)
	w.memories = append(w.memories, pair[idealMemory, memory.Object]{m, real})
}

// callbacks are what a request's object tells.
func (w *world) callbacks(r *idealRequest) object.Config {
	return object.Config{
		Cleanup: func(object.Object) { w.heard("%s cleanup", r.name) },
		Destroy: func(object.Object) { w.heard("%s destroyed", r.name) },
	}
}

func (w *world) newRequest(received bool) {
	r := &idealRequest{name: fmt.Sprintf("r%d", len(w.requests)), received: received, state: ioreq.Created, refs: 1}
	cfg := w.callbacks(r)
	var want error
	if i := w.next(2 * len(w.families)); i < len(w.families) {
		f := w.families[i]
		cfg.Parent = f.real
		if f.ideal.live {
			r.family = f.ideal
		} else {
			want = ioreq.ErrDeleted
		}
	}
	var real *ioreq.Request
	var err error
	if received {
		d := ioreq.Buffer(make([]byte, 8))
		if i := w.next(2 * len(w.memories)); i < len(w.memories) {
			m := w.memories[i]
			d = ioreq.Memory(m.real, ioreq.Span{})
			if r.source = m.ideal; m.ideal.refs == 0 {
				want = ioreq.ErrDeleted
			}
		}
		real, err = ioreq.Receive(cfg, ioreq.Read, d)
	} else {
		real, err = ioreq.New(cfg)
	}
	w.same("create", want, err)
	if err != nil {
		return
	}
	if r.source != nil {
		r.source.refs++
	}
	if r.family != nil {
		r.family.children = append(r.family.children, r)
	}
	if received {
		err := real.Notify(func(res ioreq.Result) { w.heard("%s answered %d %v", r.name, res.N, res.Err) })
		w.must(err == nil, "notify: %v", err)
	}
	w.requests = append(w.requests, pair[idealRequest, *ioreq.Request]{r, real})
}

// routine is set for a round.
func (w *world) routine(r pair[idealRequest, *ioreq.Request]) {
	plan := w.next(4)
	r.real.OnComplete(func(got *ioreq.Request, res ioreq.Result) {
		w.heard("%s completed %d %v", r.ideal.name, res.N, res.Err)
		w.must(got == r.real, "the routine got another request")
		var want string
		switch plan {
		case 1:
			want = fmt.Sprintf("reuse %v", plain(got.Reuse()))
		case 2:
			want = fmt.Sprintf("delete %v", plain(got.Delete()))
		case 3:
			want = fmt.Sprintf("answer %v", plain(got.Complete(ioreq.Result{})))
		default:
			return
		}
		w.heard("%s %s", r.ideal.name, want)
	})
	if w.owned(r.ideal) == nil {
		r.ideal.routine, r.ideal.plan = true, plan
	}
}

// plain reduces an error to the sentinel that it wraps.
func plain(err error) error {
	var misuse *ioreq.MisuseError
	if errors.As(err, &misuse) {
		return errHeld
	}
	for _, e := range []error{ioreq.ErrCompleted, ioreq.ErrDeleted, ioreq.ErrReceived, ioreq.ErrSent, ioreq.ErrInvalid, ioreq.ErrNotSent} {
		if errors.Is(err, e) {
			return e
		}
	}
	return err
}

func (w *world) step() {
	switch op := w.next(24); {
	case op == 0 && len(w.memories) < worldSize:
		w.newMemory()
	case op < 3 && len(w.requests) < worldSize:
		w.newRequest(op == 2)
	case op == 3:
		f := w.families[w.next(len(w.families))]
		if w.next(4) == 0 {
			w.must((f.real.Delete() == nil) == w.deleteFamily(f.ideal), "family")
		}
	case op < 7:
		w.onMemory(w.memories[w.next(len(w.memories))])
	default:
		if len(w.requests) > 0 {
			w.onRequest(w.requests[w.next(len(w.requests))], op-7)
		}
	}
	w.check()
}

func (w *world) onMemory(m pair[idealMemory, memory.Object]) {
	switch w.next(3) {
	case 0:
		w.must((m.real.Delete() == nil) == w.deleteMemory(m.ideal), "delete %s", m.ideal.name)
	case 1:
		w.must(m.real.TryRef() == (m.ideal.refs > 0), "ref %s", m.ideal.name)
		if m.ideal.refs > 0 {
			m.ideal.refs++
		}
	case 2:
		if spare := m.ideal.refs - w.heldBy(m.ideal); spare > 1 || spare == 1 && !m.ideal.live {
			m.real.Unref()
			w.unrefMemory(m.ideal)
		}
	}
}

// heldBy is how many of the references on m are requests'.
func (w *world) heldBy(m *idealMemory) (n int) {
	for _, r := range w.requests {
		for _, h := range r.ideal.holds {
			if h == m {
				n++
			}
		}
		if r.ideal.source == m && r.ideal.answered == 0 {
			n++
		}
	}
	return n
}

func (w *world) onRequest(r pair[idealRequest, *ioreq.Request], op int) {
	switch op {
	case 0, 1, 2:
		m := w.pick()
		w.same("format", w.format(r.ideal, []*idealMemory{m.ideal}, 6), r.real.Format(w, ioreq.Read, m.real, ioreq.Span{Off: 2}))
	case 3:
		w.formatList(r)
	case 4, 5:
		w.refusal = nil
		if w.next(8) == 0 {
			w.refusal = errRefused
		}
		w.taking = r.ideal
		w.same("send", w.send(r.ideal, w.refusal), r.real.Send())
	case 6, 7, 8:
		if r.ideal.state != ioreq.Sent || r.ideal.dead {
			return
		}
		n, err := w.next(9), []error{nil, ioreq.ErrCanceled}[w.next(2)]
		low := w.flights[r.ideal]
		if n <= r.ideal.size || err != nil {
			delete(w.flights, r.ideal)
		}
		got := low.Complete(ioreq.Result{N: n, Err: err})
		w.same("arrive", w.arrive(r.ideal, n, err), got)
	case 9:
		if low := w.flights[r.ideal]; low != nil {
			n := w.next(9)
			got := low.Sent(n)
			w.same("sent", w.tellSent(r.ideal, n), got)
		}
	case 10:
		got := r.real.Reuse()
		w.same("reuse", w.reuse(r.ideal), got)
	case 11:
		took := r.real.Cancel()
		if want := !r.ideal.dead && w.cancel(r.ideal); want {
			w.say("told true")
			w.must(took, "cancel")
		}
	case 12:
		got := r.real.Delete()
		w.same("delete", w.delete(r.ideal), got)
	case 13:
		w.references(r)
	case 14:
		w.routine(r)
		if w.next(2) == 0 {
			r.real.OnSent(func(_ *ioreq.Request, n int) { w.heard("%s sent %d", r.ideal.name, n) })
			if w.owned(r.ideal) == nil {
				r.ideal.onSent = true
			}
		}
	case 15:
		if r.ideal.received {
			n := w.next(10)
			got := r.real.Complete(ioreq.Result{N: n})
			w.same("answer", w.answer(r.ideal, n), got)
		}
	case 16:
		w.embed(r)
	}
}

func (w *world) pick() pair[idealMemory, memory.Object] { return w.memories[w.next(len(w.memories))] }

func (w *world) formatList(r pair[idealRequest, *ioreq.Request]) {
	l := mdl.New()
	var all []*idealMemory
	size := 0
	for range w.next(5) {
		if m := w.pick(); m.ideal.refs > 0 {
			w.must(l.Append(m.real, 1, 3) == nil, "append")
			all, size = append(all, m.ideal), size+3
		}
	}
	got := r.real.FormatList(w, ioreq.Read, l)
	l.Release()
	w.same("format list", w.format(r.ideal, all, size), got)
}

func (w *world) references(r pair[idealRequest, *ioreq.Request]) {
	if w.next(2) == 0 {
		err := r.real.Ref()
		w.must((err == nil) == !r.ideal.dead, "ref: %v", err)
		if err == nil {
			r.ideal.refs++
		}
		return
	}
	spare := r.ideal.refs
	if !r.ideal.deleted {
		spare--
	}
	if r.ideal.state == ioreq.Sent {
		spare--
	}
	if spare > 0 {
		r.real.Unref()
		w.unref(r.ideal)
	}
}

// embed asks for the embedded memory, which joins the others.
func (w *world) embed(r pair[idealRequest, *ioreq.Request]) {
	m, err := r.real.OutputMemory()
	want := w.owned(r.ideal)
	if want == nil && !r.ideal.received {
		want = ioreq.ErrNotReceived
	}
	w.same("embedded", want, err)
	if err != nil || r.ideal.embedded != nil {
		return
	}
	r.ideal.embedded = &idealMemory{name: r.ideal.name + "'s", refs: 1, live: true}
	w.memories = append(w.memories, pair[idealMemory, memory.Object]{r.ideal.embedded, m})
}
