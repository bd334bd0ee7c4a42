package mdl_test

import (
	"fmt"
	"os"

	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// A header and part of a body are written as one, without copying them
// together.
func Example() {
	header, err := memory.Wrap([]byte("length=5\n"))
	if err != nil {
		panic(err)
	}
	body, err := memory.Wrap([]byte("...hello..."))
	if err != nil {
		panic(err)
	}
	list, err := mdl.Of(header)
	if err != nil {
		panic(err)
	}
	if err := list.Append(body, 3, 5); err != nil {
		panic(err)
	}
	// The list keeps both alive: we are done with them.
	if header.Delete() != nil || body.Delete() != nil {
		panic("delete")
	}
	if _, err := list.WriteTo(os.Stdout); err != nil {
		panic(err)
	}
	fmt.Println()
	fmt.Println(list.Len(), "bytes in", list.Segments(), "segments")
	list.Release()
	fmt.Println(header.Valid(), body.Valid())
	// Output:
	// length=5
	// hello
	// 14 bytes in 2 segments
	// false false
}

// After a short write, Advance by what was written.
func ExampleList_Advance() {
	list, err := mdl.Describe([]byte("0123456789"))
	if err != nil {
		panic(err)
	}
	defer list.Release()
	fmt.Println(list.Advance(4))
	for part := range list.All() {
		fmt.Printf("%s\n", part)
	}
	fmt.Println(list.Advance(7))
	// Output:
	// <nil>
	// 456789
	// mdl: advance: 7 bytes at offset 0 exceed 6: buffer too small
}
