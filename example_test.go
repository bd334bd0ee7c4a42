package lookaside_test

import (
	"fmt"

	"offheap.example/lookaside"
	"offheap.example/lookaside/mdl"
)

func Example() {
	d, err := lookaside.Open(lookaside.Config{Name: "app"})
	if err != nil {
		panic(err)
	}
	b, _ := d.Alloc(100) // 100 bytes outside the Go heap
	copy(b, "hello")
	d.Free(b) // checked: a second Free panics with *slab.MisuseError

	m, _ := d.NewMemory(16) // a counted object, bounds-checked
	_ = m.CopyIn(0, []byte("header: "))
	fmt.Println(m.CopyIn(12, []byte("too long")))

	body, _ := d.NewMemory(8)
	_ = body.CopyIn(0, []byte("payload."))
	list, _ := mdl.Of(m) // scattered memory as one list
	_ = list.Append(body, 0, 7)
	fmt.Println(list.Len(), list.Segments())
	list.Release()

	fmt.Println(d.Close()) // deletes what is left, and says what leaked
	// Output:
	// memory: copy in: 8 bytes at offset 12 exceed 16: invalid buffer size
	// 23 2
	// <nil>
}
