package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"offheap.example/lookaside/bench/contender"
	"offheap.example/lookaside/bench/replay"
	"offheap.example/lookaside/bench/trace"
)

// hold replays the last trace once more on lookaside and keeps what is live.
func (t *tool) hold(o *replayFlags, traces []*trace.Trace) int {
	last := traces[len(traces)-1]
	h, err := replay.Hold(t.ctx, last, contender.Spec{Name: "lookaside", Open: contender.OpenLookaside})
	if err != nil {
		if t.ctx.Err() != nil {
			return exitInterrupted
		}
		return t.fail(exitFailed, err)
	}
	for _, one := range traces { // so that only the contender's arena is there to look at
		err = errors.Join(err, one.Close())
	}
	blocks, bytes := h.Live()
	until := "Ctrl-C"
	if o.holdStdin {
		until = "the end of standard input"
	}
	fmt.Fprintf(t.stderr, "allocstat: holding %d blocks (%s) until %s; process %d; look with: allocstat snapshot %d\n",
		blocks, bytesText(bytes), until, os.Getpid(), os.Getpid())
	t.linger(o.holdStdin)
	if err := errors.Join(err, h.Release()); err != nil {
		return t.fail(exitFailed, fmt.Errorf("hold: %w", err))
	}
	return exitOK
}

// linger waits for Ctrl-C or, if asked to, for the end of standard input.
func (t *tool) linger(stdin bool) {
	ended := make(chan struct{})
	if stdin {
		go func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, t.stdin) // an error ends the input as well
		}()
	}
	select {
	case <-t.ctx.Done():
	case <-ended:
	}
}
