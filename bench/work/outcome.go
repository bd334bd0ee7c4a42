package work

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Outcome is what one shot found.
type Outcome struct {
	Ops int64 `json:"ops"`
	Ns  int64 `json:"ns"` // for all operations together

	// What was asked of the allocator, warming up apart.
	Allocs int64 `json:"allocs"`
	Frees  int64 `json:"frees"`
	Bytes  int64 `json:"bytes"`

	// Resident bytes of the process. Of these, workloads that measure
	// memory have all, others Base and Peak alone, as the kernel keeps them.
	Base     int64 `json:"base,omitempty"`     // before the first block
	Peak     int64 `json:"peak,omitempty"`     // the most seen
	Live     int64 `json:"live,omitempty"`     // bytes asked for and live, the most
	Residual int64 `json:"residual,omitempty"` // when all was freed
	Settled  int64 `json:"settled,omitempty"`  // after some more operations
	Trimmed  int64 `json:"trimmed,omitempty"`  // after the allocator was told to give back

	Clock int64 `json:"clock,omitempty"` // median of reading the clock alone, in ns

	GCPauseNs int64 `json:"gc_pause_ns,omitempty"`
	GCCPUNs   int64 `json:"gc_cpu_ns,omitempty"`
	GCCycles  int64 `json:"gc_cycles,omitempty"`
	// One collection in the same program with nothing live.
	GCNoneNs    int64 `json:"gc_none_ns,omitempty"`
	GCNoneCPUNs int64 `json:"gc_none_cpu_ns,omitempty"`

	Bins   []Bin    `json:"bins,omitempty"`
	Series []Sample `json:"series,omitempty"`

	Version string `json:"version,omitempty"` // of the allocator, from kind "identify"
}

// Sample is the resident memory at one moment.
type Sample struct {
	Done  int64 `json:"done"` // of the workload, in thousandths
	Bytes int64 `json:"bytes"`
}

// NsPerOp is the time of one operation.
func (o *Outcome) NsPerOp() float64 {
	if o.Ops == 0 {
		return 0
	}
	return float64(o.Ns) / float64(o.Ops)
}

// fields are the numbers of an Outcome by their names in the protocol.
func (o *Outcome) fields() []struct {
	key   string
	value *int64
} {
	return []struct {
		key   string
		value *int64
	}{
		{"ops", &o.Ops}, {"ns", &o.Ns}, {"allocs", &o.Allocs}, {"frees", &o.Frees}, {"bytes", &o.Bytes},
		{"base", &o.Base}, {"peak", &o.Peak}, {"live", &o.Live},
		{"residual", &o.Residual}, {"settled", &o.Settled}, {"trimmed", &o.Trimmed},
		{"clock", &o.Clock},
		{"gc_pause_ns", &o.GCPauseNs}, {"gc_cpu_ns", &o.GCCPUNs}, {"gc_cycles", &o.GCCycles},
		{"gc_none_ns", &o.GCNoneNs}, {"gc_none_cpu_ns", &o.GCNoneCPUNs},
	}
}

// WriteTo prints the outcome: a line "result key=number …", lines "bins" and
// "series" with words number:number where there are such, "version TEXT", and
// "end".
func (o *Outcome) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	b.WriteString("result")
	for _, f := range o.fields() {
		if *f.value != 0 {
			fmt.Fprintf(&b, " %s=%d", f.key, *f.value)
		}
	}
	b.WriteByte('\n')
	if len(o.Bins) > 0 {
		b.WriteString("bins")
		for _, x := range o.Bins {
			fmt.Fprintf(&b, " %d:%d", x.From, x.Count)
		}
		b.WriteByte('\n')
	}
	if len(o.Series) > 0 {
		b.WriteString("series")
		for _, x := range o.Series {
			fmt.Fprintf(&b, " %d:%d", x.Done, x.Bytes)
		}
		b.WriteByte('\n')
	}
	if o.Version != "" {
		fmt.Fprintf(&b, "version %s\n", o.Version)
	}
	b.WriteString("end\n")
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// ReadOutcome reads what WriteTo wrote. A line "error TEXT" is an error, and so
// is an end without "end": the program died.
func ReadOutcome(r io.Reader) (Outcome, error) {
	var o Outcome
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		word, rest, _ := strings.Cut(s.Text(), " ")
		var err error
		switch word {
		case "end":
			return o, nil
		case "error":
			return o, fmt.Errorf("%s", rest)
		case "version":
			o.Version = rest
		case "result":
			err = o.readResult(rest)
		case "bins":
			err = readPairs(rest, func(a, b uint64) { o.Bins = append(o.Bins, Bin{a, b}) })
		case "series":
			err = readPairs(rest, func(a, b uint64) { o.Series = append(o.Series, Sample{int64(a), int64(b)}) })
		}
		if err != nil {
			return o, fmt.Errorf("outcome: %s: %w", word, err)
		}
	}
	if err := s.Err(); err != nil {
		return o, err
	}
	return o, fmt.Errorf("outcome: it ends without an end")
}

func (o *Outcome) readResult(text string) error {
	for w := range strings.FieldsSeq(text) {
		key, number, _ := strings.Cut(w, "=")
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return err
		}
		for _, f := range o.fields() {
			if f.key == key {
				*f.value = v
			}
		}
	}
	return nil
}

func readPairs(text string, add func(a, b uint64)) error {
	for w := range strings.FieldsSeq(text) {
		left, right, _ := strings.Cut(w, ":")
		a, err := strconv.ParseUint(left, 10, 64)
		if err != nil {
			return err
		}
		b, err := strconv.ParseUint(right, 10, 64)
		if err != nil {
			return err
		}
		add(a, b)
	}
	return nil
}
