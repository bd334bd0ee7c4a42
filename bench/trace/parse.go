package trace

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
)

// Bounds of what a trace may say.
const (
	maxThreads = 1 << 16
	maxAlign   = 1 << 30
	maxSize    = 1 << 40
)

const firstLine = "# alloctrace v1"

// parser turns lines into words and checks that every event could happen.
type parser struct {
	s    *scanner
	t    *Trace
	b    segmented
	name string
	o    Options

	numbers numbers
	slots   *Slots
	sizes   []int64  // by slot
	owners  []uint32 // by slot: the thread that allocated the block
	live    int64    // bytes
	blocks  int64
	thread  uint32
	names   map[uint32]uint32 // thread's name to index
	begun   bool              // an event has been read
	ended   bool              // the end line has been read
}

func newParser(s *scanner, name string, o Options) *parser {
	if o.MaxSize <= 0 || o.MaxSize > maxSize {
		o.MaxSize = maxSize
	}
	o.MaxSize = min(o.MaxSize, math.MaxInt)
	if o.MaxLive <= 0 {
		o.MaxLive = math.MaxInt64
	}
	t := &Trace{Name: name, Threads: []uint32{0}}
	return &parser{
		s: s, name: name, o: o,
		t:     t,
		b:     segmented{store: &t.store},
		slots: &Slots{},
		names: map[uint32]uint32{0: 0},
	}
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{File: p.name, Line: max(p.s.lines, 1), Msg: fmt.Sprintf(format, args...)}
}

// run reads the whole stream.
func (p *parser) run() error {
	l, err := p.s.line()
	switch {
	case err == io.EOF:
		return p.fail("empty file: the first line must be %q", firstLine)
	case err != nil:
		return err
	case string(l) != firstLine:
		return p.fail("the first line is %s: must be %q", quote(l), firstLine)
	}
	for {
		l, err := p.s.line()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := p.line(l); err != nil {
			return err
		}
	}
	p.b.seal()
	t := p.t
	t.segs = p.b.segs
	t.Slots = p.slots.Len()
	t.Totals.LeakedBlocks = p.blocks
	return nil
}

// line takes one line in. The usual ones are a letter, a space and a number.
func (p *parser) line(l []byte) error {
	if len(l) == 0 {
		return p.fail("empty line")
	}
	if l[0] == '#' {
		return p.comment(l)
	}
	if len(l) < 2 || l[1] != ' ' {
		if p.letter(l[0]) && len(l) == 1 {
			return p.fail("%s lacks its number", quote(l))
		}
		return p.fail("unknown line %s", quote(l))
	}
	if !p.letter(l[0]) {
		return p.fail("unknown line %s", quote(l))
	}
	if p.ended {
		return p.fail("%s follows the end line", quote(l))
	}
	p.begun = true
	first, rest, err := p.number(l, l[2:])
	if err != nil {
		return err
	}
	two := l[0] == 'm' || l[0] == 'r'
	var second uint64
	if two {
		if len(rest) == 0 {
			return p.fail("%s lacks its second number", quote(l))
		}
		if second, rest, err = p.number(l, rest[1:]); err != nil {
			return err
		}
	}
	if len(rest) > 0 {
		return p.fail("%s has more numbers than expected", quote(l))
	}
	return p.event(l[0], first, second)
}

func (p *parser) letter(c byte) bool { return bytes.IndexByte([]byte("@Tazmfr"), c) >= 0 }

// number reads the decimal number at the start of s, a part of line l. What
// follows it is empty or begins with a space.
func (p *parser) number(l, s []byte) (v uint64, rest []byte, err error) {
	i := 0
	for ; i < len(s); i++ {
		d := uint64(s[i]) - '0'
		if d > 9 {
			break
		}
		if v > math.MaxUint64/10 || v == math.MaxUint64/10 && d > math.MaxUint64%10 {
			return 0, nil, p.fail("a number in %s overflows 64 bits", quote(l))
		}
		v = v*10 + d
	}
	if i == 0 || i < len(s) && s[i] != ' ' {
		return 0, nil, p.fail("bad number in %s", quote(l))
	}
	return v, s[i:], nil
}

// event checks and appends one event with its one or two numbers.
func (p *parser) event(letter byte, v, w uint64) error {
	switch letter {
	case 'a':
		return p.alloc(Alloc, v, 0)
	case 'z':
		return p.alloc(Zeroed, v, 0)
	case 'm':
		if w == 0 || w&(w-1) != 0 {
			return p.fail("alignment %d is not a power of two", w)
		}
		if w > maxAlign {
			return p.fail("alignment %d exceeds %d", w, maxAlign)
		}
		return p.alloc(Aligned, v, w)
	case 'f':
		return p.free(v)
	case 'r':
		return p.realloc(v, w)
	case 'T':
		return p.switchTo(v)
	default: // '@'
		if v > maxOperand {
			return p.fail("time %d exceeds %d", v, uint64(maxOperand))
		}
		p.b.one(Time, v)
		return nil
	}
}

func (p *parser) size(v uint64) error {
	if v > uint64(p.o.MaxSize) {
		return p.fail("size %d exceeds the limit of %d", v, p.o.MaxSize)
	}
	return nil
}

// grow adds to the live bytes and keeps their peak.
func (p *parser) grow(by int64) error {
	t := &p.t.Totals
	if by > p.o.MaxLive-p.live {
		return p.fail("live bytes exceed the limit of %d: %d and %d more", p.o.MaxLive, p.live, by)
	}
	p.live += by
	if p.live > t.PeakBytes {
		t.PeakBytes, t.PeakOp = p.live, t.Ops()
	}
	return nil
}

func (p *parser) alloc(op Op, v, align uint64) error {
	if err := p.size(v); err != nil {
		return err
	}
	t := &p.t.Totals
	if t.Allocs >= math.MaxUint32 {
		return p.fail("more than %d allocations", uint64(math.MaxUint32))
	}
	slot := p.slots.Take()
	if int(slot) == len(p.sizes) {
		p.sizes, p.owners = append(p.sizes, 0), append(p.owners, 0)
	}
	p.sizes[slot], p.owners[slot] = int64(v), p.thread
	p.numbers.set(uint32(t.Allocs), slot)
	t.Allocs++
	p.blocks++
	t.PeakBlocks = max(t.PeakBlocks, p.blocks)
	if op == Aligned {
		p.b.two(op, v, log2(align))
	} else {
		p.b.one(op, v)
	}
	return p.grow(int64(v))
}

// find turns a distance from the newest block into the block's slot.
func (p *parser) find(what string, back uint64) (number, slot uint32, err error) {
	n := uint64(p.t.Totals.Allocs)
	if back >= n {
		return 0, 0, p.fail("%s of a block never allocated: %d back, and there were only %d blocks", what, back, n)
	}
	number = uint32(n - 1 - back)
	slot, ok := p.numbers.get(number)
	if !ok {
		return 0, 0, p.fail("%s of block %d, which is already free", what, number)
	}
	return number, slot, nil
}

func (p *parser) free(back uint64) error {
	number, slot, err := p.find("free", back)
	if err != nil {
		return err
	}
	t := &p.t.Totals
	t.Frees++
	if p.owners[slot] != p.thread {
		t.CrossFrees++
	}
	p.live -= p.sizes[slot]
	p.blocks--
	p.numbers.clear(number)
	p.slots.Give(slot)
	p.b.one(Free, uint64(slot))
	return nil
}

func (p *parser) realloc(back, v uint64) error {
	_, slot, err := p.find("realloc", back)
	if err != nil {
		return err
	}
	if err := p.size(v); err != nil {
		return err
	}
	p.t.Totals.Reallocs++
	p.b.two(Realloc, uint64(slot), v)
	by := int64(v) - p.sizes[slot]
	p.sizes[slot] = int64(v)
	return p.grow(by)
}

func (p *parser) switchTo(v uint64) error {
	if v >= maxThreads {
		return p.fail("thread %d exceeds %d", v, maxThreads-1)
	}
	t := p.t
	i, ok := p.names[uint32(v)]
	if !ok {
		i = uint32(len(t.Threads))
		t.Threads = append(t.Threads, uint32(v))
		p.names[uint32(v)] = i
	}
	if i != p.thread {
		t.Totals.Switches++
	}
	p.thread = i
	p.b.one(Thread, uint64(i))
	return nil
}

// endMark begins the text of the comment that closes a trace.
const endMark = "end:"

// comment keeps what stands ahead of the events and checks the end line.
func (p *parser) comment(l []byte) error {
	text := bytes.TrimPrefix(l[1:], []byte(" "))
	if !bytes.HasPrefix(text, []byte(endMark)) {
		if !p.begun && !p.ended {
			p.t.Comments = append(p.t.Comments, string(text))
		}
		return nil
	}
	if p.ended {
		return p.fail("a second end line")
	}
	p.ended = true
	t := &p.t.Totals
	for field := range bytes.FieldsSeq(text[len(endMark):]) {
		key, value, _ := bytes.Cut(field, []byte("="))
		var have int64
		switch string(key) {
		case "allocs":
			have = t.Allocs
		case "frees":
			have = t.Frees
		case "reallocs":
			have = t.Reallocs
		case "xthread_frees":
			have = t.CrossFrees
		default:
			continue
		}
		want, err := strconv.ParseUint(string(value), 10, 63)
		if err != nil {
			return p.fail("bad number in %s of the end line", quote(field))
		}
		if int64(want) != have {
			return p.fail("the end line says %s=%d, but the events before it are %d", key, want, have)
		}
	}
	return nil
}

// quote puts a line into a message, cut where it is long.
func quote(l []byte) string {
	const most = 40
	if len(l) > most {
		return strconv.QuoteToASCII(string(l[:most])) + "…"
	}
	return strconv.QuoteToASCII(string(l))
}
