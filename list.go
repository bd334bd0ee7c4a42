package lookaside

import (
	"fmt"

	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/slab"
)

// headerBytes is the size of the blocks that the domain's scatter lists put
// headers in: room for those of several layers.
const headerBytes = 256

// NewList makes an empty scatter list, to append to. When it has to put bytes
// in front and has no headroom, it takes blocks of a lookaside of the domain's,
// "list headers", which Close counts with the others; the lists that are made
// from it do the same. The list itself belongs to the caller, who releases it.
// A closed domain gives ErrClosed; other errors are those of slab.New.
func (d *Domain) NewList() (*mdl.List, error) {
	headers := d.headers.Load() // Reads what listHeaders published.
	if headers == nil {
		var err error
		if headers, err = d.listHeaders(); err != nil {
			return nil, fmt.Errorf("lookaside: new list: %w", err)
		}
	}
	l := mdl.New()
	if err := l.SetSource(headers); err != nil {
		l.Release()
		return nil, fmt.Errorf("lookaside: new list: %w", err)
	}
	return l, nil
}

// listHeaders makes the lookaside of the first list's headers.
func (d *Domain) listHeaders() (*slab.Lookaside, error) {
	d.making.Lock()
	defer d.making.Unlock()
	if l := d.headers.Load(); l != nil { // Reads what another call published.
		return l, nil
	}
	l, err := d.NewLookaside("list headers", headerBytes, WithTag(slab.Tag{'m', 'd', 'l'}), WithAlign(64))
	if err != nil {
		return nil, err
	}
	d.headers.Store(l) // Publishes: l. Pairs with: NewList.
	return l, nil
}
