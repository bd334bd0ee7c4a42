package slab_test

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/slab"
)

func open() (*arena.Arena, *slab.Allocator) {
	src, err := arena.Open(arena.Config{})
	if err != nil {
		panic(err)
	}
	a, err := slab.NewAllocator(src, slab.AllocatorConfig{Name: "app"})
	if err != nil {
		panic(err)
	}
	return src, a
}

func ExampleAllocator() {
	src, a := open()
	defer src.Close()
	b, err := a.Alloc(100)
	if err != nil {
		panic(err)
	}
	copy(b, "not on the Go heap")
	fmt.Println(len(b), cap(b))
	a.Free(b)
	fmt.Println(a.Close())
	// Output:
	// 100 104
	// <nil>
}

func ExampleMisuseError() {
	src, a := open()
	defer src.Close()
	b, _ := a.Alloc(64)
	a.Free(b)
	func() {
		defer func() {
			var e *slab.MisuseError
			if err, ok := recover().(error); ok && errors.As(err, &e) {
				fmt.Println(e.Op, e.Kind, e.List)
			}
		}()
		a.Free(b)
	}()
	// Output: free double free app
}

func ExampleLookaside() {
	src, _ := open()
	defer src.Close()
	packets, err := slab.New(src, slab.Config{Name: "packets", Tag: slab.Tag{'n', 'e', 't'}, Size: 2048})
	if err != nil {
		panic(err)
	}
	b, _ := packets.Get()
	fmt.Println(len(b), cap(b), packets.Stats().Live)
	err = packets.Close()
	fmt.Println(err)
	// Output:
	// 2048 2048 1
	// slab: close lookaside "packets": 1 blocks (2048 bytes) are still out: packets tag "net" 1 (2048 bytes)
}

func ExampleAllocator_Tagged() {
	src, a := open()
	defer src.Close()
	rx := a.Tagged(slab.Tag{'r', 'x'})
	b, _ := rx.Alloc(1000)
	for _, s := range a.Stats().Tags {
		fmt.Println(s.Tag, s.Live, s.LiveBytes)
	}
	rx.Free(b)
	// Output: rx 1 1024
}

func ExampleAllocator_NewLocal() {
	src, a := open()
	defer src.Close()
	c := a.NewLocal() // for this goroutine alone
	defer c.Close()
	b, _ := c.Alloc(64)
	a.Free(b) // by anybody
	fmt.Println(a.Stats().Live)
	// Output: 0
}

func ExampleNewTyped() {
	src, _ := open()
	defer src.Close()
	type point struct{ X, Y float64 }
	points, err := slab.NewTyped[point](src, slab.Config{})
	if err != nil {
		panic(err)
	}
	p, _ := points.New()
	p.X = 3
	fmt.Println(*p)
	points.Free(p)
	_, err = slab.NewTyped[string](src, slab.Config{})
	fmt.Println(err)
	// Output:
	// {3 0}
	// slab: new typed: string holds a Go pointer, which the collector would not see: invalid argument
}
