package slab

import (
	"fmt"
	"math/rand/v2"
)

// What a debugged list writes: both bytes are odd, not zero, and an address
// made of them is not canonical.
const (
	poisonByte  = 0xDB // free blocks under Poison
	redzoneByte = 0xB5 // behind blocks under Redzone
	redzoneMin  = 16   // bytes behind every block
)

// supported are the features that this version has.
const supported = Poison | Redzone | Shuffle

var debugNames = [...]string{"Poison", "Redzone", "Guard", "Audit", "Quarantine", "Shuffle"}

// check returns an error when d asks for what there is not.
func (d Debug) check() error {
	for i := range 8 {
		bit := Debug(1) << i
		switch {
		case d&bit == 0 || supported&bit != 0:
		case i < len(debugNames):
			return fmt.Errorf("%s is not available in this version: %w", debugNames[i], ErrInvalid)
		default:
			return fmt.Errorf("unknown feature %#x: %w", uint8(bit), ErrInvalid)
		}
	}
	return nil
}

// A list with debugging takes the slow way always: its shards stay shut to
// the fast path, which knows nothing of it.

// checkOut is what Get does to a block of a debugged list before it is
// handed out. It reports whether the block is as Put left it.
func (l *list) checkOut(b []byte) bool {
	whole := b[:l.stride:l.stride]
	if l.debug&Poison != 0 && !allBytes(whole, poisonByte) {
		fillBytes(whole, poisonByte)
		return false
	}
	if l.debug&Redzone != 0 {
		fillBytes(whole[l.size:], redzoneByte)
	}
	return true
}

// checkIn is what Put finds before it takes a block back.
func (l *list) checkIn(b []byte) bool {
	return l.debug&Redzone == 0 || allBytes(b[l.size:l.stride:l.stride], redzoneByte)
}

// poison fills a block that is free from now on, or a whole new slab.
func (l *list) poison(b []byte) {
	if l.debug&Poison != 0 {
		fillBytes(b, poisonByte)
	}
}

// shuffle puts blocks that come from slabs into random order.
func (l *list) shuffle(refs []ref) {
	if l.debug&Shuffle != 0 {
		rand.Shuffle(len(refs), func(i, j int) { refs[i], refs[j] = refs[j], refs[i] })
	}
}

func allBytes(b []byte, v byte) bool {
	for _, c := range b {
		if c != v {
			return false
		}
	}
	return true
}

func fillBytes(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// getChecked is Get of a debugged list. A free block that somebody wrote to
// is reported once, and free again.
func (l *Lookaside) getChecked() ([]byte, error) {
	r, err := l.only.take("get", 0)
	if err != nil {
		return nil, err
	}
	whole := bytesAt(r.pointer(), int(l.only.stride), int(l.only.stride))
	good := false
	l.life.RLock()
	closed := l.closed
	if !closed {
		if good = l.only.checkOut(whole); good && l.zero {
			clear(whole[:l.size])
		}
	}
	l.life.RUnlock()
	switch {
	case closed:
		return nil, l.errClosed("get")
	case !good:
		l.free("get", whole, stLive)
		panic(&MisuseError{Op: "get", Kind: UseAfterFree, List: l.name, Tag: l.tag, Addr: r.addr})
	}
	return whole[:l.size:l.size], nil
}

// putChecked is Put of a debugged list.
func (l *Lookaside) putChecked(b []byte) {
	if bad := l.lookInto(b); bad != nil {
		panic(bad)
	}
	l.free("put", b, stLive)
}

// lookInto verifies the redzone of a live block and says what is wrong. Nobody but the caller holds the block.
func (l *Lookaside) lookInto(b []byte) *MisuseError {
	l.life.RLock()
	defer l.life.RUnlock()
	if l.closed {
		return l.afterClose("put", addrOf(b))
	}
	if _, bad := l.tame("put", addrOf(b), stLive); bad != nil {
		return bad
	}
	whole := bytesAt(addrOf(b), int(l.only.stride), int(l.only.stride))
	if !l.only.checkIn(whole) {
		return &MisuseError{Op: "put", Kind: Overrun, List: l.name, Tag: l.tag, Addr: uintptr(addrOf(b))}
	}
	return nil
}
