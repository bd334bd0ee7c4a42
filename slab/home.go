package slab

import (
	"sync/atomic"

	"offheap.example/lookaside/internal/objtab"
)

// Home is where blocks go back to, for the floor above: its objects are in
// memory that the collector does not look into, so they cannot keep a list
// alive. A Home can: it lives for ever, and keeps its list until no block of it
// is out any more.
type Home struct {
	// Which of the three it is; none once nothing is out and the list is closed.
	// Publishes: the list. Pairs with: Reclaim.
	list   atomic.Pointer[Lookaside]
	alloc  atomic.Pointer[Allocator]
	tagged atomic.Pointer[Tagged]
}

// homes has the Homes. One of a list that was closed with all blocks back is
// used again.
var homes objtab.Cache[Home]

// nowhere is the Home of what is closed.
var nowhere Home

// Home returns where the blocks of l go back to.
func (l *Lookaside) Home() *Home {
	if h := l.home.Load(); h != nil {
		return h
	}
	return l.settle()
}

// Home is Lookaside.Home for an allocator.
func (a *Allocator) Home() *Home {
	if h := a.home.Load(); h != nil {
		return h
	}
	return a.settle()
}

// Home is Lookaside.Home for a tag.
func (x *Tagged) Home() *Home {
	if h := x.home.Load(); h != nil {
		return h
	}
	return x.settle()
}

//go:noinline
func (l *Lookaside) settle() *Home {
	return l.owner.settle(&l.home, func(h *Home) { h.list.Store(l) })
}

//go:noinline
func (a *Allocator) settle() *Home {
	return a.owner.settle(&a.home, func(h *Home) { h.alloc.Store(a) })
}

//go:noinline
func (x *Tagged) settle() *Home {
	return x.a.owner.settle(&x.home, func(h *Home) { h.tagged.Store(x) })
}

// settle makes the Home at p unless it exists or o is closed.
func (o *owner) settle(p *atomic.Pointer[Home], move func(*Home)) *Home {
	o.life.Lock()
	defer o.life.Unlock()
	if h := p.Load(); h != nil {
		return h
	}
	if o.closed && (o.gone || o.leaked == 0) {
		return &nowhere
	}
	h := homes.Get()
	move(h)
	o.settled = append(o.settled, p)
	// Publishes: the Home. Pairs with: Home.
	p.Store(h)
	return h
}

// moveOut empties the Homes of a closed owner, of which nothing is out any
// more, or whose arena is gone. Callers hold life.
func (o *owner) moveOut() {
	for _, p := range o.settled {
		h := p.Load()
		h.list.Store(nil)
		h.alloc.Store(nil)
		h.tagged.Store(nil)
		p.Store(nil) // no Home is made for what is closed
		if !o.gone { // otherwise blocks may be out, whose objects know it
			homes.Put(h)
		}
	}
	o.settled = nil
}

// Owner returns the *Lookaside, *Allocator or *Tagged that lives here, nil
// when nobody does any more.
func (h *Home) Owner() any {
	if l := h.list.Load(); l != nil {
		return l
	}
	if a := h.alloc.Load(); a != nil {
		return a
	}
	if x := h.tagged.Load(); x != nil {
		return x
	}
	return nil
}

// Lookaside returns the list that lives here, nil when another owner does, or
// nobody.
func (h *Home) Lookaside() *Lookaside { return h.list.Load() }

// Reclaim gives a block back to who lives here; see Lookaside.Reclaim.
func (h *Home) Reclaim(b []byte) {
	if l := h.list.Load(); l != nil {
		l.Reclaim(b)
	} else if a := h.alloc.Load(); a != nil {
		a.Reclaim(b)
	} else if x := h.tagged.Load(); x != nil {
		x.Reclaim(b)
	}
}
