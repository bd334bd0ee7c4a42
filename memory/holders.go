package memory

import (
	"fmt"

	"offheap.example/lookaside/internal/objtab"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// HoldAs is Hold for the floors above, which say who they are: reports name
// them. object.UnrefAs with the same holder drops the reference.
func HoldAs(m Object, by objtab.Holder) (b []byte, readOnly bool, err error) {
	if err := object.RefAs(m.Object, by); err != nil {
		return nil, false, fmt.Errorf("memory: hold: %w", m.refused(err))
	}
	body := object.Body(m.Object, kind)
	if body == nil {
		object.UnrefAs(m.Object, by)
		return nil, false, fmt.Errorf("memory: hold: %w", errNotMemory)
	}
	return body.Buf, body.Flags&objtab.ReadOnly != 0, nil
}

// Outstanding calls f with every memory object in the process of which
// object.Each can tell that it is in use, with its bytes and their owner. While
// f runs there is a reference on the object. It is for reports.
func Outstanding(f func(m Object, b []byte, owner any)) {
	object.Each(func(o object.Object) {
		if body := object.Body(o, kind); body != nil {
			owner := body.Owner
			if home, ok := owner.(*slab.Home); ok {
				owner = home.Owner()
			}
			f(Object{o}, body.Buf, owner)
		}
	})
}
