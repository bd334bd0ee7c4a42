package main

import (
	"fmt"

	"offheap.example/lookaside/bench/record"
)

// tables tells whether standard output is for tables.
func (b *bench) tables() bool { return b.o.json != "-" }

func (b *bench) printList() {
	var t table
	t.add("workload", "group", "algorithm and numbers")
	for _, s := range b.specs {
		t.add(s.Name, s.Group, s.Kind+" "+s.ParamText())
	}
	t.print(b.stdout)
	fmt.Fprintln(b.stdout)
	for _, f := range b.fighters {
		fmt.Fprintf(b.stdout, "%s (%s)\n", f.info.Name, f.info.Language)
	}
}

// printHead says where and what is measured, and what is not.
func (b *bench) printHead() {
	if !b.tables() {
		return
	}
	m := b.rec.Machine
	fmt.Fprintf(b.stdout, "%s, %d processors, %s %s %s, %s, commit %s\n", m.Name(), m.Processors, m.OS, m.Kernel, m.Arch, b.rec.Go, b.rec.Commit)
	fmt.Fprintf(b.stdout, "%s shots, %s; ratios are lookaside by rival, median (smallest–largest), less is better\n",
		b.rec.Scale, plural(b.rec.Rounds, "round"))
	for _, c := range b.rec.Contenders {
		if c.Missing != "" {
			fmt.Fprintf(b.stdout, "%s: %s\n", c.Name, c.Missing)
		}
	}
	fmt.Fprintln(b.stdout)
}

// printWork writes the table of one workload.
func (b *bench) printWork(w *record.Work) {
	if !b.tables() {
		return
	}
	fmt.Fprintf(b.stdout, "%s: %s\n  %s %s\n", w.Name, w.Title, w.Kind, w.ParamText())
	metrics, main := w.Metrics(), w.Main()
	var t table
	head := []string{"contender"}
	for _, m := range metrics {
		if m == "time" {
			m = "time/" + w.Unit
		}
		head = append(head, m)
	}
	t.add(append(head, main+" ratio", "spread")...)
	for _, r := range w.Results {
		if r.Failed != "" {
			t.add(r.Contender, "failed")
			continue
		}
		row := []string{r.Contender}
		for _, m := range metrics {
			if v := r.Values[m]; len(v) > 0 {
				row = append(row, record.ValueText(m, record.Median(v)))
			} else {
				row = append(row, none)
			}
		}
		if x, ok := w.Ratio(r.Contender, main); ok && r.Contender != record.Self {
			row = append(row, fmt.Sprintf("%.3f", x.Median), fmt.Sprintf("%.3f–%.3f", x.Min, x.Max))
		}
		t.add(row...)
	}
	t.print(b.stdout)
	fmt.Fprintln(b.stdout)
}

// printTail writes the table of targets.
func (b *bench) printTail() {
	if !b.tables() || len(b.rec.Works) == 0 {
		return
	}
	var t table
	t.add("target", "at most", "measured", "against", "")
	for _, v := range b.rec.Judge() {
		if v.NotRun {
			continue
		}
		if !v.Measured {
			t.add(v.Title, fmt.Sprintf("%g", v.AtMost), none, v.Why, "not measured")
			continue
		}
		mark := "not met"
		if v.Met() {
			mark = "met"
		}
		against := v.Rivals[0]
		if len(v.Rivals) > 1 {
			against = "the best of each"
		}
		t.add(v.Title, fmt.Sprintf("%g", v.AtMost), v.Ratio.Text(), against, mark)
	}
	if len(t.rows) > 1 {
		t.print(b.stdout)
	}
}
