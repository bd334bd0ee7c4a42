package object_test

import (
	"fmt"

	"offheap.example/lookaside/object"
)

// A connection and its streams: deleting the connection deletes the streams
// first, and a reference on one of them delays nothing but its destruction.
func Example() {
	create := func(name string, parent object.Object) object.Object {
		o, err := object.New(object.Config{
			Kind:    name,
			Parent:  parent,
			Cleanup: func(object.Object) { fmt.Println("cleanup", name) },
			Destroy: func(object.Object) { fmt.Println("destroy", name) },
		})
		if err != nil {
			panic(err)
		}
		return o
	}
	conn := create("conn", object.Object{})
	busy := create("busy stream", conn)
	create("idle stream", conn)

	busy.TryRef() // somebody is still at work
	if err := conn.Delete(); err != nil {
		panic(err)
	}
	fmt.Println("busy stream is", busy.State())
	busy.Unref()
	fmt.Println(busy.Ref())
	// Output:
	// cleanup busy stream
	// cleanup idle stream
	// cleanup conn
	// destroy idle stream
	// destroy conn
	// busy stream is closed
	// destroy busy stream
	// object: ref: object is deleted
}

// Contexts are found by their type.
func ExampleContext() {
	type counters struct{ packets int }
	o, err := object.New(object.Config{Context: &counters{}})
	if err != nil {
		panic(err)
	}
	defer o.Delete()
	if c, ok := object.Context[counters](o); ok {
		c.packets++
	}
	c, _ := object.Context[counters](o)
	fmt.Println(c.packets)
	_, ok := object.Context[string](o)
	fmt.Println(ok)
	// Output:
	// 1
	// false
}
