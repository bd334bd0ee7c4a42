package lookaside

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// account finds out whose the blocks are that a domain still has out. It
// works after the lists are closed, when their reports are complete.
type account struct {
	d      *Domain
	leak   *LeakError
	rest   []int64        // of each of leak.Leaks: blocks that no object has been found for
	groups map[string]int // where in leak.Objects those are counted that are alike
}

// gather adds a *slab.LeakError to the sum and returns every other error.
func (e *LeakError) gather(err error) error {
	var part *slab.LeakError
	if !errors.As(err, &part) {
		return err
	}
	e.Blocks += part.Blocks
	e.Bytes += part.Bytes
	e.Leaks = append(e.Leaks, part.Leaks...)
	return nil
}

// attribute finds the objects behind the blocks of leak, and adds the pages
// that objects keep and no list knows of.
func (d *Domain) attribute(leak *LeakError) {
	a := account{d: d, leak: leak, groups: map[string]int{}}
	for _, l := range leak.Leaks {
		a.rest = append(a.rest, l.Blocks)
	}
	memory.Outstanding(a.add)
	for i, n := range a.rest {
		if l := leak.Leaks[i]; n > 0 {
			leak.Objects = append(leak.Objects, Leaked{Kind: "block", List: l.List, Tag: l.Tag, Size: l.Bytes / l.Blocks, Count: n})
		}
	}
	sortLeaked(leak.Objects)
}

// add counts a memory object if it is this domain's.
func (a *account) add(m memory.Object, b []byte, owner any) {
	if _, ours := a.d.arena.Locate(b); !ours {
		return
	}
	l := Leaked{
		Kind: m.Kind(), Size: int64(len(b)), Deleted: m.State() != object.Live,
		Born: object.Born(m.Object), Holders: holders(m.Object),
	}
	i := a.find(len(b), owner)
	switch {
	case i >= 0:
		a.rest[i]--
		l.List, l.Tag = a.leak.Leaks[i].List, a.leak.Leaks[i].Tag
	case isPages(owner) && (l.Deleted || len(l.Holders) > 0):
		l.List = a.d.arena.Name()
		a.addPages(l.List, l.Size)
	default:
		return
	}
	a.count(l)
}

// holders returns who holds references on o, without the one that is ours
// while we look at it.
func holders(o object.Object) (all []Holder) {
	for _, h := range object.Holders(o) {
		all = append(all, Holder{Kind: h.Kind, ID: h.ID, Name: h.Name, Count: h.Count, PCs: h.PCs})
	}
	nobody := func(h Holder) bool { return h.Kind == objtab.Nobody && h.PCs == nil }
	if i := slices.IndexFunc(all, nobody); i >= 0 {
		if all[i].Count--; all[i].Count == 0 {
			all = slices.Delete(all, i, i+1)
		}
	}
	return all
}

// isPages reports whether bytes come from no list.
func isPages(owner any) bool {
	switch owner.(type) {
	case *slab.Lookaside, *slab.Allocator, *slab.Tagged:
		return false
	}
	return true
}

// addPages counts bytes that no list counts.
func (a *account) addPages(arena string, n int64) {
	a.leak.Blocks++
	a.leak.Bytes += n
	i := slices.IndexFunc(a.leak.Leaks, func(l slab.Leak) bool { return l.List == arena })
	if i < 0 {
		i = len(a.rest)
		a.leak.Leaks = append(a.leak.Leaks, slab.Leak{List: arena})
		a.rest = append(a.rest, 0)
	}
	a.leak.Leaks[i].Blocks++
	a.leak.Leaks[i].Bytes += n
}

// find returns which of leak.Leaks counts a block of n bytes of the owner's,
// -1 when none does.
func (a *account) find(n int, owner any) int {
	best, least := -1, int64(0)
	for i, l := range a.leak.Leaks {
		if size := a.sizeIn(l, owner); a.rest[i] > 0 && size >= int64(n) && (best < 0 || size < least) {
			best, least = i, size
		}
	}
	return best
}

// sizeIn returns how large the blocks are that l counts, 0 when they are not
// the owner's.
func (a *account) sizeIn(l slab.Leak, owner any) int64 {
	var tag slab.Tag
	switch o := owner.(type) {
	case *slab.Lookaside:
		if l.List == o.Name() {
			return l.Bytes / l.Blocks
		}
		return 0
	case *slab.Allocator:
	case *slab.Tagged:
		tag = o.Tag()
	default:
		return 0
	}
	class, ours := strings.CutPrefix(l.List, a.d.alloc.Name()+"/")
	switch {
	case !ours || l.Tag != tag:
		return 0
	case class == "large":
		return math.MaxInt64
	}
	return l.Bytes / l.Blocks
}

// count adds one to the group of what is like l.
func (a *account) count(l Leaked) {
	key := fmt.Sprint(l)
	i, ok := a.groups[key]
	if !ok {
		i = len(a.leak.Objects)
		a.groups[key] = i
		a.leak.Objects = append(a.leak.Objects, l)
		a.leak.Objects[i].Count = 0
	}
	a.leak.Objects[i].Count++
}
