package mdl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"offheap.example/lookaside/align"
)

// A connection carries messages of one header and, in a list, references. All
// numbers are little endian.
//
//	offset  bytes  header
//	0       4      "lmdl"
//	4       1      version, 1
//	5       1      kind: 1 file, 2 list, 3 done
//	6       1      access: 1 reading, 2 reading and writing; 0 in done
//	7       1      0
//	8       8      number of the list, from 1; 0 in file
//	16      8      file: its size; list: the bytes of all references; done: 0
//	24      4      how many references follow; 0 unless it is a list
//	28      4      0
//
//	offset  bytes  reference
//	0       8      where in the file
//	8       8      how many bytes, at least 1
//
// A file message carries one open file in a control message. There is at most
// one for each access, before the first list that needs it. Lists and files go
// from the sender to the receiver, done the other way, once for each list.
const (
	wireVersion   = 1
	wireHeader    = 32
	refBytes      = 16
	maxReferences = 4096 // in one list
)

var wireMagic = [4]byte{'l', 'm', 'd', 'l'}

const (
	kindFile = iota + 1
	kindList
	kindDone
)

var (
	// ErrProtocol says that the other side of a connection sent what no sender or
	// receiver sends.
	ErrProtocol = errors.New("protocol violated")
	// ErrPeerGone says that the other side of a connection is no longer there.
	ErrPeerGone = errors.New("peer is gone")
	// ErrRefused says that a list exceeds the receiver's Limits, or could not be
	// mapped; the sender has it back, and the next may fit.
	ErrRefused = errors.New("list refused")
)

// WireError tells which number in a message makes no sense. It wraps
// ErrProtocol.
type WireError struct {
	What string // the field, or what is wrong with the message
	Got  uint64
	Want uint64 // what it must be, or the most that it may be
}

// Error tells the numbers.
func (e *WireError) Error() string {
	return fmt.Sprintf("%s %d, want %d: %v", e.What, e.Got, e.Want, ErrProtocol)
}

// Unwrap returns ErrProtocol.
func (e *WireError) Unwrap() error { return ErrProtocol }

// reference is part of a file.
type reference struct{ off, n uint64 }

// message is one message, decoded.
type message struct {
	kind   uint8
	access Prot
	id     uint64
	size   uint64
	refs   []reference
}

// append encodes a message.
func (m *message) append(b []byte) []byte {
	b = append(b, wireMagic[:]...)
	b = append(b, wireVersion, m.kind, byte(m.access), 0)
	b = binary.LittleEndian.AppendUint64(b, m.id)
	b = binary.LittleEndian.AppendUint64(b, m.size)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.refs)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	for _, r := range m.refs {
		b = binary.LittleEndian.AppendUint64(b, r.off)
		b = binary.LittleEndian.AppendUint64(b, r.n)
	}
	return b
}

// parse decodes the message that b begins with, into m, whose references it uses
// again, and returns how long it is; when b is only the beginning of one, it
// returns 0 and how long b must be to go on. What is wrong with a message is
// found as soon as the bytes that say so are there.
func (m *message) parse(b []byte) (n, need int, err error) {
	if len(b) < wireHeader {
		return 0, wireHeader, nil
	}
	count, err := m.parseHeader(b[:wireHeader])
	if err != nil {
		return 0, 0, err
	}
	n = wireHeader + count*refBytes
	if len(b) < n {
		return 0, n, nil
	}
	return n, n, m.parseRefs(b[wireHeader:n])
}

// field is a number of a header, what it is and what it may be.
type field struct {
	what         string
	got, lo, top uint64
}

// parseHeader decodes a header and returns how many references follow.
func (m *message) parseHeader(b []byte) (count int, err error) {
	m.kind, m.access = b[5], Prot(b[6])
	m.id = binary.LittleEndian.Uint64(b[8:])
	m.size = binary.LittleEndian.Uint64(b[16:])
	refs := binary.LittleEndian.Uint32(b[24:])
	magic := uint64(binary.LittleEndian.Uint32(wireMagic[:]))
	fields := [...]field{
		{"magic", uint64(binary.LittleEndian.Uint32(b)), magic, magic},
		{"version", uint64(b[4]), wireVersion, wireVersion},
		{"kind", uint64(m.kind), kindFile, kindDone},
		{"unused byte", uint64(b[7]), 0, 0},
		{"unused word", uint64(binary.LittleEndian.Uint32(b[28:])), 0, 0},
		{"access", uint64(m.access), uint64(ReadOnly), uint64(ReadWrite)},
		{"number of the list", m.id, 1, math.MaxUint64},
		{"size", m.size, 1, math.MaxInt64},
		{"references", uint64(refs), 1, maxReferences},
	}
	const access, number, size, references = 5, 6, 7, 8
	none := func(which int) { fields[which].lo, fields[which].top = 0, 0 }
	switch m.kind {
	case kindFile:
		none(number)
		none(references)
	case kindDone:
		none(access)
		none(size)
		none(references)
	}
	for _, f := range fields {
		if f.got < f.lo || f.got > f.top {
			want := f.top
			if f.got < f.lo {
				want = f.lo
			}
			return 0, &WireError{What: f.what, Got: f.got, Want: want}
		}
	}
	return int(refs), nil
}

// parseRefs decodes the references of a list and checks them against each
// other.
func (m *message) parseRefs(b []byte) error {
	m.refs = m.refs[:0]
	sum := uint64(0)
	for ; len(b) > 0; b = b[refBytes:] {
		r := reference{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
		if r.n == 0 {
			return &WireError{What: "bytes of a reference", Got: 0, Want: 1}
		}
		if r.n > m.size-sum {
			return &WireError{What: "bytes of all references", Got: sum + r.n, Want: m.size}
		}
		sum += r.n
		m.refs = append(m.refs, r)
	}
	if m.kind == kindList && sum != m.size {
		return &WireError{What: "bytes of all references", Got: sum, Want: m.size}
	}
	return nil
}

// within checks that all references lie in a file of the given size.
func (m *message) within(file uint64) error {
	for _, r := range m.refs {
		if r.off > file {
			return &WireError{What: "offset of a reference", Got: r.off, Want: file}
		}
		if r.n > file-r.off {
			return &WireError{What: "bytes of a reference", Got: r.n, Want: file - r.off}
		}
	}
	return nil
}

// extent is part of a file and where it goes in a range of addresses, all in
// whole pages.
type extent struct {
	at   int    // in the range
	off  uint64 // in the file
	long int
}

// place is a contiguous part of a range of addresses.
type place struct{ at, n int }

// layout says where references go that lie in a file: parts one behind the
// other, adjacent where their pages allow it, and the pages of the file that have
// to be mapped for them. It returns the number of bytes of the range, or false
// when these are more than an int holds.
func (m *message) layout() (extents []extent, places []place, size int, ok bool) {
	page := uint64(align.PageSize())
	end := 0            // of what has been placed, in the range
	last := reference{} // the one before
	var total uint64    // an upper bound of the range
	for _, r := range m.refs {
		if total += r.n + 2*page; total > math.MaxInt {
			return nil, nil, 0, false
		}
		in := int(r.off % page)
		k := len(extents) - 1
		switch {
		case k >= 0 && r.off == last.off+last.n: // more of the same
			extents[k].long = align.Up(int(r.off+r.n-extents[k].off), int(page))
		case k >= 0 && end%int(page) == 0 && in == 0: // pages meet
			extents = append(extents, extent{at: end, off: r.off, long: align.Up(int(r.n), int(page))})
		default:
			at := align.Up(end, int(page))
			extents = append(extents, extent{at: at, off: r.off - uint64(in), long: align.Up(in+int(r.n), int(page))})
			end = at + in
			places = append(places, place{at: end})
		}
		places[len(places)-1].n += int(r.n)
		end += int(r.n)
		last = r
	}
	return extents, places, align.Up(end, int(page)), true
}
