package replay_test

import (
	"context"
	"fmt"
	"strings"

	"offheap.example/lookaside/bench/contender"
	"offheap.example/lookaside/bench/replay"
	"offheap.example/lookaside/bench/trace"
)

func ExampleRun() {
	t, err := trace.Parse(strings.NewReader("# alloctrace v1\na 100\nz 50\nr 1 300\nf 0\n"), "example", trace.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer t.Close()
	r, err := replay.Run(context.Background(), t, replay.Options{Contenders: contender.All(), Runs: 3, Verify: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Ops, "operations,", r.PeakLive, "bytes at the peak")
	for _, x := range r.Results {
		fmt.Println(x.Contender, x.Verified, len(x.Runs))
	}
	// Output:
	// 4 operations, 350 bytes at the peak
	// lookaside true 3
	// goheap true 3
	// syncpool true 3
}
