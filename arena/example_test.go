package arena_test

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/arena"
)

func Example() {
	a, err := arena.Open(arena.Config{Name: "example", Limit: 1 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = a.Close() }()

	run, err := a.Acquire(2)
	if err != nil {
		fmt.Println(err)
		return
	}
	b := run.Bytes()
	fmt.Println(len(b) == 2*a.PageSize(), b[0])
	copy(b, "off the heap")

	place, ok := a.Locate(b[4:])
	fmt.Println(ok, place.State, place.Offset, place.RunPages)

	a.Release(run)
	_, err = a.Acquire(1 + 1<<20/a.PageSize())
	fmt.Println(errors.Is(err, arena.ErrLimit))
	// Output:
	// true 0
	// true used 4 2
	// true
}

// Released pages stay resident until they are purged.
func ExampleArena_Purge() {
	a, err := arena.Open(arena.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = a.Close() }()
	run, err := a.Acquire(16)
	if err != nil {
		fmt.Println(err)
		return
	}
	a.Release(run)
	page := int64(a.PageSize())
	fmt.Println(a.Stats().Committed/page, a.Purge(4*page)/page, a.Stats().Committed/page)
	// Output: 16 12 4
}

// Giving the same run back twice is a mistake that is always found.
func ExampleMisuseError() {
	a, err := arena.Open(arena.Config{Name: "rx"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = a.Close() }()
	run, err := a.Acquire(1)
	if err != nil {
		fmt.Println(err)
		return
	}
	a.Release(run)
	defer func() {
		var misuse *arena.MisuseError
		if e, ok := recover().(error); ok && errors.As(e, &misuse) {
			fmt.Println(misuse.Op, misuse.Kind)
		}
	}()
	a.Release(run)
	// Output: release the run is not in use
}
