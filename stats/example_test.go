package stats_test

import (
	"fmt"
	"os"

	"offheap.example/lookaside/stats"
)

// Every arena of a process, and what its lists have out.
func Example() {
	sources, err := stats.Find(os.Getpid())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, src := range sources {
		r, err := stats.Attach(src)
		if err != nil {
			continue // gone meanwhile
		}
		if s, err := r.Snapshot(); err == nil {
			for _, l := range s.Lists {
				fmt.Println(s.Arena.Name, l.Kind, l.Name, l.Live, l.Parked)
			}
		}
		r.Close()
	}
}
