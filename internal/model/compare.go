package model

import (
	"errors"
	"fmt"

	"offheap.example/lookaside/slab"
)

// check compares one account of the real thing with the reference.
func check(what string, s slab.Stats, want account) error {
	switch {
	case s.Gets != want.gets || s.Puts != want.puts:
		return fmt.Errorf("%s: %d gets and %d puts counted, %d and %d made", what, s.Gets, s.Puts, want.gets, want.puts)
	case s.Live != want.live() || s.LiveBytes != want.bytes:
		return fmt.Errorf("%s: %d blocks (%d bytes) counted live, %d (%d bytes) are", what, s.Live, s.LiveBytes, want.live(), want.bytes)
	case s.Failures < want.failures || s.Failures > want.failures+want.hidden:
		return fmt.Errorf("%s: %d failures counted, %d seen (and %d that would not show)", what, s.Failures, want.failures, want.hidden)
	case s.Parked < 0 || s.Slabs < 0 || s.HeldBytes < s.LiveBytes+s.ParkedBytes:
		return fmt.Errorf("%s: counters do not add up: %+v", what, s)
	}
	return nil
}

// compare compares every counter of the system with the reference.
func (w *worker) compare() error {
	s := w.sys.Heap.Stats()
	if err := w.compareClasses(s); err != nil {
		return err
	}
	if len(s.Tags) != len(w.tags) {
		return fmt.Errorf("%d tags have an account, there are %d", len(s.Tags), len(w.tags))
	}
	for i, tag := range s.Tags {
		tag.HeldBytes = tag.LiveBytes // tags hold no pages of their own
		if tag.Tag != tagNumber(i) {
			return fmt.Errorf("tag %d is %q", i, tag.Tag)
		}
		if err := check(fmt.Sprintf("tag %q", tag.Tag), tag, w.tags[i]); err != nil {
			return err
		}
	}
	for i, l := range w.sys.Lists {
		cfg, s := w.setup.Lists[i], l.Stats()
		if err := check(fmt.Sprintf("list %q", cfg.Name), s, w.lists[i]); err != nil {
			return err
		}
		if s.Name != cfg.Name || s.Tag != cfg.Tag || s.Size != cfg.Size || s.Depth < 1 {
			return fmt.Errorf("list %q: the account is of %q, tag %q, size %d, depth %d", cfg.Name, s.Name, s.Tag, s.Size, s.Depth)
		}
	}
	if a := w.sys.Arena.Stats(); a.InUse > a.Limit || a.Committed > a.Limit || a.Limit != w.setup.Limit {
		return fmt.Errorf("arena: %d bytes in use, %d committed, the limit is %d", a.InUse, a.Committed, a.Limit)
	}
	return nil
}

// compareClasses compares the classes of the allocator, and their sum.
func (w *worker) compareClasses(s slab.Stats) error {
	seen := map[int]bool{}
	var sum account
	for _, c := range s.Classes {
		want := w.classes[c.Size]
		if err := check(fmt.Sprintf("class %d", c.Size), c, want); err != nil {
			return err
		}
		seen[c.Size] = true
		sum.plus(&want)
	}
	for size, want := range w.classes {
		if !seen[size] && (want.gets > 0 || size == 0 && want.failures > 0) {
			return fmt.Errorf("class %d has no account, and %d gets were made", size, want.gets)
		}
		if !seen[size] {
			sum.hidden += want.failures + want.hidden // a class that never had a block is not listed
		}
	}
	return check("allocator", s, sum)
}

// recount lets the system count its blocks from scratch.
func (w *worker) recount() error {
	return errors.Join(w.sys.Heap.Audit(), w.sys.Lists[0].Audit(), w.sys.Lists[1].Audit())
}
