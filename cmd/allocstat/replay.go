package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"

	"offheap.example/lookaside/bench/contender"
	"offheap.example/lookaside/bench/replay"
	"offheap.example/lookaside/bench/trace"
)

// sample is the trace that is built in.
//
//go:embed sample.alloctrace.gz
var sample []byte

const sampleName = "built-in sample"

// replayFlags are the flags of allocstat replay.
type replayFlags struct {
	contenders string
	runs       int
	verify     bool
	free       bool
	limit      size
	json       bool
	hold       bool
	holdStdin  bool
	quiet      bool
}

// document is what -json prints.
type document struct {
	Version     int              `json:"version"`
	Go          string           `json:"go"`
	OS          string           `json:"os"`
	Arch        string           `json:"arch"`
	CPUs        int              `json:"cpus"`
	Runs        int              `json:"runs"`
	Verify      bool             `json:"verify"`
	Verified    bool             `json:"verified"`
	Interrupted bool             `json:"interrupted"`
	Traces      []*replay.Report `json:"traces"`
}

// replay is the command of that name.
func (t *tool) replay(args []string) int {
	var o replayFlags
	f := flags("replay")
	f.StringVar(&o.contenders, "contender", "lookaside,goheap,syncpool", "")
	f.IntVar(&o.runs, "n", 5, "")
	f.BoolVar(&o.verify, "verify", true, "")
	f.BoolVar(&o.free, "free-running", false, "")
	f.Var(&o.limit, "limit", "")
	f.BoolVar(&o.json, "json", false, "")
	f.BoolVar(&o.hold, "hold", false, "")
	f.BoolVar(&o.holdStdin, "hold-stdin", false, "")
	f.BoolVar(&o.quiet, "q", false, "")
	files, stop, status := t.parse(f, args)
	if stop {
		return status
	}
	if o.runs < 1 || o.runs > 1000 {
		return t.fail(exitUsage, fmt.Errorf("replay: -n %d: must be 1 to 1000", o.runs))
	}
	specs, err := contender.Select(o.contenders)
	if err != nil {
		return t.fail(exitUsage, fmt.Errorf("replay: -contender: %w", err))
	}
	traces, err := o.open(files)
	if err != nil {
		return t.fail(exitUsage, err)
	}
	return t.replayAll(&o, specs, traces)
}

// open reads all traces before the first is replayed, so that bad input is told
// at once and not behind tables.
func (o *replayFlags) open(files []string) ([]*trace.Trace, error) {
	limit := int64(o.limit)
	if limit == 0 {
		limit = memory() / 2
	}
	bounds := trace.Options{MaxSize: limit, MaxLive: limit}
	if len(files) == 0 {
		s, err := trace.Parse(bytes.NewReader(sample), sampleName, bounds)
		return []*trace.Trace{s}, err
	}
	var out []*trace.Trace
	for _, name := range files {
		one, err := trace.Open(name, bounds)
		if err != nil {
			for _, x := range out {
				err = errors.Join(err, x.Close())
			}
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// replayAll replays the traces one after the other and prints what it finds.
func (t *tool) replayAll(o *replayFlags, specs []contender.Spec, traces []*trace.Trace) int {
	doc := document{
		Version: 1, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0),
		Runs: o.runs, Verify: o.verify, Verified: o.verify, Traces: []*replay.Report{},
	}
	failed := false
	for _, one := range traces {
		bar := t.newBar(o, one.Name)
		r, err := replay.Run(t.ctx, one, replay.Options{
			Contenders: specs, Runs: o.runs, Verify: o.verify, FreeRunning: o.free, Progress: bar.show,
		})
		bar.clear()
		if err != nil {
			return t.fail(exitFailed, fmt.Errorf("%s: %w", one.Name, err))
		}
		doc.add(r)
		failed = failed || r.Failed()
		if !o.json {
			printReport(t.stdout, r, o.verify)
		}
		t.tellFailures(r)
		if r.Interrupted {
			break
		}
	}
	if o.json {
		e := json.NewEncoder(t.stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(doc); err != nil {
			return t.fail(exitFailed, err)
		}
	}
	status := exitOK
	switch {
	case failed:
		status = exitFailed
	case doc.Interrupted:
		fmt.Fprintln(t.stderr, "allocstat: interrupted")
		status = exitInterrupted
	case o.hold || o.holdStdin:
		status = t.hold(o, traces)
	}
	for _, one := range traces {
		if err := one.Close(); err != nil && status == exitOK {
			status = t.fail(exitFailed, err)
		}
	}
	return status
}

// add takes one report in.
func (d *document) add(r *replay.Report) {
	d.Traces = append(d.Traces, r)
	d.Interrupted = d.Interrupted || r.Interrupted
	for _, x := range r.Results {
		d.Verified = d.Verified && x.Verified
	}
}

// tellFailures names every failure on standard error.
func (t *tool) tellFailures(r *replay.Report) {
	for _, x := range r.Results {
		for _, f := range x.Failures {
			fmt.Fprintf(t.stderr, "allocstat: %s: %s: %s\n", r.Trace, x.Contender, f)
		}
	}
}
