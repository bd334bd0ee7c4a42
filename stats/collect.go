package stats

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"offheap.example/lookaside/internal/statspage"
)

// maxReads bounds the shards read for one snapshot.
const maxReads = 1 << 18

// collector turns the directory into lists.
type collector struct {
	view    *statspage.View
	entries []statspage.Entry
	reads   int
	lists   []List
}

// collect goes through the directory: what stands alone first, each allocator
// with what belongs to it.
func (c *collector) collect() error {
	order := make([]int, 0, len(c.entries))
	for i := range c.entries {
		if k := c.entries[i].Kind; k == statspage.KindLookaside || k == statspage.KindAllocator {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(c.entries[a].Created, c.entries[b].Created)
	})
	for _, i := range order {
		if c.entries[i].Kind == statspage.KindAllocator {
			if err := c.allocator(i); err != nil {
				return err
			}
			continue
		}
		l, err := c.list(i, Lookaside, nil)
		if err != nil {
			return err
		}
		c.lists = append(c.lists, l)
	}
	return nil
}

// allocator appends the sum, the classes, the large blocks and the tags of the
// allocator in record i.
func (c *collector) allocator(i int) error {
	e := &c.entries[i]
	var classes, locals, tags []int
	for k := range c.entries {
		if o := &c.entries[k]; o.Parent == uint32(i)+1 {
			switch o.Kind {
			case statspage.KindClass:
				classes = append(classes, k)
			case statspage.KindLocal:
				locals = append(locals, k)
			case statspage.KindTag:
				tags = append(tags, k)
			}
		}
	}
	slices.SortStableFunc(classes, func(a, b int) int { return cmp.Compare(c.entries[a].Size, c.entries[b].Size) })
	at := len(c.lists)
	c.lists = append(c.lists, header(i, e, Allocator))
	for _, k := range classes {
		l, err := c.list(k, Class, locals)
		if err != nil {
			return err
		}
		l.Parent = e.Text()
		c.lists = append(c.lists, l)
	}
	large := header(i, e, Large)
	large.id |= 1 << 32
	large.Name, large.Parent = "large", e.Text()
	direct(&large, &e.Counters)
	large.LiveBytes = int64(e.Counters.GetBytes - e.Counters.PutBytes)
	large.HeldBytes = large.LiveBytes
	c.lists = append(c.lists, large)
	sum := &c.lists[at]
	for _, l := range c.lists[at+1:] {
		add(sum, l)
	}
	for _, k := range tags {
		l, err := c.tag(k)
		if err != nil {
			return err
		}
		l.Parent = e.Text()
		c.lists = append(c.lists, l)
	}
	return nil
}

// header is what a record says about itself.
func header(i int, e *statspage.Entry, k Kind) List {
	tag := e.Tag[:]
	for len(tag) > 0 && tag[len(tag)-1] == 0 {
		tag = tag[:len(tag)-1]
	}
	return List{
		Kind:    k,
		Name:    e.Text(),
		Tag:     string(tag),
		Created: time.Unix(0, e.Created),
		Size:    int64(e.Size),
		id:      uint64(i),
	}
}

// direct adds what went past the shards, and what only the record says.
func direct(l *List, n *statspage.Counters) {
	l.Gets += n.Gets
	l.Puts += n.Puts
	l.Refills += n.Refills
	l.Spills += n.Spills
	l.Failures += n.Failures
	l.Live += int64(n.Gets - n.Puts)
	l.Parked += int64(n.Depot)
	l.Slabs += int64(n.Slabs)
	l.HeldBytes += int64(n.Held)
	l.Depth = int64(n.Depth)
}

// list is the account of a lookaside or class, from its record, its shards and
// its shards inside goroutines' own.
func (c *collector) list(i int, k Kind, locals []int) (List, error) {
	e := &c.entries[i]
	l := header(i, e, k)
	direct(&l, &e.Counters)
	if e.ShardOff != 0 {
		for s := range uint64(e.Shards) {
			if err := c.cache(&l, e.ShardOff+s*e.ShardStride); err != nil {
				return l, err
			}
		}
		parent := &c.entries[max(e.Parent, 1)-1]
		for _, k := range locals {
			own := &c.entries[k]
			if own.ShardOff == 0 || parent.ShardOff == 0 || e.ShardOff < parent.ShardOff {
				continue
			}
			if err := c.cache(&l, own.ShardOff+(e.ShardOff-parent.ShardOff)); err != nil {
				return l, err
			}
		}
	}
	l.LiveBytes = l.Live * l.Size
	return l, nil
}

// cache adds the shard at offset off.
func (c *collector) cache(l *List, off uint64) error {
	if err := c.count(); err != nil {
		return err
	}
	s, err := c.view.Cache(off)
	if err != nil {
		return err
	}
	parked := s.Parked()
	l.Gets += s.Gets()
	l.Puts += s.Puts()
	l.Parked += int64(parked) // the record counts the shard's refills and spills

	l.Live += int64(s.In - s.Out - parked)
	return nil
}

// tag is the account of a tag: blocks of any size, counted per P.
func (c *collector) tag(i int) (List, error) {
	e := &c.entries[i]
	l := header(i, e, Tag)
	direct(&l, &e.Counters)
	l.LiveBytes = int64(e.Counters.GetBytes - e.Counters.PutBytes)
	if e.ShardOff == 0 {
		return l, nil
	}
	for s := range uint64(e.Shards) {
		if err := c.count(); err != nil {
			return l, err
		}
		t, err := c.view.Tag(e.ShardOff + s*e.ShardStride)
		if err != nil {
			return l, err
		}
		l.Gets += t.Gets
		l.Puts += t.Puts
		l.Live += int64(t.Gets - t.Puts)
		l.LiveBytes += int64(t.GetBytes - t.PutBytes)
	}
	return l, nil
}

func (c *collector) count() error {
	if c.reads++; c.reads > maxReads {
		return fmt.Errorf("more than %d shards: %w", maxReads, statspage.ErrFormat)
	}
	return nil
}

// add sums a class or the large blocks into their allocator.
func add(sum *List, l List) {
	sum.Gets += l.Gets
	sum.Puts += l.Puts
	sum.Refills += l.Refills
	sum.Spills += l.Spills
	sum.Failures += l.Failures
	sum.Live += l.Live
	sum.Parked += l.Parked
	sum.Slabs += l.Slabs
	sum.LiveBytes += l.LiveBytes
	sum.HeldBytes += l.HeldBytes
}
