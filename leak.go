package lookaside

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/slab"
)

// LeakError is returned by Close when blocks are out. What it counts by list
// and tag is a *slab.LeakError's, which errors.As finds too; Objects tells the
// same blocks by what they are part of, and who holds that.
//
// Printed with %+v it shows every stack that was recorded, see Config.Trace.
type LeakError struct {
	slab.LeakError
	Domain  string
	Objects []Leaked // the largest first
}

// Leaked is what a domain still has out, of one kind.
type Leaked struct {
	Kind    string    // "memory", or "block" for what is no object's
	List    string    // the list the blocks come from
	Tag     slab.Tag  // whose they are
	Size    int64     // bytes of each
	Count   int64     // how many of them are alike
	Deleted bool      // references keep it; otherwise nobody has deleted it
	Born    []uintptr // where it was made, as runtime.Callers gives it; nil unless traced
	Holders []Holder  // who keeps it, in the order in which they came
}

// Holder is who holds references on an object.
type Holder struct {
	Kind  string    // "request", "list", or "reference" for those who did not say
	ID    uint64    // which request
	Name  string    // what it does: "read", "write"
	Count int       // references
	PCs   []uintptr // where they were taken, as runtime.Callers gives it; nil unless traced
}

// Unwrap returns what the lists and the allocator reported, as a
// *slab.LeakError.
func (e *LeakError) Unwrap() error { return &e.LeakError }

// mostGroups is how many kinds of leaks an error names in one line.
const mostGroups = 8

// Error tells how much is out, of what, and who holds it, in one line.
func (e *LeakError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "lookaside: close domain %q: %s, %d bytes out: ", e.Domain, count(e.Blocks, "block"), e.Bytes)
	for i := range e.Objects {
		if i > 0 {
			b.WriteString("; ")
		}
		if i == mostGroups {
			fmt.Fprintf(&b, "and %d more kinds", len(e.Objects)-i)
			break
		}
		b.WriteString(e.Objects[i].String())
	}
	return b.String()
}

// Format is the method of fmt.Formatter: %+v adds the stacks to what Error
// says.
func (e *LeakError) Format(f fmt.State, verb rune) {
	io.WriteString(f, e.Error())
	if verb != 'v' || !f.Flag('+') {
		return
	}
	for i := range e.Objects {
		l := &e.Objects[i]
		if len(l.Born) > 0 {
			fmt.Fprintf(f, "\n\n%s\nmade at:%s", l.what(), stackText(l.Born))
		}
		for _, h := range l.Holders {
			if len(h.PCs) > 0 {
				fmt.Fprintf(f, "\n\n%s\nheld by %s:%s", l.what(), h.who(), stackText(h.PCs))
			}
		}
	}
}

// what names kind, tag, size and count.
func (l *Leaked) what() string {
	tag := ""
	if l.Tag != (slab.Tag{}) {
		tag = fmt.Sprintf(" '%s'", l.Tag)
	}
	return fmt.Sprintf("%s%s %d bytes x%d of %q", l.Kind, tag, l.Size, l.Count, l.List)
}

// String names kind, tag, size, count and holders:
//
//	memory 'NETB' 64 bytes x3 of "rx" held by request 17 (read), reference taken at main.go:40
func (l Leaked) String() string {
	s := l.what()
	if l.Kind == "block" {
		return s
	}
	if !l.Deleted {
		s += " never deleted"
		if at := place(l.Born); at != "" {
			s += ", made at " + at
		}
	}
	for i, h := range l.Holders {
		if i == 0 {
			s += " held by "
		} else {
			s += " and "
		}
		s += h.String()
	}
	return s
}

// who names the holder.
func (h Holder) who() string {
	if h.Kind == objtab.Nobody {
		return count(int64(h.Count), "reference")
	}
	s := h.Kind
	if h.ID != 0 {
		s += fmt.Sprintf(" %d", h.ID)
	}
	if h.Name != "" {
		s += fmt.Sprintf(" (%s)", h.Name)
	}
	if h.Count > 1 {
		s += " " + count(int64(h.Count), "time")
	}
	return s
}

// String names the holder and, where it was recorded, where it took its
// references: file and line of the first caller outside this library.
func (h Holder) String() string {
	at := place(h.PCs)
	switch {
	case at == "":
		return h.who()
	case h.Kind == objtab.Nobody:
		return h.who() + " taken at " + at
	}
	return h.who() + ", reference taken at " + at
}

// count says n and a noun in the right number.
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// place returns file and line of the innermost frame that is not this
// library's own, or of the outermost one.
func place(pcs []uintptr) (at string) {
	for f := range frames(pcs) {
		at = fmt.Sprintf("%s:%d", f.File, f.Line)
		if !isOwn(f) {
			break
		}
	}
	return at
}

// isOwn reports whether a frame is this library's. Its tests and examples are
// users.
func isOwn(f runtime.Frame) bool {
	const module = "offheap.example/lookaside"
	rest, ok := strings.CutPrefix(f.Function, module)
	return ok && (rest[0] == '/' || rest[0] == '.') && !strings.HasSuffix(f.File, "_test.go")
}

// stackText is a stack with two lines for each frame.
func stackText(pcs []uintptr) string {
	var b strings.Builder
	for f := range frames(pcs) {
		fmt.Fprintf(&b, "\n\t%s\n\t\t%s:%d", f.Function, f.File, f.Line)
	}
	return b.String()
}

// frames yields the frames of a stack, innermost first.
func frames(pcs []uintptr) func(yield func(runtime.Frame) bool) {
	return func(yield func(runtime.Frame) bool) {
		for it := runtime.CallersFrames(pcs); len(pcs) > 0; {
			f, more := it.Next()
			if !yield(f) || !more {
				return
			}
		}
	}
}

// sortLeaked puts the largest first.
func sortLeaked(all []Leaked) {
	slices.SortStableFunc(all, func(a, b Leaked) int {
		return cmp.Or(cmp.Compare(b.Size*b.Count, a.Size*a.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.List, b.List))
	})
}
