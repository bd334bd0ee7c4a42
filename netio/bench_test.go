package netio_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// sink reads everything that comes from a connection.
func sink(c net.Conn) {
	b := make([]byte, 1<<20)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
	}
}

// One write after the other, each waited for. What Stream adds to a Write of
// package net is a request: its reference, its state, its routine. Over
// loopback the figures of small writes differ by more: the slower writer finds
// the reader asleep, and its system call wakes it.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{64, 4 << 10, 64 << 10} {
		m, err := memory.Wrap(make([]byte, size))
		if err != nil {
			b.Fatal(err)
		}
		run := func(impl string, write func(c net.Conn) func() error) {
			b.Run(fmt.Sprintf("impl=%s/size=%d", impl, size), func(b *testing.B) {
				ours, peer := overTCP(b)
				go sink(peer)
				f := write(ours)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("conn", func(c net.Conn) func() error {
			return func() error { _, err := c.Write(m.Bytes()); return err }
		})
		run("stream", func(c net.Conn) func() error {
			s, r := stream(b, c), request(b)
			var end error
			done := func(_ *ioreq.Request, res ioreq.Result) { end = res.Err }
			return func() error {
				_ = r.Reuse()
				if err := r.Format(s, ioreq.Write, m, ioreq.Span{}); err != nil {
					return err
				}
				r.OnComplete(done)
				if err := r.Send(); err != nil {
					return err
				}
				s.Wait()
				return end
			}
		})
		run("sync", func(c net.Conn) func() error {
			s := stream(b, c)
			return func() error {
				_, err := ioreq.SendSync(context.Background(), s, ioreq.Write, ioreq.Memory(m, ioreq.Span{}))
				return err
			}
		})
	}
}

// Pages that are not adjacent, written as one.
func BenchmarkWriteList(b *testing.B) {
	const page = 4096
	for _, pages := range []int{4, 64, 256} {
		l := mdl.New()
		m, err := memory.Wrap(make([]byte, 2*page*pages))
		if err != nil {
			b.Fatal(err)
		}
		for i := range pages {
			if err := l.Append(m, 2*page*i, page); err != nil {
				b.Fatal(err)
			}
		}
		run := func(impl string, write func(c net.Conn) func() error) {
			b.Run(fmt.Sprintf("impl=%s/pages=%d", impl, pages), func(b *testing.B) {
				ours, peer := overTCP(b)
				go sink(peer)
				f := write(ours)
				b.SetBytes(int64(page * pages))
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("buffers", func(c net.Conn) func() error {
			return func() error {
				v := l.Buffers()
				_, err := v.WriteTo(c)
				return err
			}
		})
		run("writeto", func(c net.Conn) func() error {
			return func() error { _, err := l.WriteTo(c); return err }
		})
		run("sync", func(c net.Conn) func() error {
			s := stream(b, c)
			return func() error {
				_, err := ioreq.SendSync(context.Background(), s, ioreq.Write, ioreq.Scatter(l))
				return err
			}
		})
	}
}

// A byte there and back.
func BenchmarkEcho(b *testing.B) {
	b.Run("impl=conn", func(b *testing.B) {
		ours, peer := overTCP(b)
		go func() { _, _ = io.Copy(peer, peer) }()
		one := make([]byte, 64)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ours.Write(one); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(ours, one); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("impl=stream", func(b *testing.B) {
		ours, peer := overTCP(b)
		go func() { _, _ = io.Copy(peer, peer) }()
		s := stream(b, ours)
		m, err := memory.Wrap(make([]byte, 64))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ioreq.SendSync(context.Background(), s, ioreq.Write, ioreq.Memory(m, ioreq.Span{})); err != nil {
				b.Fatal(err)
			}
			if _, err := ioreq.SendSync(context.Background(), s.Full(), ioreq.Read, ioreq.Memory(m, ioreq.Span{})); err != nil {
				b.Fatal(err)
			}
		}
	})
}
