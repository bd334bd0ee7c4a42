package mdl

import (
	"fmt"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/slab"
)

// AppendBuffer adds the bytes of p to the end, which nobody manages, under the
// conditions of Describe. An empty p adds nothing.
func (l *List) AppendBuffer(p []byte) error {
	b, err := l.live("append buffer")
	if err != nil {
		return err
	}
	if len(p) > 0 {
		b.add(memory.Object{}, p[:len(p):len(p)], 0)
	}
	return nil
}

// AppendOwned adds all bytes of m to the end and deletes m: the caller is done
// with it, and the lists that have it keep it alive. It returns errors that
// wrap object.ErrDeleted for a stale m and ErrInvalid for what is no memory
// object; nothing has changed then.
func (l *List) AppendOwned(m memory.Object) error {
	b, err := l.live("append owned")
	if err != nil {
		return err
	}
	return b.adopt("append owned", m)
}

// adopt adds all bytes of m and deletes it.
func (b *body) adopt(op string, m memory.Object) error {
	buf, flags, err := hold(m)
	if err != nil {
		return fmt.Errorf("mdl: %s: %w", op, err)
	}
	if err := m.Delete(); err != nil {
		drop(m)
		return fmt.Errorf("mdl: %s: %w", op, err)
	}
	b.add(m, buf, flags)
	return nil
}

// AppendRun adds the pages of a run to the end. They belong to a memory object
// of which the list holds the only reference: a gets them back when the last
// list that has them lets go, and the caller must not release the run any more.
// It returns errors that wrap ErrInvalid for no arena and for a run that is not
// in use, or not this arena's; the run is still the caller's then.
func (l *List) AppendRun(a *arena.Arena, r arena.Run) error {
	b, err := l.live("append run")
	if err != nil {
		return err
	}
	if a == nil {
		return fmt.Errorf("mdl: append run: no arena: %w", ErrInvalid)
	}
	pages := r.Bytes()
	if p, ok := a.Locate(pages); !ok || p.State != arena.PageUsed {
		return fmt.Errorf("mdl: append run: %d pages are not in use in %q: %w", r.Pages(), a.Name(), ErrInvalid)
	}
	m, err := memory.Owned(pages, a)
	if err != nil {
		return fmt.Errorf("mdl: append run: %w", err)
	}
	return b.adopt("append run", m)
}

// AppendTyped adds the block of *p, which t's New returned, to l's end. It
// belongs to a memory object of which the list holds the only reference: t gets
// it back when the last list that has it lets go, and the caller must not free
// it any more, but may use p as long as l has it. It returns errors that wrap
// ErrInvalid for no t and no p; the block is still the caller's then.
func AppendTyped[T any](l *List, t *slab.Typed[T], p *T) error {
	b, err := l.live("append typed")
	if err != nil {
		return err
	}
	m, err := memory.OfTyped(t, p)
	if err != nil {
		return fmt.Errorf("mdl: append typed: %w", err)
	}
	return b.adopt("append typed", m)
}
