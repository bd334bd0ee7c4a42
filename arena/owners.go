package arena

import (
	"fmt"
	"math"
)

// Owner is somebody of the floor above who holds runs and must hear of it when they go.
type Owner interface {
	// ArenaClosing is called by Close before anything is unmapped, without a lock of the arena: the owner may still
	// release runs, purge, and detach itself, but acquires no more. When it returns the owner must not touch the
	// arena's memory any more.
	ArenaClosing()
}

// owners are those attached, at the place of their number. Guarded by Arena.mu.
type owners struct {
	at     []Owner // at[id-1]; nil where the number is unused
	unused []uint16
}

// Attach registers an owner and gives it a number from 1 to 65535 that no other attached owner has, so that records
// can name it. ErrInvalid for nil, ErrExhausted when all numbers are taken, ErrClosed. For the floor above.
func (a *Arena) Attach(o Owner) (id uint16, err error) {
	if o == nil {
		return 0, fmt.Errorf("arena: attach: nil owner: %w", ErrInvalid)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closing {
		return 0, fmt.Errorf("arena: attach: %w", ErrClosed)
	}
	w := &a.owners
	if n := len(w.unused); n > 0 {
		id, w.unused = w.unused[n-1], w.unused[:n-1]
		w.at[id-1] = o
		return id, nil
	}
	if len(w.at) == math.MaxUint16 {
		return 0, fmt.Errorf("arena: attach: %d owners: %w", len(w.at), ErrExhausted)
	}
	w.at = append(w.at, o)
	return uint16(len(w.at)), nil
}

// Detach forgets an owner; its number may be given to another. A number that is not in use is passed over, also after
// Close. For the floor above.
func (a *Arena) Detach(id uint16) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := &a.owners
	if id == 0 || int(id) > len(w.at) || w.at[id-1] == nil {
		return
	}
	w.at[id-1] = nil
	w.unused = append(w.unused, id)
}

// all are the owners attached now.
func (w *owners) all() []Owner {
	var list []Owner
	for _, o := range w.at {
		if o != nil {
			list = append(list, o)
		}
	}
	return list
}
