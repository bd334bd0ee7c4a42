package contender_test

import (
	"fmt"

	"offheap.example/lookaside/bench/contender"
)

func ExampleSelect() {
	specs, err := contender.Select("syncpool,goheap")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range specs {
		c, err := s.Open()
		if err != nil {
			fmt.Println(err)
			return
		}
		b, _ := c.Alloc(100)
		fmt.Println(s.Name, len(b), cap(b))
		c.Free(b)
		if err := c.Close(); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// syncpool 100 128
	// goheap 100 100
}
