package lookaside_test

import (
	"errors"
	"fmt"

	"offheap.example/lookaside"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// The first scenario: a request comes, is worked on where it is, and is
// completed. What it came with belongs to whoever it came from.
func Example_lifetime1Receive() {
	d, _ := lookaside.Open(lookaside.Config{Name: "lifetimes"})
	r, _ := ioreq.Receive(object.Config{Parent: d.Root()}, ioreq.Write, ioreq.Buffer([]byte("six by nine")))
	_ = r.Notify(func(res ioreq.Result) { fmt.Println("its requester hears:", res.N, res.Err) })

	m, _ := r.InputMemory()
	fmt.Printf("%s, %d reference\n", m.Bytes(), m.Refs())

	_ = m.Ref() // a mistake: who keeps it when the request is over?
	fmt.Println(r.Complete(ioreq.Result{N: 11}) != nil)
	m.Unref()
	fmt.Println(r.Complete(ioreq.Result{N: 11}))
	fmt.Println(m.Bytes() == nil, m.CopyOut(0, make([]byte, 3)))
	fmt.Println(d.Close())
	// Output:
	// six by nine, 1 reference
	// true
	// its requester hears: 11 <nil>
	// <nil>
	// true memory: copy out: object is deleted
	// <nil>
}

// The second: a request comes and is sent on, with the memory it came with. It
// is completed when its target is done, in the completion routine.
func Example_lifetime2Forward() {
	d, _ := lookaside.Open(lookaside.Config{Name: "lifetimes"})
	target := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	r, _ := ioreq.Receive(object.Config{Parent: d.Root()}, ioreq.Write, ioreq.Buffer([]byte("pass it on")))
	_ = r.Notify(func(res ioreq.Result) { fmt.Println("its requester hears:", res.N, res.Err) })

	m, _ := r.InputMemory()
	_ = r.Format(target, ioreq.Write, m, ioreq.Span{})
	fmt.Println(r.Send()) // a mistake: nobody would hear of its end
	r.OnComplete(func(r *ioreq.Request, res ioreq.Result) {
		fmt.Println("in the routine:", m.Refs(), "references")
		_ = r.Complete(res)
	})
	fmt.Println(r.Send())
	fmt.Println(r.Complete(ioreq.Result{})) // a mistake: the target has it
	target.Step()
	fmt.Println(d.Close())
	// Output:
	// ioreq: send: received request has no completion routine
	// <nil>
	// ioreq: complete: request is with its target
	// in the routine: 2 references
	// its requester hears: 10 <nil>
	// <nil>
}

// The third: a request of our own works on the memory of one that came. Ours
// has to let go before theirs can be completed.
func Example_lifetime3TheirMemory() {
	d, _ := lookaside.Open(lookaside.Config{Name: "lifetimes"})
	target := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true})
	theirs, _ := ioreq.Receive(object.Config{Parent: d.Root()}, ioreq.Write, ioreq.Buffer([]byte("borrowed bytes")))
	m, _ := theirs.InputMemory()

	ours, _ := d.NewRequest()
	_ = ours.Format(target, ioreq.Write, m, ioreq.Span{Off: 9})
	ours.OnComplete(func(ours *ioreq.Request, res ioreq.Result) {
		err := theirs.Complete(ioreq.Result{N: 14}) // a mistake: ours still holds the memory
		var misuse *ioreq.MisuseError
		fmt.Println(errors.As(err, &misuse), "refused:", misuse.Refs, "reference,", misuse.Holders[0].Kind, misuse.Holders[0].Name)
		fmt.Println(ours.Reuse(), theirs.Complete(ioreq.Result{N: 14}))
	})
	_ = ours.Send()
	fmt.Println(ours.State(), theirs.State())
	fmt.Println(d.Close())
	// Output:
	// true refused: 1 reference, request write
	// <nil> <nil>
	// reused deleted
	// <nil>
}

// The fourth: a request with new memory. An object that owns its bytes may be
// deleted at any time; bytes that it wraps are the caller's to keep.
func Example_lifetime4NewMemory() {
	d, _ := lookaside.Open(lookaside.Config{Name: "lifetimes"})
	target := ioreq.NewLoopback(ioreq.LoopbackConfig{Manual: true})
	live := func() int64 { return d.Allocator().Stats().Live }

	m, _ := d.NewMemory(64)
	r, _ := d.NewRequest()
	_ = r.Format(target, ioreq.Write, m, ioreq.Span{})
	_ = r.Send()
	_ = m.Delete()
	fmt.Println("deleted in flight:", m.Refs(), "reference,", live(), "block")
	target.Step()
	_ = r.Reuse()
	fmt.Println("after Reuse:", m.Refs(), "references,", live(), "blocks")

	bytes := []byte("mine")
	w, _ := memory.Wrap(bytes)
	_ = r.Format(target, ioreq.Write, w, ioreq.Span{})
	_ = r.Send()
	fmt.Println(w.Assign([]byte("others"))) // a mistake: bytes is not ours alone yet
	target.Step()
	_ = r.Reuse()
	fmt.Println(w.Assign([]byte("others")))
	_ = w.Delete()
	fmt.Println(d.Close())
	// Output:
	// deleted in flight: 1 reference, 1 block
	// after Reuse: 0 references, 0 blocks
	// memory: assign: 1 references besides the first: memory is in use
	// <nil>
	// <nil>
}

// The fifth: one request, round after round. It allocates nothing.
func Example_lifetime5Rounds() {
	d, _ := lookaside.Open(lookaside.Config{Name: "lifetimes"})
	target := ioreq.NewLoopback(ioreq.LoopbackConfig{Inline: true})
	r, _ := d.NewRequest()
	m, _ := d.NewMemory(16)
	rounds := 0
	routine := func(*ioreq.Request, ioreq.Result) { rounds++ }
	for range 3 {
		_ = r.Reuse() // lets go of the last round's memory, forgets the routine
		_ = r.Format(target, ioreq.Write, m, ioreq.Span{})
		r.OnComplete(routine)
		_ = r.Send()
	}
	fmt.Println(rounds, r.State(), m.Refs())
	fmt.Println(r.Send()) // a mistake: Reuse comes first
	_ = r.Reuse()
	_ = r.Format(target, ioreq.Write, m, ioreq.Span{})
	fmt.Println(r.Send(), rounds) // another: the routine belonged to its round
	fmt.Println("what it would have heard:", r.Result())
	fmt.Println(d.Close())
	// Output:
	// 3 completed 2
	// ioreq: send: request has completed and was not reused
	// <nil> 3
	// what it would have heard: {16 <nil>}
	// <nil>
}
