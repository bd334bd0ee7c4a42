package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// tool is the command's surroundings.
type tool struct {
	ctx    context.Context
	stdin  *os.File
	stdout io.Writer
	stderr *os.File
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	t := &tool{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(t.run(os.Args[1:]))
}

// errUsage is wrapped by errors that end with exit status 2 and a pointer to the
// help.
var errUsage = errors.New("usage")

// run performs one command line and returns the exit status.
func (t *tool) run(args []string) int {
	if len(args) == 0 {
		status := t.replay(nil)
		if status == exitOK {
			fmt.Fprint(t.stdout, more)
		}
		return status
	}
	switch name, rest := args[0], args[1:]; name {
	case "replay":
		return t.replay(rest)
	case "snapshot":
		return t.snapshot(rest)
	case "cut":
		return t.cut(rest)
	case "bench":
		return benchCommand(rest, t.stdout, t.stderr)
	case "help", "-h", "-help", "--help":
		return t.help(rest)
	default:
		return t.fail(exitUsage, fmt.Errorf("no command %q: there are replay, bench, snapshot, cut and help", name))
	}
}

// fail prints an error and returns the status.
func (t *tool) fail(status int, err error) int {
	fmt.Fprintf(t.stderr, "allocstat: %v\n", err)
	return status
}

// flags makes a set of flags that reports its errors like all others.
func flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	return f
}

// parse reads flags that stand before, between and behind the arguments. stop
// is true when there is nothing more to do, with the exit status.
func (t *tool) parse(f *flag.FlagSet, args []string) (rest []string, stop bool, status int) {
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			return nil, true, t.help([]string{f.Name()})
		}
		if err != nil {
			return nil, true, t.fail(exitUsage, fmt.Errorf("%s: %w", f.Name(), err))
		}
		if f.NArg() == 0 {
			return rest, false, exitOK
		}
		ended := len(args) > f.NArg() && args[len(args)-f.NArg()-1] == "--"
		if ended {
			return append(rest, f.Args()...), false, exitOK
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
}
