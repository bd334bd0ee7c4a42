package netio_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/ioreq"
)

// A round allocates nothing: Reuse, Format, Send, Complete, for single blocks
// and for lists, with results at once and from the lane's goroutine.
func TestRoundsAllocateNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for name, c := range map[string]connect{"tcp": overTCP, "unix": overUnix} {
		t.Run(name, func(t *testing.T) {
			h := heap(t)
			ours, peer := c(t)
			a, b := stream(t, ours), stream(t, peer)
			src, dst := list(t, h, alphabetic, 3, 1), list(t, h, alphabetic, 5)
			m := block(t, h, alphabetic)
			w, r := request(t), request(t)
			done := make(chan error, 2)
			routine := func(_ *ioreq.Request, res ioreq.Result) { done <- res.Err }
			var failed error
			must := func(err error) {
				if err != nil {
					failed = err
				}
			}
			launch := func(r *ioreq.Request) {
				r.OnComplete(routine)
				must(r.Send())
			}
			round := func() {
				must(r.FormatList(b.Full(), ioreq.Read, dst)) // waits: nothing is there
				launch(r)
				must(w.FormatList(a, ioreq.Write, src))
				launch(w)
				must(<-done)
				must(<-done)
				must(w.Reuse())
				must(r.Reuse())
				must(w.Format(a, ioreq.Write, m, ioreq.Span{Off: 1}))
				launch(w)
				must(r.Format(b, ioreq.Read, m, ioreq.Span{Off: 1}))
				launch(r)
				must(<-done)
				must(<-done)
				must(w.Reuse())
				must(r.Reuse())
				_, err := ioreq.SendSync(context.Background(), a, ioreq.Write, ioreq.Scatter(src))
				must(err)
				_, err = ioreq.SendSync(context.Background(), b.Full(), ioreq.Read, ioreq.Memory(m, ioreq.Span{}))
				must(err)
			}
			for range 100 { // until everything has the room it needs
				round()
			}
			require.Zero(t, testing.AllocsPerRun(500, round))
			require.NoError(t, failed)
			src.Release()
			dst.Release()
			gone(t, m)
		})
	}
}
