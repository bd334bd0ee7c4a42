package ioreq_test

import (
	"context"
	"errors"
	"fmt"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// A request of our own, with memory that its owner has forgotten by the time it
// completes.
func Example() {
	target := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	m, _ := memory.Wrap([]byte("hello, world"))
	r, _ := ioreq.New(object.Config{})
	if err := r.Format(target, ioreq.Write, m, ioreq.Span{Off: 7}); err != nil {
		fmt.Println(err)
		return
	}
	_ = m.Delete() // the request holds it
	r.OnComplete(func(r *ioreq.Request, res ioreq.Result) {
		b, _ := r.Bytes()
		fmt.Printf("%d bytes, %q, memory is there: %v\n", res.N, b, m.Valid())
	})
	if err := r.Send(); err != nil {
		fmt.Println(err)
		return
	}
	target.Step()
	fmt.Println("after the routine:", m.Valid())
	_ = r.Reuse()
	fmt.Println("after Reuse:", m.Valid())
	_ = r.Delete()
	// Output:
	// 5 bytes, "world", memory is there: true
	// after the routine: true
	// after Reuse: false
}

// One request, round after round: Reuse, Format, OnComplete, Send.
func ExampleRequest_Reuse() {
	target := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true})
	m, _ := memory.Wrap([]byte("abc"))
	r, _ := ioreq.New(object.Config{})
	defer r.Delete()
	for _, op := range []ioreq.Op{ioreq.Write, ioreq.Read} {
		_ = r.Reuse()
		_ = r.Format(target, op, m, ioreq.Span{})
		r.OnComplete(func(_ *ioreq.Request, res ioreq.Result) { fmt.Println(op, res.N) })
		_ = r.Send()
	}
	fmt.Println(errors.Is(r.Send(), ioreq.ErrNotReused))
	// Output:
	// write 3
	// read 3
	// true
}

// A request that came from somebody is processed and completed. As long as
// anybody holds its memory that fails, and says who it is.
func ExampleReceive() {
	theirs := []byte("ping")
	r, _ := ioreq.Receive(object.Config{}, ioreq.Write, ioreq.Buffer(theirs))
	_ = r.Notify(func(res ioreq.Result) { fmt.Println("answered:", res.N) })

	in, _ := r.InputMemory()
	fmt.Printf("%s\n", in.Bytes())
	_ = in.Ref()

	var misuse *ioreq.MisuseError
	if err := r.Complete(ioreq.Result{N: 4}); errors.As(err, &misuse) {
		fmt.Println(misuse.Refs, "reference by a", misuse.Holders[0].Kind)
	}
	in.Unref()
	fmt.Println(r.Complete(ioreq.Result{N: 4}), in.Valid())
	// Output:
	// ping
	// 1 reference by a reference
	// answered: 4
	// <nil> false
}

// A received request is sent on to another target, and completed when that is
// done.
func ExampleRequest_Complete_forward() {
	lower := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true})
	r, _ := ioreq.Receive(object.Config{}, ioreq.Write, ioreq.Buffer([]byte("pass it on")))
	_ = r.Notify(func(res ioreq.Result) { fmt.Println("answered:", res.N) })
	in, _ := r.InputMemory()
	_ = r.Format(lower, ioreq.Write, in, ioreq.Span{})
	r.OnComplete(func(r *ioreq.Request, res ioreq.Result) {
		if err := r.Complete(res); err != nil {
			fmt.Println(err)
		}
	})
	if err := r.Send(); err != nil {
		_ = r.Complete(ioreq.Result{Err: err}) // it is still ours to complete
	}
	fmt.Println(lower.Stats().Bytes, "bytes arrived")
	// Output:
	// answered: 10
	// 10 bytes arrived
}

// Whoever waits may use bytes that nobody manages.
func ExampleSendSync() {
	target := ioreq.NewLoopback(ioreq.LoopbackConfig{})
	ctx := context.Background()
	n, err := ioreq.SendSync(ctx, target, ioreq.Write, ioreq.Buffer([]byte("on the stack")))
	fmt.Println(n, err)
	m, _ := memory.Wrap(make([]byte, 16))
	n, err = ioreq.SendSync(ctx, target, ioreq.Read, ioreq.Memory(m, ioreq.Span{Len: 6}))
	fmt.Println(n, err, string(m.Bytes()[:n]))
	_ = target.Close()
	_, err = ioreq.SendSync(ctx, target, ioreq.Read, ioreq.Memory(m, ioreq.Span{}))
	fmt.Println(errors.Is(err, ioreq.ErrClosed))
	// Output:
	// 12 <nil>
	// 6 <nil> on the
	// true
}

// Sent is not completed: the writer may go on, but the bytes are still read.
func ExampleRequest_OnSent() {
	target := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true, TwoPhase: true})
	m, _ := memory.Wrap([]byte("zero copies"))
	r, _ := ioreq.New(object.Config{})
	_ = r.Format(target, ioreq.Write, m, ioreq.Span{})
	r.OnSent(func(_ *ioreq.Request, n int) { fmt.Println("sent", n, "with", m.Refs(), "references") })
	r.OnComplete(func(r *ioreq.Request, _ ioreq.Result) {
		_ = r.Delete()
		fmt.Println("completed with", m.Refs())
	})
	_ = r.Send()
	target.Step()
	target.Release()
	// Output:
	// sent 11 with 2 references
	// completed with 1
}

// A request is cancelled: one answer from Cancel, another in the result.
func ExampleRequest_Cancel() {
	target := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	m, _ := memory.Wrap(make([]byte, 8))
	r, _ := ioreq.New(object.Config{})
	_ = r.Format(target, ioreq.Read, m, ioreq.Span{})
	r.OnComplete(func(_ *ioreq.Request, res ioreq.Result) {
		fmt.Println("completed:", errors.Is(res.Err, context.Canceled))
	})
	_ = r.Send()
	fmt.Println("taken up:", r.Cancel())
	fmt.Println("requested:", r.CancelRequested())
	_ = r.Delete()
	// Output:
	// completed: true
	// taken up: true
	// requested: true
}

// A scripted line: short transfers, a failure, requests out of order.
func ExampleLoopback() {
	down := errors.New("line is down")
	calls := 0
	target := ioreq.NewLoopback(ioreq.LoopbackConfig{
		Inline: true,
		Max:    4,
		Fault: func(_ ioreq.Op, size int) (int, error) {
			if calls++; calls == 2 {
				return 1, down
			}
			return size, nil
		},
	})
	for range 3 {
		n, err := ioreq.SendSync(context.Background(), target, ioreq.Write, ioreq.Buffer([]byte("123456")))
		fmt.Println(n, errors.Is(err, down))
	}
	// Output:
	// 4 false
	// 1 true
	// 4 false
}

// upper is a target of one's own: it puts every write into capitals.
type upper struct{ gate ioreq.Gate }

func (u *upper) Enter() error               { return u.gate.Enter() }
func (u *upper) Leave()                     { u.gate.Leave() }
func (u *upper) Cancel(*ioreq.Request) bool { return false } // it has none for long
func (u *upper) Submit(r *ioreq.Request) error {
	for p := range r.Segments() {
		for i, c := range p {
			if 'a' <= c && c <= 'z' {
				p[i] = c - 'a' + 'A'
			}
		}
	}
	return r.Complete(ioreq.Result{N: r.Len()})
}

func ExampleTarget() {
	u := &upper{}
	b := []byte("louder")
	n, err := ioreq.SendSync(context.Background(), u, ioreq.Write, ioreq.Buffer(b))
	fmt.Println(n, err, string(b))
	u.gate.Close()
	_, err = ioreq.SendSync(context.Background(), u, ioreq.Write, ioreq.Buffer(b))
	fmt.Println(err)
	// Output:
	// 6 <nil> LOUDER
	// ioreq: send sync: target is closed
}
