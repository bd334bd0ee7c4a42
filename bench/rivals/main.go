package main

import (
	"fmt"
	"os"
	"strings"

	"offheap.example/lookaside/bench/work"
)

func main() {
	if err := run(strings.Join(os.Args[1:], " ")); err != nil {
		fmt.Printf("error %v\n", err)
		os.Exit(1)
	}
}

// run makes one shot and prints its outcome.
func run(line string) error {
	s, err := work.ParseSpec(line)
	if err != nil {
		return err
	}
	if s.Kind == "identify" {
		_, err := (&work.Outcome{Version: version()}).WriteTo(os.Stdout)
		return err
	}
	f, ok := rivalAlgorithms[s.Kind]
	if !ok {
		return fmt.Errorf("no kind of workload %q", s.Kind)
	}
	h := openRival()
	o, err := work.Perform(s, func(r *work.Run) { f(h, r) })
	if err != nil {
		return err
	}
	if err := h.close(); err != nil {
		return err
	}
	_, err = o.WriteTo(os.Stdout)
	return err
}
