package mdl

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"offheap.example/lookaside/internal/sys"
)

// Limits bound what a Receiver accepts at a time, counted over all of its lists
// that are not released yet. Zero means the default.
type Limits struct {
	References int   // parts of lists, each of which may need a mapping; 16384 by default
	Bytes      int64 // of address space; 64 GiB by default
}

const (
	defaultReferences = 16384
	defaultBytes      = 64 << 30
)

// Receiver makes lists of what a Sender sends: the same pages, mapped into this
// process. It believes nothing that it is told: a file that could shrink, a
// reference that does not lie in the file, and every other number that makes no
// sense is an error that wraps ErrProtocol, and no bytes of a list fault,
// whatever the sender does later. It may change them at any time, though: copy
// what you check before you use it.
//
// Receive is for one goroutine at a time; the others, and the lists, for many.
type Receiver struct {
	conn *net.UnixConn
	raw  syscall.RawConn

	reading sync.Mutex // guards what Receive alone uses, and comes before mu
	store   []byte     // what buf is a part of
	buf     []byte     // what has arrived and is not used yet
	arrived []int      // files that have arrived and are not used yet
	files   [ReadWrite + 1]sharedFile
	broken  error // what was wrong with the last message
	msg     message

	mu     sync.Mutex
	limits Limits
	live   Limits // what the lists have that are not released
	lists  int
	outbox []byte // done messages that the socket has no room for
	waits  bool   // Flush writes
	closed bool
}

// sharedFile is a memory file that the sender sent.
type sharedFile struct {
	fd   int
	size uint64 // 0: there is none
}

// NewReceiver returns a receiver of what the Sender at the other end of conn
// sends. The connection, a stream, belongs to it from then on. ErrInvalid for no
// connection and for one that is no stream; on platforms without memory files
// the error says so.
func NewReceiver(conn *net.UnixConn) (*Receiver, error) {
	raw, err := streamOf(conn)
	if err == nil && !sys.Supported {
		err = sys.ErrUnsupported
	}
	if err != nil {
		return nil, fmt.Errorf("mdl: new receiver: %w", err)
	}
	return &Receiver{conn: conn, raw: raw, limits: Limits{defaultReferences, defaultBytes}}, nil
}

// SetLimits changes what the receiver accepts from now on. ErrInvalid for
// negative values.
func (r *Receiver) SetLimits(l Limits) error {
	if l.References < 0 || l.Bytes < 0 {
		return fmt.Errorf("mdl: set limits: %d references, %d bytes: must not be negative: %w", l.References, l.Bytes, ErrInvalid)
	}
	if l.References == 0 {
		l.References = defaultReferences
	}
	if l.Bytes == 0 {
		l.Bytes = defaultBytes
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limits = l
	return nil
}

// Outstanding returns how many lists that were received are not released yet,
// the lists made of their parts included.
func (r *Receiver) Outstanding() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lists
}

// Receive waits for the next list. Its bytes are the sender's pages: what one
// side writes the other sees. Where the sender allows reading only, the list is
// read-only, and a write through its slices faults. When the list, and all made
// of its parts, have been released, the sender is told.
//
// It returns an error that wraps ErrPeerGone, and io.EOF, when the sender has
// closed the connection; ErrProtocol, with a *WireError where a number is wrong,
// for anything that no Sender sends, a message cut short included; both are
// final. ErrRefused for a list that exceeds the Limits or that the kernel would
// not map: the sender has it back, and Receive goes on with the next. When a read
// deadline of the connection passes, also in the middle of a message, nothing is
// lost.
func (r *Receiver) Receive() (*List, error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	l, err := r.receive()
	if err != nil {
		return nil, fmt.Errorf("mdl: receive: %w", err)
	}
	return l, nil
}

func (r *Receiver) receive() (*List, error) {
	for r.broken == nil {
		r.flushNow()
		n, need, err := r.msg.parse(r.buf)
		if err == nil && n == 0 {
			if err = r.more(need); err == nil {
				continue
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return nil, err
			}
		}
		if err == nil {
			r.buf = r.buf[n:]
			switch r.msg.kind {
			case kindFile:
				err = r.takeFile()
			case kindList:
				l, e := r.takeList()
				if e == nil || errors.Is(e, ErrRefused) {
					return l, e
				}
				err = e
			default:
				err = &WireError{What: "kind", Got: uint64(r.msg.kind), Want: kindList}
			}
		}
		if err != nil {
			r.broken = err
			r.closeFiles()
			_ = r.conn.Close()
		}
	}
	return nil, r.broken
}

// more reads until there are need bytes, or an error.
func (r *Receiver) more(need int) error {
	have := len(r.buf)
	if have == 0 {
		r.buf = r.store[:0]
	}
	if cap(r.buf) < need {
		r.store = make([]byte, max(2*need, 16<<10))
		r.buf = r.store[:copy(r.store, r.buf)]
	}
	var room [256]byte
	oob := room[:min(sys.RightsSpace(len(r.files)), len(room))]
	n, oobn, flags, _, err := r.conn.ReadMsgUnix(r.buf[have:cap(r.buf)], oob)
	if oobn > 0 {
		files, e := sys.ParseRights(oob[:oobn])
		r.arrived = append(r.arrived, files...)
		if err == nil {
			err = e
		}
	}
	r.buf = r.buf[:have+max(n, 0)]
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case err == nil && (sys.Truncated(flags) || len(r.arrived) >= len(r.files)):
		return &WireError{What: "files", Got: uint64(len(r.arrived)), Want: uint64(len(r.files)) - 1}
	case err == nil && n > 0:
		return nil
	case err == nil:
		err = io.EOF
	}
	err = fmt.Errorf("%w: %w", ErrPeerGone, err)
	if have > 0 {
		err = fmt.Errorf("%w: %w: %w", &WireError{What: "bytes of a message", Got: uint64(have), Want: uint64(need)}, io.ErrUnexpectedEOF, err)
	}
	return err
}

// takeFile takes in the file that came with a file message.
func (r *Receiver) takeFile() error {
	if len(r.arrived) == 0 {
		return &WireError{What: "files", Got: 0, Want: 1}
	}
	fd := r.arrived[0]
	r.arrived = r.arrived[1:]
	f, err := sys.FileOf(fd)
	to := &r.files[r.msg.access]
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrProtocol, err)
	case to.size != 0:
		err = fmt.Errorf("a second file for %v: %w", r.msg.access, ErrProtocol)
	case !f.Memory:
		err = fmt.Errorf("the file is no memory file: %w", ErrProtocol)
	case f.Seals&sys.SealShrink == 0:
		err = fmt.Errorf("the file could shrink: it is not sealed: %w", ErrProtocol)
	case r.msg.access == ReadWrite && !f.Writes:
		err = fmt.Errorf("the file is open for reading only: %w", ErrProtocol)
	case uint64(f.Size) != r.msg.size:
		err = &WireError{What: "size of the file", Got: r.msg.size, Want: uint64(f.Size)}
	}
	if err != nil {
		_ = sys.Close(fd)
		return err
	}
	*to = sharedFile{fd, r.msg.size}
	return nil
}

// takeList makes a list of a list message.
func (r *Receiver) takeList() (*List, error) {
	m := &r.msg
	f := r.files[m.access]
	if f.size == 0 && m.access == ReadOnly {
		f = r.files[ReadWrite]
	}
	if f.size == 0 {
		return nil, fmt.Errorf("a list for %v before its file: %w", m.access, ErrProtocol)
	}
	if err := m.within(f.size); err != nil {
		return nil, err
	}
	w := &received{r: r, id: m.id, has: Limits{References: len(m.refs)}}
	l, err := w.make(m, f)
	if err != nil {
		r.done(w.id)
		return nil, fmt.Errorf("list %d: %w: %w", m.id, ErrRefused, err)
	}
	return l, nil
}

// admit counts a list, or says why it is one too many.
func (r *Receiver) admit(has Limits) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case has.References > r.limits.References-r.live.References:
		return fmt.Errorf("%d references besides %d exceed %d", has.References, r.live.References, r.limits.References)
	case has.Bytes > r.limits.Bytes-r.live.Bytes:
		return fmt.Errorf("%d bytes besides %d exceed %d", has.Bytes, r.live.Bytes, r.limits.Bytes)
	}
	r.live.References += has.References
	r.live.Bytes += has.Bytes
	r.lists++
	return nil
}

func (r *Receiver) dismiss(has Limits) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live.References -= has.References
	r.live.Bytes -= has.Bytes
	r.lists--
}

// done tells the sender that a list is released. It does not wait: what the
// socket has no room for goes with the next.
func (r *Receiver) done(id uint64) {
	m := message{kind: kindDone, id: id}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outbox = m.append(r.outbox)
	r.flushLocked()
}

func (r *Receiver) flushNow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushLocked()
}

// flushLocked sends what there is room for. r.mu is held.
func (r *Receiver) flushLocked() {
	for len(r.outbox) > 0 && !r.closed && !r.waits {
		var n int
		var err error
		if e := r.raw.Write(func(fd uintptr) bool {
			n, err = sys.SendNow(int(fd), r.outbox)
			return true
		}); e != nil {
			err = e
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil { // there is nobody to tell; Receive will say so
			r.outbox = nil
			return
		}
		r.outbox = append(r.outbox[:0], r.outbox[n:]...)
	}
}

// Flush waits until the sender has been told about everything that is released.
// Only who releases more lists than a socket has room for, a few thousand, while
// the sender does not look, and then neither receives nor releases any more,
// needs it. A write deadline of the connection counts. It returns ErrPeerGone
// when there is nobody to tell, and ErrInvalid when another Flush is waiting.
func (r *Receiver) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.outbox) > 0 && !r.closed {
		if r.waits {
			return fmt.Errorf("mdl: flush: called twice: %w", ErrInvalid)
		}
		b := r.outbox
		r.outbox, r.waits = nil, true
		r.mu.Unlock()
		n, err := r.conn.Write(b) // without the lock: lists may be released meanwhile
		r.mu.Lock()
		r.outbox, r.waits = append(b[n:], r.outbox...), false
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("mdl: flush: %w", err)
		case err != nil:
			r.outbox = nil
			return fmt.Errorf("mdl: flush: %w: %w", ErrPeerGone, err)
		}
	}
	return nil
}

// Close closes the connection and the files. Lists that were received can still
// be used and have to be released, but the sender no longer keeps their memory
// for us: their bytes may change. A Receive that waits returns ErrPeerGone. It
// may be called again, and does nothing then.
func (r *Receiver) Close() error {
	_ = r.conn.Close()
	r.mu.Lock()
	r.closed = true
	r.outbox = nil
	r.mu.Unlock()
	r.reading.Lock()
	defer r.reading.Unlock()
	if r.broken == nil {
		r.broken = fmt.Errorf("%w: %w", ErrPeerGone, net.ErrClosed)
	}
	r.closeFiles()
	return nil
}

// closeFiles closes all files, used or not. r.reading is held.
func (r *Receiver) closeFiles() {
	for i := range r.files {
		if r.files[i].size != 0 {
			_ = sys.Close(r.files[i].fd)
		}
		r.files[i] = sharedFile{}
	}
	for _, fd := range r.arrived {
		_ = sys.Close(fd)
	}
	r.arrived = nil
}
