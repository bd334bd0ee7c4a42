package netio

import (
	"errors"
	"fmt"
	"net"
	"time"

	"offheap.example/lookaside/ioreq"
)

// Stream is an ioreq.Target over a connection: what is written to it goes to
// the peer, and what the peer writes can be read from it. Reads are performed
// one after the other in the order of their Sends, and so are writes; the two
// directions know nothing of each other. All methods may be called by any
// number of goroutines at once.
//
// A write completes when the kernel has taken all its bytes, a read when some
// bytes have come; those of Full, when all have. For both sent and released
// are one moment.
//
// The connection is the Stream's from NewStream on: use it for nothing else but
// CloseWrite and its addresses, and set deadlines here.
type Stream struct {
	conn net.Conn
	gate ioreq.Gate
	r, w lane
	full full
}

// NewStream makes a Stream of c, which Close closes. A connection with a
// SyscallConn is read and written by readv and writev, all others (TLS,
// net.Pipe, types that embed a connection, platforms other than Linux) by their
// own Read and Write, part by part. It starts no goroutine. It returns errors
// that wrap ErrInvalid for no connection, ErrNotStream for one that keeps the
// bounds of messages (UDP, IP, unixgram, unixpacket), and net.ErrClosed for one
// that is closed; c stays the caller's then.
func NewStream(c net.Conn) (*Stream, error) {
	if c == nil {
		return nil, fmt.Errorf("netio: new stream: no connection: %w", ErrInvalid)
	}
	raw, err := rawOf(c)
	if err != nil {
		return nil, fmt.Errorf("netio: new stream: %w", err)
	}
	s := &Stream{conn: c}
	s.full.Stream = s
	s.r.open(ioreq.Read, c, raw)
	s.w.open(ioreq.Write, c, raw)
	return s, nil
}

// Conn returns the connection.
func (s *Stream) Conn() net.Conn { return s.conn }

// Prepare refuses requests when the Stream is closed. It is ioreq.Preparer's.
func (s *Stream) Prepare(*ioreq.Request) error {
	if s.gate.Closed() {
		return ErrClosed
	}
	return nil
}

// Enter counts a request in flight, or returns ErrClosed. It is ioreq.Gated's.
func (s *Stream) Enter() error { return s.gate.Enter() }

// Leave counts one less. It is ioreq.Gated's.
func (s *Stream) Leave() { s.gate.Leave() }

// InFlight returns how many requests are in flight: sent, and their completion
// routines have not returned.
func (s *Stream) InFlight() int { return s.gate.InFlight() }

// Wait returns when no request is in flight. Called from a completion routine
// it waits for ever.
func (s *Stream) Wait() { s.gate.Wait() }

// Submit takes a request. It is ioreq.Target's.
func (s *Stream) Submit(r *ioreq.Request) error { return s.submit(r, false) }

func (s *Stream) submit(r *ioreq.Request, whole bool) error {
	switch r.Op() {
	case ioreq.Read:
		return s.r.submit(r, whole)
	case ioreq.Write:
		return s.w.submit(r, whole)
	}
	return fmt.Errorf("netio: submit: %v: %w", r.Op(), ErrInvalid)
}

// Cancel gives a request up. One that waits for its turn is over at once, with
// no bytes; one whose bytes are on their way is over soon, with as many as there
// were. It returns false for a request that is over, and for one under way when
// the Stream is closed or its connection knows no deadlines. It is
// ioreq.Target's.
func (s *Stream) Cancel(r *ioreq.Request) bool {
	if r.Op() == ioreq.Read {
		return s.r.cancel(r)
	}
	return s.w.cancel(r)
}

// Full returns the Stream as a target whose reads complete when all their bytes
// have come: the end of the stream in between gives io.ErrUnexpectedEOF, with
// the number of bytes there were. Reads of both kinds wait in one queue, and
// writes are the same.
func (s *Stream) Full() ioreq.Target { return &s.full }

// full is a Stream whose reads are filled.
type full struct{ *Stream }

// Submit takes a request. It is ioreq.Target's.
func (f *full) Submit(r *ioreq.Request) error { return f.submit(r, true) }

// SetReadDeadline sets when reads in flight and to come fail with
// ioreq.ErrTimeout; the zero time means never. Limits of single requests are
// theirs: see ioreq.Request.SetTimeout.
func (s *Stream) SetReadDeadline(t time.Time) error {
	if err := s.r.setDeadline(t); err != nil {
		return fmt.Errorf("netio: set read deadline: %w", err)
	}
	return nil
}

// SetWriteDeadline is SetReadDeadline for writes.
func (s *Stream) SetWriteDeadline(t time.Time) error {
	if err := s.w.setDeadline(t); err != nil {
		return fmt.Errorf("netio: set write deadline: %w", err)
	}
	return nil
}

// SetDeadline is both.
func (s *Stream) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}

// Close closes the connection. Requests in flight complete with ErrClosed and
// the number of bytes that were transferred, in the order of their Sends and
// exactly once; Close does not wait for that, Wait does. A second Close returns
// an error that wraps ErrClosed.
func (s *Stream) Close() error {
	if !s.gate.Close() {
		return fmt.Errorf("netio: close: %w", ErrClosed)
	}
	s.r.close()
	s.w.close()
	if err := s.conn.Close(); err != nil {
		return fmt.Errorf("netio: close: %w", err)
	}
	return nil
}
