package mdl

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/memory"
)

// Sender gives lists over the memory of one Shared arena to another process, to
// which a Unix socket leads. No payload goes through the socket: the arena's
// memory file does, once, and then references to parts of it. A Receiver at the
// other end makes lists of the same pages of them.
//
// Who receives the file can reach all of the arena's memory, not only the lists
// that it was sent: open an arena for each peer that you trust differently. With
// ReadOnly the peer gets a file that it cannot write through, and whose mode
// forbids other users to open it anew; against a process of the same user, which
// may debug ours, that is no protection. Whatever a peer writes, it cannot
// corrupt the allocator, which keeps nothing in these pages.
//
// The sender keeps a reference on everything that it sent until the peer has
// released it, or is gone. It learns of that in Send, in Reap and in Serve, and
// nowhere else: no goroutine is started. A peer that closes the connection and
// goes on reading sees what the memory is used for next.
//
// All methods may be called by many goroutines at once.
type Sender struct {
	conn *net.UnixConn
	raw  syscall.RawConn
	a    *arena.Arena

	writing sync.Mutex // one message at a time; before mu

	mu      sync.Mutex
	given   [ReadWrite + 1]bool  // files that the peer has; guarded by writing
	buf     []byte               // of the message being written; guarded by writing
	sent    map[uint64][]segment // by number; guarded by mu, as is what follows
	last    uint64               // number of the list sent last
	pending []byte               // the beginning of a message
	serving bool                 // Serve reads
	ended   error                // why there is nothing to do any more
}

// NewSender returns a sender of lists over the memory of a. The connection, a
// stream, belongs to it from then on; its peer is a Receiver. ErrInvalid for no
// connection, one that is no stream, no arena, and an arena that is not Shared.
func NewSender(conn *net.UnixConn, a *arena.Arena) (*Sender, error) {
	if a == nil {
		return nil, fmt.Errorf("mdl: new sender: no arena: %w", ErrInvalid)
	}
	if _, ok := a.Fd(); !ok {
		return nil, fmt.Errorf("mdl: new sender: arena %q is not Shared: %w", a.Name(), ErrInvalid)
	}
	raw, err := streamOf(conn)
	if err != nil {
		return nil, fmt.Errorf("mdl: new sender: %w", err)
	}
	return &Sender{conn: conn, raw: raw, a: a, sent: map[uint64][]segment{}}, nil
}

// streamOf makes sure that a connection is a stream.
func streamOf(conn *net.UnixConn) (syscall.RawConn, error) {
	if conn == nil {
		return nil, fmt.Errorf("no connection: %w", ErrInvalid)
	}
	if network := conn.LocalAddr().Network(); network != "unix" {
		return nil, fmt.Errorf("a connection of network %q: must be a stream, %q: %w", network, "unix", ErrInvalid)
	}
	return conn.SyscallConn()
}

// Send gives the list to the peer, for reading (ReadOnly) or for reading and
// writing (ReadWrite). The list stays the caller's; the sender takes references
// of its own on the memory, which last until the peer has released its list. All
// segments must lie in the sender's arena, wherever in their pages; a *MapError
// says which one does not. Others: ErrInvalid for an empty list, more than 4096
// segments, or another access; memory.ErrReadOnly for ReadWrite over a read-only
// segment; object.ErrDeleted; ErrPeerGone and ErrProtocol, which are final. A
// write deadline of the connection counts; when it passes in the middle of a
// message the sender has ended. With an error nothing was sent.
func (s *Sender) Send(l *List, access Prot) error {
	b, err := l.live("send")
	if err != nil {
		return err
	}
	if access != ReadOnly && access != ReadWrite {
		return fmt.Errorf("mdl: send: access %v: must be ReadOnly or ReadWrite: %w", access, ErrInvalid)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.reap(); err != nil {
		return fmt.Errorf("mdl: send: %w", err)
	}
	m := message{kind: kindList, access: access, size: uint64(b.size)}
	parts, err := s.refer(b, &m)
	if err != nil {
		return err
	}
	if err := s.file(access); err != nil {
		dropAll(parts)
		return fmt.Errorf("mdl: send: %w", err)
	}
	s.mu.Lock()
	s.last++
	m.id = s.last
	s.sent[m.id] = parts
	s.mu.Unlock()
	s.buf = m.append(s.buf[:0])
	if err := s.write(s.buf, nil); err != nil {
		s.forget(m.id)
		return fmt.Errorf("mdl: send: %w", err)
	}
	return nil
}

// refer makes the references of a message, and takes one on every segment.
func (s *Sender) refer(b *body, m *message) (parts []segment, err error) {
	n := b.hi - b.lo
	switch {
	case b.size == 0:
		return nil, fmt.Errorf("mdl: send: no bytes: %w", ErrInvalid)
	case n > maxReferences:
		return nil, fmt.Errorf("mdl: send: %d segments exceed %d: %w", n, maxReferences, ErrInvalid)
	case m.access == ReadWrite && b.readOnly(0, b.size):
		return nil, fmt.Errorf("mdl: send: access %v: %w", m.access, memory.ErrReadOnly)
	}
	for i := b.lo; i < b.hi; i++ {
		p := b.segments[i]
		off, ok := s.a.Offset(p.bytes())
		reason := MapReason(0)
		switch {
		case p.borrowed():
			reason = Borrowed
		case !ok:
			reason = NotShared
		}
		if reason != 0 {
			dropAll(parts)
			return nil, &MapError{Op: "send", Reason: reason, Segment: i - b.lo, Segments: n, Off: inPage(p.bytes()), Len: p.len()}
		}
		if err := p.share(); err != nil {
			dropAll(parts)
			return nil, fmt.Errorf("mdl: send: segment %d of %d: %w", i-b.lo, n, err)
		}
		parts = append(parts, p)
		m.refs = append(m.refs, reference{uint64(off), uint64(p.len())})
	}
	return parts, nil
}

func dropAll(parts []segment) {
	for i := range parts {
		drop(parts[i].m)
	}
}

// file sends the memory file, unless the peer has one that does. s.writing is
// held.
func (s *Sender) file(access Prot) error {
	if s.given[access] {
		return nil
	}
	fd, err := s.a.Reopen(access == ReadWrite)
	if err != nil {
		return err
	}
	m := message{kind: kindFile, access: access, size: uint64(s.a.FileSize())}
	err = s.write(m.append(nil), sys.Rights(fd))
	if e := sys.Close(fd); err == nil {
		err = e
	}
	s.given[access] = err == nil
	return err
}

// write writes a message. A message of which a part was written, and an error
// that is more than a deadline, end the sender. s.writing is held.
func (s *Sender) write(b, oob []byte) error {
	n, err := 0, sys.Fault("sendmsg")
	if err == nil && oob != nil {
		n, _, err = s.conn.WriteMsgUnix(b, oob, nil)
	}
	if err == nil && n < len(b) {
		var more int
		more, err = s.conn.Write(b[n:])
		n += more
	}
	switch late := errors.Is(err, os.ErrDeadlineExceeded); {
	case err == nil || late && n == 0:
		return err
	case late:
		return s.end(fmt.Errorf("%d of %d bytes of a message written: %w", n, len(b), err))
	}
	return s.end(fmt.Errorf("%w: %w", ErrPeerGone, err))
}

// Reap takes back what the peer has released, without waiting, and returns how
// many lists it still has. When the peer is gone all is taken back, and the error
// wraps ErrPeerGone; one that wraps ErrProtocol says that it sent nonsense, and
// the same has happened then. Both are final.
func (s *Sender) Reap() (out int, err error) {
	err = s.reap()
	out = s.Outstanding()
	if err != nil {
		err = fmt.Errorf("mdl: reap: %w", err)
	}
	return out, err
}

// Outstanding returns how many lists the peer has, as far as the sender knows.
func (s *Sender) Outstanding() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

func (s *Sender) reap() error {
	for {
		s.mu.Lock()
		if s.ended != nil || s.serving {
			defer s.mu.Unlock()
			return s.ended
		}
		var buf [64 * wireHeader]byte
		n, err := 0, error(nil)
		if e := s.raw.Read(func(fd uintptr) bool {
			n, err = sys.ReceiveNow(int(fd), buf[:])
			return true
		}); e != nil {
			err = e
		}
		s.mu.Unlock()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err := s.arrived(buf[:n], err); err != nil {
			return err
		}
		if n < len(buf) {
			return nil
		}
	}
}

// Serve takes back what the peer releases, as it does, and returns when the
// connection ends: nil after Close, else as Reap. It is meant for a goroutine of
// its own; a second one is refused with ErrInvalid. A read deadline of the
// connection ends it with os.ErrDeadlineExceeded, and it may be called again.
func (s *Sender) Serve() error {
	s.mu.Lock()
	if s.serving {
		s.mu.Unlock()
		return fmt.Errorf("mdl: serve: called twice: %w", ErrInvalid)
	}
	s.serving = true
	err := s.ended
	s.mu.Unlock()
	var buf [64 * wireHeader]byte
	for err == nil {
		var n int
		n, err = s.conn.Read(buf[:])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		err = s.arrived(buf[:n], err)
	}
	s.mu.Lock()
	s.serving = false
	s.mu.Unlock()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("mdl: serve: %w", err)
}

// arrived takes in bytes from the peer, or the reason why there are none.
func (s *Sender) arrived(b []byte, err error) error {
	if len(b) == 0 {
		if err == nil {
			err = io.EOF
		}
		return s.end(fmt.Errorf("%w: %w", ErrPeerGone, err))
	}
	var done [][]segment
	var wrong error
	s.mu.Lock()
	b = append(s.pending, b...)
	for wrong == nil {
		var m message
		n, _, err := m.parse(b)
		if err == nil && n == 0 {
			break
		}
		parts, known := s.sent[m.id]
		switch {
		case err != nil:
			wrong = err
		case m.kind != kindDone:
			wrong = &WireError{What: "kind", Got: uint64(m.kind), Want: kindDone}
		case !known:
			wrong = &WireError{What: "number of the list", Got: m.id, Want: s.last}
		default:
			delete(s.sent, m.id)
			done = append(done, parts)
			b = b[n:]
		}
	}
	s.pending = append(s.pending[:0], b...) // less than a message
	s.mu.Unlock()
	for _, parts := range done { // without a lock: callbacks may run
		dropAll(parts)
	}
	if wrong != nil {
		return s.end(wrong)
	}
	return nil
}

// forget takes back a list that was not sent.
func (s *Sender) forget(id uint64) {
	s.mu.Lock()
	parts := s.sent[id]
	delete(s.sent, id)
	s.mu.Unlock()
	dropAll(parts)
}

// end closes the connection and takes everything back, once. It returns the
// first reason for it.
func (s *Sender) end(reason error) error {
	s.mu.Lock()
	if s.ended == nil {
		s.ended = reason
	}
	reason = s.ended
	sent := s.sent
	s.sent = map[uint64][]segment{}
	s.mu.Unlock()
	_ = s.conn.Close() // a second one does nothing
	for _, parts := range sent {
		dropAll(parts)
	}
	return reason
}

// Close closes the connection and takes everything back, whether or not the peer
// has released it. Afterwards everything fails with net.ErrClosed. It may be
// called again, and does nothing then.
func (s *Sender) Close() error {
	_ = s.end(net.ErrClosed)
	return nil
}
