package netio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/netio"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// echo sends back what comes, from the memory in which it landed. One request
// goes round and round; when the peer is done it ends the Stream.
type echo struct {
	s    *netio.Stream
	r    *ioreq.Request
	m    memory.Object
	over chan error
}

func (e *echo) next(op ioreq.Op, s ioreq.Span) {
	err := e.r.Reuse()
	if err == nil {
		err = e.r.Format(e.s, op, e.m, s)
	}
	if err == nil {
		e.r.OnComplete(e.done)
		err = e.r.Send()
	}
	if err != nil {
		e.over <- err
	}
}

func (e *echo) done(r *ioreq.Request, res ioreq.Result) {
	switch {
	case res.Err == io.EOF:
		e.over <- errors.Join(r.Delete(), e.m.Delete(), e.s.Close())
	case res.Err != nil:
		e.over <- res.Err
	case r.Op() == ioreq.Read:
		e.next(ioreq.Write, ioreq.Span{Len: res.N})
	default:
		e.next(ioreq.Read, ioreq.Span{})
	}
}

// A TCP echo server and its client, without a copy in the program: what the
// kernel brings lands in off-heap memory, and is written from there.
func ExampleStream() {
	src, _ := arena.Open(arena.Config{Name: "echo"})
	blocks, _ := slab.New(src, slab.Config{Name: "packets", Size: 2048})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}

	// The server.
	over := make(chan error)
	go func() {
		c, err := l.Accept()
		if err != nil {
			over <- err
			return
		}
		e := &echo{over: over}
		e.s, _ = netio.NewStream(c)
		e.m, _ = memory.FromLookaside(blocks)
		e.r, _ = ioreq.New(object.Config{})
		e.next(ioreq.Read, ioreq.Span{})
	}()

	// The client.
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	s, _ := netio.NewStream(c)
	n, err := ioreq.SendSync(context.Background(), s, ioreq.Write, ioreq.Buffer([]byte("there and back")))
	fmt.Println("written:", n, err)
	back := make([]byte, 14)
	n, err = ioreq.SendSync(context.Background(), s.Full(), ioreq.Read, ioreq.Buffer(back))
	fmt.Printf("read: %d %v %q\n", n, err, back)
	_ = s.Close()

	fmt.Println(<-over, blocks.Stats().Live)
	// Output:
	// written: 14 <nil>
	// read: 14 <nil> "there and back"
	// <nil> 0
}

// A header and a payload that lie in different places are one write.
func ExampleStream_list() {
	ours, peer := net.Pipe()
	s, _ := netio.NewStream(ours)
	header, _ := memory.Wrap([]byte("length 5\n"))
	payload, _ := memory.Wrap([]byte("hello"))
	l, _ := mdl.Of(header)
	_ = l.Append(payload, 0, 5)

	r, _ := ioreq.New(object.Config{})
	_ = r.FormatList(s, ioreq.Write, l)
	l.Release() // the request has references of its own
	done := make(chan ioreq.Result, 1)
	r.OnComplete(func(r *ioreq.Request, res ioreq.Result) { done <- res })
	_ = r.Send()
	got := make([]byte, 14)
	_, _ = io.ReadFull(peer, got)
	fmt.Printf("%q %v\n", got, <-done)
	fmt.Println("references while the request is not reused:", payload.Refs())
	_ = r.Reuse()
	fmt.Println("and after:", payload.Refs())
	// Output:
	// "length 5\nhello" {14 <nil>}
	// references while the request is not reused: 2
	// and after: 1
}

// What a peer's silence looks like, and what it costs to stop waiting for it.
func ExampleStream_Cancel() {
	ours, _ := net.Pipe()
	s, _ := netio.NewStream(ours)
	ctx, cancel := context.WithCancel(context.Background())
	go cancel()
	n, err := ioreq.SendSync(ctx, s, ioreq.Read, ioreq.Buffer(make([]byte, 100)))
	fmt.Println(n, err)
	// Output:
	// 0 ioreq: send sync: request was cancelled: context canceled
}
