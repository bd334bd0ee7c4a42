package model

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"reflect"
	"slices"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/slab"
)

// route is whom a block belongs to: the allocator without a tag, a list, or a tag.
type route int

const (
	toHeap route = iota
	toFirst
	toSecond
	toTag // and above
)

func (r route) isList() bool { return r == toFirst || r == toSecond }
func (r route) list() int    { return int(r - toFirst) }
func (r route) isTag() bool  { return r >= toTag }

// owner is the name that errors call r's owner by.
func (w *world) owner(r route) string {
	if r.isList() {
		return w.setup.Lists[r.list()].Name
	}
	return heapName
}

// block is one that is out.
type block struct {
	b    []byte // as it was handed out
	addr uintptr
	via  route
	id   uint64 // of its pattern
	// class is the size of its class; 0 when it has pages of its own, as
	// blocks at large alignments do however small they are.
	class int
}

// account is what the reference expects of a class, a list or a tag.
type account struct {
	gets, puts, failures uint64
	bytes                int64
	// hidden is how many failures there may be beside: a block that could
	// not move to a smaller class stays where it is and tells nobody.
	hidden uint64
}

func (a *account) live() int64 { return int64(a.gets - a.puts) }

func (a *account) get(bytes int) {
	a.gets++
	a.bytes += int64(bytes)
}

func (a *account) put(bytes int) {
	a.puts++
	a.bytes -= int64(bytes)
}

// plus adds what another goroutine did.
func (a *account) plus(b *account) {
	a.gets += b.gets
	a.puts += b.puts
	a.failures += b.failures
	a.hidden += b.hidden
	a.bytes += b.bytes
}

// slots is how many blocks a program can have in its hands.
const slots = 256

// world is the reference: what ought to be. It is one goroutine's.
type world struct {
	setup   Setup
	page    int
	slots   [slots]*block
	order   []*block        // all that are out, by address
	classes map[int]account // by the size of their blocks; 0 is what is larger
	lists   [2]account
	tags    []account
	stale   [][]byte // handed out once and freed
	nextID  uint64
}

func newWorld(s Setup, page int, stream uint64) *world {
	return &world{setup: s, page: page, classes: map[int]account{}, tags: make([]account, s.Tags), nextID: stream << 40}
}

// book changes the account of a class.
func (w *world) book(class int, f func(*account)) {
	a := w.classes[class]
	f(&a)
	w.classes[class] = a
}

// maxSmall is the largest class; what is larger has pages of its own.
const maxSmall = 32768

// roomFor is how much a block for n bytes holds, and its class: eight classes per doubling in steps of at least
// eight bytes, whole pages above the largest.
func (w *world) roomFor(n int) (room, class int) {
	switch {
	case n > maxSmall:
		return align.Up(n, w.page), 0
	case n <= 64:
		room = align.Up(n, 8)
	default:
		room = align.Up(n, 1<<(bits.Len(uint(n-1))-1)>>3)
	}
	return room, room
}

// alignedRoomFor is the same for blocks at multiples of to: the first class of which every block is.
func (w *world) alignedRoomFor(n, to int) (room, class int) {
	if to > arena.Granule {
		return align.Up(n, w.page), 0
	}
	for n <= maxSmall {
		if room, class = w.roomFor(n); room%to == 0 {
			return room, class
		}
		n = room + 1
	}
	return align.Up(n, w.page), 0
}

func addrOf(b []byte) uintptr { return reflect.ValueOf(b).Pointer() }

// mustAlign is the alignment that every block has: of the allocator the largest power of two in its class, up to a
// granule; of a list at least 16, and a granule for large ones.
func (w *world) mustAlign(via route, room int) uintptr {
	if !via.isList() {
		return uintptr(min(room&-room, arena.Granule))
	}
	switch c := w.setup.Lists[via.list()]; {
	case c.Align != 0:
		return uintptr(c.Align)
	case c.Size >= arena.Granule:
		return arena.Granule
	}
	return 16
}

// enter takes a block that was just handed out into the books and fills it. It says what is wrong with it.
func (w *world) enter(slot uint8, via route, b []byte, n, room, class int) error {
	addr := addrOf(b)
	switch {
	case len(b) != n:
		return fmt.Errorf("%d bytes asked for, %d in the block", n, len(b))
	case cap(b) != room:
		return fmt.Errorf("%d bytes asked for: the block holds %d, it ought to hold %d", n, cap(b), room)
	case addr%w.mustAlign(via, room) != 0:
		return fmt.Errorf("block of %d bytes at %#x is not at a multiple of %d", room, addr, w.mustAlign(via, room))
	}
	x := &block{b: b, addr: addr, via: via, class: class}
	if err := w.insert(x); err != nil {
		return err
	}
	w.slots[slot] = x
	w.count(x, (*account).get)
	w.fill(x)
	return nil
}

// insert puts x among the blocks that are out; it may overlap none.
func (w *world) insert(x *block) error {
	i, same := w.find(x.addr)
	if same {
		return fmt.Errorf("block at %#x is handed out twice", x.addr)
	}
	if i > 0 {
		if p := w.order[i-1]; p.addr+uintptr(cap(p.b)) > x.addr {
			return fmt.Errorf("block at %#x lies in the one of %d bytes at %#x", x.addr, cap(p.b), p.addr)
		}
	}
	if i < len(w.order) {
		if p := w.order[i]; x.addr+uintptr(cap(x.b)) > p.addr {
			return fmt.Errorf("block of %d bytes at %#x reaches over the one at %#x", cap(x.b), x.addr, p.addr)
		}
	}
	w.order = slices.Insert(w.order, i, x)
	return nil
}

// find is where a block at addr is, or ought to be, among those that are out.
func (w *world) find(addr uintptr) (int, bool) {
	return slices.BinarySearchFunc(w.order, addr, func(x *block, a uintptr) int {
		switch {
		case x.addr < a:
			return -1
		case x.addr > a:
			return 1
		}
		return 0
	})
}

// count books a get or a put of x wherever it counts.
func (w *world) count(x *block, f func(*account, int)) {
	n := cap(x.b)
	switch {
	case x.via.isList():
		f(&w.lists[x.via.list()], n)
		return
	case x.via.isTag():
		f(&w.tags[x.via-toTag], n)
	}
	w.book(x.class, func(a *account) { f(a, n) })
}

// leave takes the block of a slot out of the books, after it was freed. Its pattern was verified before.
func (w *world) leave(slot uint8) {
	x := w.slots[slot]
	w.slots[slot] = nil
	w.count(x, (*account).put)
	w.forget(x)
	const remembered = 32
	if len(w.stale) == remembered {
		w.stale = w.stale[1:]
	}
	w.stale = append(w.stale, x.b[:0])
}

// forget takes x out of those that are out.
func (w *world) forget(x *block) {
	i, _ := w.find(x.addr)
	w.order = slices.Delete(w.order, i, i+1)
}

// pattern is the i-th word of a block's pattern.
func pattern(id uint64, i int) uint64 {
	return (id + uint64(i)) * 0x9E3779B97F4A7C15
}

// fill writes a new pattern over all that x holds.
func (w *world) fill(x *block) {
	w.nextID++
	x.id = w.nextID
	b := x.b[:cap(x.b)]
	i := 0
	for ; len(b) >= 8; b, i = b[8:], i+1 {
		binary.LittleEndian.PutUint64(b, pattern(x.id, i))
	}
	for j := range b {
		b[j] = byte(pattern(x.id, i) >> (8 * j))
	}
}

// verify says where b is not what fill wrote into x.
func (x *block) verify(b []byte) error {
	wrong := func(at int) error {
		return fmt.Errorf("block of %d bytes at %#x: byte %d is not what was written", cap(x.b), x.addr, at)
	}
	i := 0
	for ; len(b) >= 8; b, i = b[8:], i+1 {
		if binary.LittleEndian.Uint64(b) != pattern(x.id, i) {
			return wrong(8 * i)
		}
	}
	for j := range b {
		if b[j] != byte(pattern(x.id, i)>>(8*j)) {
			return wrong(8*i + j)
		}
	}
	return nil
}

// whole verifies all that x holds.
func (x *block) whole() error { return x.verify(x.b[:cap(x.b)]) }

// allWhole verifies every block that is out.
func (w *world) allWhole() error {
	for _, x := range w.order {
		if err := x.whole(); err != nil {
			return err
		}
	}
	return nil
}

// within says whether addr lies in a block that is out, and whether at its start.
func (w *world) within(addr uintptr) (in, start bool) {
	i, same := w.find(addr)
	if same {
		return true, true
	}
	return i > 0 && w.order[i-1].addr+uintptr(cap(w.order[i-1].b)) > addr, false
}

// free is a free slot at or behind at; false when there is none.
func (w *world) free(at uint8) (uint8, bool) {
	for i := range slots {
		if s := at + uint8(i); w.slots[s] == nil {
			return s, true
		}
	}
	return 0, false
}

// some are up to n slots from at on whose blocks belong to via.
func (w *world) some(at uint8, n int, via route) (found []uint8) {
	for i := 0; i < slots && len(found) < n; i++ {
		if x := w.slots[at+uint8(i)]; x != nil && x.via == via {
			found = append(found, at+uint8(i))
		}
	}
	return found
}

// blocks are the blocks of some slots.
func (w *world) blocks(of []uint8) (list [][]byte) {
	for _, s := range of {
		list = append(list, w.slots[s].b)
	}
	return list
}

// leaks is what a leak report must say, by list and tag.
func (w *world) leaks(of func(route) bool) map[slab.Leak]bool {
	type key struct {
		list string
		tag  slab.Tag
	}
	sums := map[key]slab.Leak{}
	for _, x := range w.order {
		if !of(x.via) {
			continue
		}
		k := key{list: fmt.Sprintf("%s/%d", heapName, cap(x.b))}
		switch {
		case x.via.isList():
			c := w.setup.Lists[x.via.list()]
			k = key{c.Name, c.Tag}
		case x.class == 0:
			k.list = heapName + "/large"
		}
		if x.via.isTag() {
			k.tag = tagNumber(int(x.via - toTag))
		}
		l := sums[k]
		sums[k] = slab.Leak{List: k.list, Tag: k.tag, Blocks: l.Blocks + 1, Bytes: l.Bytes + int64(cap(x.b))}
	}
	set := map[slab.Leak]bool{}
	for _, l := range sums {
		set[l] = true
	}
	return set
}
