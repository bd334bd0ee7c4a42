package lookaside

import (
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/object"
)

// NewRequest makes a request whose parent is the domain's root: Close deletes
// it if nobody did before. A closed domain gives an error that wraps
// object.ErrDeleted. It is WdfRequestCreate.
func (d *Domain) NewRequest() (*ioreq.Request, error) {
	return ioreq.New(object.Config{Parent: d.root})
}
