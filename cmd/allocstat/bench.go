package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"offheap.example/lookaside/bench/record"
	"offheap.example/lookaside/bench/work"
	"offheap.example/lookaside/bench/work/loops"
)

const helpBench = `allocstat bench [flags]

Compares lookaside with other allocators: every workload on every contender, a process for each shot, taking
turns. Ratios are lookaside's need by the rival's in the same round, medians, with the smallest and largest.

  -work LIST     workloads or groups of them, with wildcards (*): micro,parallel,stress,latency,memory,collector,trace
  -against LIST  rivals, with wildcards (*): goheap, syncpool, modernc, mcache, …, cgo-mimalloc, c-glibc, c-mimalloc, …
  -n N           rounds (5; 3 with -quick)
  -quick         short shots: all of it in about two minutes
  -trace FILE    a trace to replay instead of the built-in sample; may be given several times
  -json FILE     write the record as JSON; - is standard output, instead of tables
  -html FILE     write it as a page to look at
  -out DIR       write both below DIR, named by processor and day
  -rivals DIR    where the module of the Go rivals lies (bench/rivals of the checkout around the current folder)
  -in-process    run lookaside, goheap and syncpool in this process, one after the other, for a profiler or debugger
  -list          print workloads and contenders

What cannot be measured is listed with what to install; that is no failure. Exit status: 0, or 1 when lookaside
failed a workload, 2 bad usage, 130 interrupted.
`

// benchFlags are the flags of allocstat bench.
type benchFlags struct {
	work, against   string
	rounds          int
	quick           bool
	traces          listFlag
	json, html, out string
	rivals          string
	inProcess, list bool
	tiny            bool // for tests
}

// listFlag is a flag that may be given several times.
type listFlag []string

// String joins what was given.
func (l *listFlag) String() string { return strings.Join(*l, ",") }

// Set takes one more.
func (l *listFlag) Set(text string) error {
	*l = append(*l, text)
	return nil
}

// benchCommand is allocstat bench. It returns the exit status.
func benchCommand(args []string, stdout, stderr io.Writer) int {
	if len(args) >= 2 && args[0] == "-shot" {
		return oneShot(args[1], strings.Join(args[2:], " "), stdout)
	}
	o, err := parseBench(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, helpBench)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "allocstat: bench: %v\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{ctx: ctx, o: o, stdout: stdout, stderr: stderr}
	status, err := b.run()
	if err != nil {
		fmt.Fprintf(stderr, "allocstat: bench: %v\n", err)
	}
	return status
}

// oneShot is what a child process does.
func oneShot(name, line string, stdout io.Writer) int {
	s, err := work.ParseSpec(line)
	var out work.Outcome
	if err == nil {
		out, err = loops.Run(name, s)
	}
	if err == nil {
		_, err = out.WriteTo(stdout)
	}
	if err != nil {
		fmt.Fprintf(stdout, "error %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		return exitFailed
	}
	return exitOK
}

func parseBench(args []string) (*benchFlags, error) {
	o := new(benchFlags)
	f := flags("bench")
	f.StringVar(&o.work, "work", "*", "")
	f.StringVar(&o.against, "against", "*", "")
	f.IntVar(&o.rounds, "n", 0, "")
	f.BoolVar(&o.quick, "quick", false, "")
	f.BoolVar(&o.tiny, "tiny", false, "")
	f.Var(&o.traces, "trace", "")
	f.StringVar(&o.json, "json", "", "")
	f.StringVar(&o.html, "html", "", "")
	f.StringVar(&o.out, "out", "", "")
	f.StringVar(&o.rivals, "rivals", "", "")
	f.BoolVar(&o.inProcess, "in-process", false, "")
	f.BoolVar(&o.list, "list", false, "")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag, and there are no arguments", f.Arg(0))
	}
	given := false
	f.Visit(func(x *flag.Flag) { given = given || x.Name == "n" })
	switch {
	case given && (o.rounds < 1 || o.rounds > 1000):
		return nil, fmt.Errorf("-n %d: must be 1 to 1000", o.rounds)
	case !given && o.quick:
		o.rounds = 3
	case !given:
		o.rounds = 5
	}
	return o, o.checkTraces()
}

func (o *benchFlags) scale() (work.Scale, string) {
	switch {
	case o.tiny:
		return work.Tiny, "tiny"
	case o.quick:
		return work.Quick, "quick"
	}
	return work.Full, "full"
}

// bench is a comparison under way.
type bench struct {
	ctx            context.Context
	o              *benchFlags
	stdout, stderr io.Writer
	scratch        string // for the events of traces
	rec            record.Record
	fighters       []*fighter
	specs          []work.Spec
	failed         bool // lookaside failed
}

func (b *bench) run() (int, error) {
	if err := b.choose(); err != nil {
		return exitUsage, err
	}
	if b.o.list {
		b.printList()
		return exitOK, nil
	}
	defer func() {
		if b.scratch != "" {
			os.RemoveAll(b.scratch)
		}
	}()
	if err := b.prepareTraces(); err != nil {
		return exitUsage, err
	}
	b.prepare()
	_, scale := b.o.scale()
	b.rec = record.Record{
		Version: record.Version, Date: time.Now().UTC().Truncate(time.Second), Machine: record.ThisMachine(),
		Go: runtime.Version(), Commit: commit(), Scale: scale, Rounds: b.o.rounds, Contenders: b.contenders(),
	}
	b.printHead()
	for _, s := range b.specs {
		if b.ctx.Err() != nil {
			break
		}
		b.measure(s)
	}
	b.rec.Interrupted = b.ctx.Err() != nil
	b.printTail()
	if err := b.write(); err != nil {
		return exitFailed, err
	}
	switch {
	case b.rec.Interrupted:
		return exitInterrupted, errors.New("interrupted")
	case b.failed:
		return exitFailed, nil
	}
	return exitOK, nil
}

// measure makes all shots of one workload.
func (b *bench) measure(s work.Spec) {
	w := record.Work{Spec: s}
	var taking []*fighter
	for _, f := range b.fighters {
		if f.shot != nil && b.suits(f, s) {
			taking = append(taking, f)
			w.Results = append(w.Results, record.Result{Contender: f.info.Name})
		}
	}
	for round := range b.o.rounds {
		for i := range taking {
			if round%2 == 1 { // A B C, then C B A: what warms up or tires does so for all
				i = len(taking) - 1 - i
			}
			r := &w.Results[i]
			if r.Failed != "" || b.ctx.Err() != nil {
				continue
			}
			b.progress("%s: round %d of %d: %s", s.Name, round+1, b.o.rounds, r.Contender)
			o, err := taking[i].fire(b.ctx, s)
			switch {
			case b.ctx.Err() != nil: // the shot was cut off
			case err != nil:
				r.Failed = err.Error()
				fmt.Fprintf(b.stderr, "allocstat: bench: %s on %s: %v\n", s.Name, r.Contender, err)
				b.failed = b.failed || r.Contender == record.Self
			default:
				r.Add(&o)
			}
		}
	}
	b.progress("")
	b.rec.Works = append(b.rec.Works, w)
	b.printWork(&b.rec.Works[len(b.rec.Works)-1])
}

// suits tells whether a contender takes part in a workload. There is nothing to
// collect in C; and in short comparisons the many live blocks of the collector's
// workloads are made for the module's own contenders alone.
func (b *bench) suits(f *fighter, s work.Spec) bool {
	return !s.GoOnly || f.info.Language != "c" && (f.tag == "" || !b.o.quick)
}

// shotLimit is how long a shot may take at the most.
const shotLimit = 10 * time.Minute

// fire makes one shot.
func (f *fighter) fire(ctx context.Context, s work.Spec) (work.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, shotLimit)
	defer cancel()
	o, err := f.shot(ctx, s)
	if err == nil && o.Allocs != o.Frees {
		return o, fmt.Errorf("%d blocks were allocated and %d freed", o.Allocs, o.Frees)
	}
	return o, err
}

// write writes the files that were asked for.
func (b *bench) write() error {
	if b.o.json == "-" {
		if err := b.rec.Write(b.stdout); err != nil {
			return err
		}
	}
	files := map[string]func(io.Writer) error{}
	if b.o.json != "" && b.o.json != "-" {
		files[b.o.json] = b.rec.Write
	}
	if b.o.html != "" {
		files[b.o.html] = b.rec.WriteHTML
	}
	if b.o.out != "" {
		files[filepath.Join(b.o.out, b.rec.Path()+".json")] = b.rec.Write
		files[filepath.Join(b.o.out, b.rec.Path()+".html")] = b.rec.WriteHTML
	}
	for name, write := range files {
		if err := writeFile(name, write); err != nil {
			return err
		}
		fmt.Fprintf(b.stderr, "allocstat: bench: wrote %s\n", name)
	}
	return nil
}

func writeFile(name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// progress shows one line on a terminal; an empty one takes it away.
func (b *bench) progress(format string, args ...any) {
	f, ok := b.stderr.(*os.File)
	if !ok {
		return
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return
	}
	fmt.Fprintf(f, "\r\x1b[K"+format, args...)
}
