package memory_test

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// A device that still reads the buffer holds a reference: deleting the object
// does not take the bytes away from it.
func Example() {
	src, err := arena.Open(arena.Config{})
	if err != nil {
		panic(err)
	}
	defer src.Close()
	list, err := slab.New(src, slab.Config{Name: "packets", Size: 2048})
	if err != nil {
		panic(err)
	}
	defer list.Close()

	packet, err := memory.FromLookaside(list)
	if err != nil {
		panic(err)
	}
	if err := packet.CopyIn(0, []byte("hello")); err != nil {
		panic(err)
	}

	// The device takes a reference, and we are done with the packet.
	if err := packet.Ref(); err != nil {
		panic(err)
	}
	fmt.Println("delete:", packet.Delete(), "- blocks out:", list.Stats().Live)

	// The device finishes.
	fmt.Printf("device reads %q\n", packet.Bytes()[:5])
	packet.Unref()
	fmt.Println("blocks out:", list.Stats().Live)
	fmt.Println(packet.CopyIn(0, []byte("too late")))
	// Output:
	// delete: <nil> - blocks out: 1
	// device reads "hello"
	// blocks out: 0
	// memory: copy in: object is deleted
}

// Copies are all or nothing, and say what did not fit.
func ExampleObject_CopyIn() {
	m, err := memory.Wrap(make([]byte, 16))
	if err != nil {
		panic(err)
	}
	defer m.Delete()
	err = m.CopyIn(10, []byte("7 bytes"))
	fmt.Println(err)
	var bounds *memory.BoundsError
	if errors.As(err, &bounds) {
		fmt.Println("missing:", bounds.Off+bounds.Len-bounds.Cap)
	}
	fmt.Println(m.Bytes()[10])
	// Output:
	// memory: copy in: 7 bytes at offset 10 exceed 16: invalid buffer size
	// missing: 1
	// 0
}

// Contexts and callbacks come as options.
func ExampleWithContext() {
	type packet struct{ from string }
	m, err := memory.Wrap(make([]byte, 64),
		memory.WithContext(&packet{from: "client 7"}),
		memory.WithCleanup(func(o object.Object) {
			p, _ := object.Context[packet](o)
			fmt.Println("cleaning up after", p.from)
		}),
	)
	if err != nil {
		panic(err)
	}
	fmt.Println(m.Delete())
	// Output:
	// cleaning up after client 7
	// <nil>
}
