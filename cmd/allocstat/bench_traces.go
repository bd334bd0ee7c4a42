package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"offheap.example/lookaside/bench/trace"
	"offheap.example/lookaside/bench/work"
)

// traceFiles are the traces to replay: those of the flag, or the built-in
// sample, whose name is empty.
func (b *bench) traceFiles() []string {
	if len(b.o.traces) > 0 {
		return b.o.traces
	}
	return []string{""}
}

// traceName is the file's name without folder and extensions.
func traceName(file string) string {
	if file == "" {
		return "sample"
	}
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	return name
}

// prepareTraces writes the events of every trace that is to be replayed in the
// form that all contenders read, once for both of its workloads.
func (b *bench) prepareTraces() error {
	written := map[string]string{} // by trace
	for i := range b.specs {
		s := &b.specs[i]
		if s.Kind != "trace" {
			continue
		}
		file, ok := written[s.File]
		if !ok {
			var err error
			if file, err = b.writeEvents(s.File, len(written)); err != nil {
				return err
			}
			written[s.File] = file
		}
		s.File = file
	}
	return nil
}

func (b *bench) writeEvents(name string, number int) (string, error) {
	if b.scratch == "" {
		var err error
		if b.scratch, err = os.MkdirTemp("", "lookaside-bench"); err != nil {
			return "", err
		}
	}
	b.progress("reading the trace %s", traceName(name))
	limit := memory() / 4
	bounds := trace.Options{MaxSize: min(limit, 1<<32-1), MaxLive: limit}
	var t *trace.Trace
	var err error
	if name == "" {
		t, err = trace.Parse(bytes.NewReader(sample), sampleName, bounds)
	} else {
		t, err = trace.Open(name, bounds)
	}
	if err != nil {
		return "", err
	}
	file := filepath.Join(b.scratch, fmt.Sprintf("%d.events", number))
	return file, errors.Join(work.WriteEvents(file, t), t.Close())
}

// checkTraces refuses two traces of one name, whose workloads could not be told
// apart.
func (o *benchFlags) checkTraces() error {
	var names []string
	for _, file := range o.traces {
		name := traceName(file)
		if slices.Contains(names, name) {
			return fmt.Errorf("-trace: two traces are named %s", name)
		}
		names = append(names, name)
	}
	return nil
}
