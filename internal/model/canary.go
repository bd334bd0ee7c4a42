package model

import (
	"offheap.example/lookaside/slab"
)

// Canary is a system that is broken on purpose.
type Canary struct {
	Name string
	Open Opener
}

// every is how often a canary makes its mistake: once in so many opportunities.
const every = 8

// opportunity counts, and is true once in every.
type opportunity int

func (o *opportunity) taken() bool {
	*o++
	return *o%every == 0
}

// Canaries are systems with one mistake each. Programs must find every one of them.
func Canaries() []Canary {
	heaps := []struct {
		name  string
		wraps func(Heap) Heap
	}{
		{"hands a block out twice", func(h Heap) Heap { return &twice{Heap: h} }},
		{"forgets to zero", func(h Heap) Heap { return &unzeroed{Heap: h} }},
		{"loses a byte when a block moves", func(h Heap) Heap { return &lossy{Heap: h} }},
		{"writes into a block that is out", func(h Heap) Heap { return &scribbler{Heap: h} }},
		{"hands out less room than it says", func(h Heap) Heap { return &narrow{Heap: h} }},
		{"ignores alignment", func(h Heap) Heap { return &crooked{Heap: h} }},
		{"counts one get too many", func(h Heap) Heap { return &miscounting{Heap: h} }},
		{"accepts a block twice", func(h Heap) Heap { return &trusting{Heap: h} }},
		{"calls every mistake a double free", func(h Heap) Heap { return &vague{Heap: h} }},
		{"frees half of a wrong batch", func(h Heap) Heap { return &hasty{Heap: h} }},
		{"forgets a free", func(h Heap) Heap { return &forgetful{Heap: h} }},
		{"says that memory is gone when it is not", func(h Heap) Heap { return &timid{Heap: h} }},
		{"reports no leak", func(h Heap) Heap { return &silent{Heap: h} }},
	}
	var all []Canary
	for _, c := range heaps {
		all = append(all, Canary{c.name, func(s Setup) (*System, error) {
			sys, err := Open(s)
			if err == nil {
				sys.Heap = c.wraps(sys.Heap)
			}
			return sys, err
		}})
	}
	return append(all, Canary{"a list that hands out what is not zero", func(s Setup) (*System, error) {
		sys, err := Open(s)
		if err == nil {
			for i, l := range sys.Lists {
				sys.Lists[i] = &dirtyList{List: l}
			}
		}
		return sys, err
	}})
}

type twice struct {
	Heap
	last []byte
	opportunity
}

func (c *twice) Alloc(n int) ([]byte, error) {
	if n > 0 && cap(c.last) >= n && c.taken() {
		return c.last[:n], nil
	}
	b, err := c.Heap.Alloc(n)
	c.last = b
	return b, err
}

type unzeroed struct{ Heap }

func (c *unzeroed) AllocZeroed(n int) ([]byte, error) { return c.Heap.Alloc(n) }

type lossy struct{ Heap }

func (c *lossy) Realloc(b []byte, n int) ([]byte, error) {
	m, err := c.Heap.Realloc(b, n)
	if err == nil && len(b) > 0 && n >= len(b) && addrOf(m) != addrOf(b) {
		m[len(b)-1] ^= 0x40
	}
	return m, err
}

type scribbler struct {
	Heap
	victim []byte
}

func (c *scribbler) Alloc(n int) ([]byte, error) {
	if len(c.victim) > 0 {
		c.victim[0]++
		c.victim = nil
	}
	b, err := c.Heap.Alloc(n)
	if len(b) > 16 {
		c.victim = b
	}
	return b, err
}

func (c *scribbler) Free(b []byte) {
	c.victim = nil
	c.Heap.Free(b)
}

// Stats is the last thing that a program asks before it closes the arena: what is gone is not written to.
func (c *scribbler) Stats() slab.Stats {
	c.victim = nil
	return c.Heap.Stats()
}

func (c *scribbler) Realloc(b []byte, n int) ([]byte, error) {
	c.victim = nil
	return c.Heap.Realloc(b, n)
}

func (c *scribbler) FreeBatch(b [][]byte) {
	c.victim = nil
	c.Heap.FreeBatch(b)
}

type narrow struct{ Heap }

func (c *narrow) Alloc(n int) ([]byte, error) {
	b, err := c.Heap.Alloc(n)
	return b[:len(b):len(b)], err
}

type crooked struct{ Heap }

func (c *crooked) AllocAligned(n, to int) ([]byte, error) {
	if n > 0 && to > 0 && to&(to-1) == 0 {
		return c.Heap.Alloc(n)
	}
	return c.Heap.AllocAligned(n, to)
}

type miscounting struct{ Heap }

func (c *miscounting) Stats() slab.Stats {
	s := c.Heap.Stats()
	if s.Gets >= every {
		s.Gets++
	}
	return s
}

type trusting struct{ Heap }

func (c *trusting) Free(b []byte) { _ = recovered(func() error { c.Heap.Free(b); return nil }) }

type vague struct{ Heap }

func (c *vague) Free(b []byte) {
	defer func() {
		if e, ok := recover().(*slab.MisuseError); ok {
			e.Kind = slab.DoubleFree
			panic(e)
		}
	}()
	c.Heap.Free(b)
}

type hasty struct{ Heap }

func (c *hasty) FreeBatch(src [][]byte) {
	for _, b := range src {
		c.Heap.FreeBatch([][]byte{b})
	}
}

type forgetful struct {
	Heap
	opportunity
}

func (c *forgetful) Free(b []byte) {
	if len(b) > 0 && c.taken() {
		return
	}
	c.Heap.Free(b)
}

type timid struct {
	Heap
	opportunity
}

func (c *timid) Alloc(n int) ([]byte, error) {
	if n > 0 && n < maxSmall && c.taken() {
		return c.Heap.Alloc(reserve + 1)
	}
	return c.Heap.Alloc(n)
}

type silent struct{ Heap }

func (c *silent) Close() error {
	_ = c.Heap.Close()
	return nil
}

type dirtyList struct{ List }

func (c *dirtyList) Get() ([]byte, error) {
	b, err := c.List.Get()
	if err == nil {
		b[len(b)-1] = 1
	}
	return b, err
}
