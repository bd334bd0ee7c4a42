package trace

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
)

// Writer writes a trace as text and counts what its end line says. It is for
// cutting traces and for making them up in tests.
type Writer struct {
	w       *bufio.Writer
	t       Totals
	thread  uint32
	owners  map[uint32]uint32 // live block's number to the thread that allocated it
	renumer map[uint32]uint32 // the caller's number to the number in the file
	line    []byte
	err     error
}

// NewWriter begins a trace on w with its first line and the given comments.
func NewWriter(w io.Writer, comments ...string) *Writer {
	t := &Writer{w: bufio.NewWriter(w), owners: make(map[uint32]uint32), renumer: make(map[uint32]uint32)}
	t.text(firstLine)
	for _, c := range comments {
		t.text("# " + c)
	}
	return t
}

func (w *Writer) text(s string) {
	if w.err == nil {
		_, w.err = w.w.WriteString(s + "\n")
	}
}

// Write appends one event. Event.Thread is the thread's name here, and a
// Thread event is written where it changes; Event.Slot is ignored. Blocks may
// have any numbers; they are numbered anew. A free or realloc of a block that
// this writer has not seen allocated is an error and writes nothing.
func (w *Writer) Write(e Event) error {
	if w.err != nil {
		return w.err
	}
	if e.Op > Time {
		return fmt.Errorf("trace: write: no such operation: %v", e.Op)
	}
	number, ok := w.renumer[e.Number]
	if !ok && (e.Op == Free || e.Op == Realloc) {
		return fmt.Errorf("trace: write: %v of block %d, which is not live", e.Op, e.Number)
	}
	if e.Op != Time && e.Thread != w.thread {
		w.thread = e.Thread
		w.emit(Thread, int64(e.Thread))
	}
	switch e.Op {
	case Alloc, Zeroed, Aligned:
		number = uint32(w.t.Allocs)
		w.t.Allocs++
		w.renumer[e.Number], w.owners[number] = number, w.thread
		if e.Op == Aligned {
			w.emit(e.Op, e.Size, e.Align)
		} else {
			w.emit(e.Op, e.Size)
		}
	case Free:
		w.t.Frees++
		if w.owners[number] != w.thread {
			w.t.CrossFrees++
		}
		delete(w.owners, number)
		delete(w.renumer, e.Number)
		w.emit(Free, w.t.Allocs-1-int64(number))
	case Realloc:
		w.t.Reallocs++
		w.emit(Realloc, w.t.Allocs-1-int64(number), e.Size)
	case Time:
		w.emit(Time, e.Millis)
	}
	return w.err
}

// emit writes a line of a letter and numbers.
func (w *Writer) emit(op Op, numbers ...int64) {
	l := append(w.line[:0], opLetters[op])
	for _, n := range numbers {
		l = strconv.AppendInt(append(l, ' '), n, 10)
	}
	w.line = append(l, '\n')
	if w.err == nil {
		_, w.err = w.w.Write(w.line)
	}
}

// Close writes the end line and flushes. It does not close what is written to.
func (w *Writer) Close() error {
	w.text(fmt.Sprintf("%s allocs=%d frees=%d reallocs=%d xthread_frees=%d leaked_objs=%d",
		"# "+endMark, w.t.Allocs, w.t.Frees, w.t.Reallocs, w.t.CrossFrees, len(w.owners)))
	if w.err != nil {
		return w.err
	}
	return w.w.Flush()
}

// Write writes the whole trace as text.
func (t *Trace) Write(w io.Writer) error {
	return t.Cut(w, 0, math.MaxInt64, t.Comments...)
}

// Cut writes the operations from (counted from 0) up to, not including, to as
// a trace of its own with the given comments. Operations on blocks that were
// allocated before are left out, so that the piece stands for itself.
func (t *Trace) Cut(w io.Writer, from, to int64, comments ...string) error {
	out := NewWriter(w, comments...)
	c := t.Cursor()
	alive := make([]bool, t.Slots)
	var e Event
	for op := int64(0); op < to && c.Next(&e); {
		take := op >= from
		if e.Op.Moves() {
			op++
			if e.Op.Allocates() {
				alive[e.Slot] = take
			} else {
				take = take && alive[e.Slot]
			}
		}
		if !take || e.Op == Thread {
			continue
		}
		e.Thread = t.Threads[e.Thread]
		if err := out.Write(e); err != nil {
			return err
		}
	}
	return out.Close()
}
