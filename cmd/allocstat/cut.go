package main

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"offheap.example/lookaside/bench/trace"
)

// cut is the command of that name.
func (t *tool) cut(args []string) int {
	f := flags("cut")
	from := f.Int64("from", 0, "")
	ops := f.Int64("ops", math.MaxInt64, "")
	files, stop, status := t.parse(f, args)
	switch {
	case stop:
		return status
	case len(files) != 1:
		return t.fail(exitUsage, fmt.Errorf("cut: %d files: must be one", len(files)))
	case *from < 0 || *ops < 1:
		return t.fail(exitUsage, fmt.Errorf("cut: -from %d -ops %d: must be at least 0 and 1", *from, *ops))
	}
	in, err := trace.Open(files[0], trace.Options{})
	if err != nil {
		return t.fail(exitUsage, err)
	}
	to := in.Totals.Ops()
	if *ops < to-*from {
		to = *from + *ops
	}
	comments := append(in.Comments, fmt.Sprintf("cut: operations %d to %d of %s, without those on older blocks",
		*from, to, filepath.Base(files[0])))
	w := bufio.NewWriter(t.stdout)
	if err := errors.Join(in.Cut(w, *from, to, comments...), w.Flush(), in.Close()); err != nil {
		return t.fail(exitFailed, err)
	}
	return exitOK
}
