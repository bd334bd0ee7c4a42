package trace

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
)

// scanBuffer is the reader's window in bytes, and maxLine the longest line it
// accepts.
const (
	scanBuffer = 256 << 10
	maxLine    = 64 << 10
)

// scanner cuts a stream into lines without copying them.
type scanner struct {
	r     io.Reader
	buf   []byte
	i, n  int // what is read and not yet returned: buf[i:n]
	err   error
	lines int // lines returned
}

var errLineTooLong = errors.New("line too long")

func newScanner(r io.Reader) *scanner { return &scanner{r: r, buf: make([]byte, scanBuffer)} }

// line returns the next line without its end. It is valid until the next
// call. At the end of the stream the error is io.EOF; when reading fails, the
// line begun is not returned.
func (s *scanner) line() ([]byte, error) {
	for from := s.i; ; {
		if k := bytes.IndexByte(s.buf[from:s.n], '\n'); k >= 0 {
			l := s.buf[s.i : from+k]
			s.i = from + k + 1
			s.lines++
			return l, nil
		}
		from = s.n
		if s.err == nil && s.n-s.i > maxLine {
			s.err = errLineTooLong
		}
		if s.err != nil {
			if s.err == io.EOF && s.i < s.n {
				l := s.buf[s.i:s.n]
				s.i = s.n
				s.lines++
				return l, nil
			}
			return nil, s.err
		}
		from -= s.i
		s.fill()
		from += s.i
	}
}

// fill moves what is left to the front of the window and reads behind it.
func (s *scanner) fill() {
	if s.i > 0 {
		s.n = copy(s.buf, s.buf[s.i:s.n])
		s.i = 0
	}
	for try := 0; try < 100; try++ {
		n, err := s.r.Read(s.buf[s.n:])
		s.n += n
		if err != nil {
			s.err = err
			return
		}
		if n > 0 {
			return
		}
	}
	s.err = io.ErrNoProgress
}

// Options bound what a trace may ask for.
type Options struct {
	// MaxSize is the largest size in bytes that one event may ask for; 0
	// means 1 TiB, or what an int holds if that is less.
	MaxSize int64
	// MaxLive is the largest sum of live sizes in bytes; 0 means no bound.
	MaxLive int64
}

// Open reads the trace in the file at path, or from standard input when path
// is "-". The error is an *os.PathError when the file cannot be opened and a
// *SyntaxError when it is not a trace.
func Open(path string, o Options) (*Trace, error) {
	if path == "-" {
		return Parse(os.Stdin, "stdin", o)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Parse(f, path, o)
}

// Parse reads a trace, plain or gzip, from r. name stands for the file in
// errors. The trace holds memory outside the Go heap until it is closed.
func Parse(r io.Reader, name string, o Options) (*Trace, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	src, packed := io.Reader(in), false
	if m, _ := in.Peek(2); len(m) == 2 && m[0] == 0x1f && m[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, &SyntaxError{name, 1, readMessage(err, true), err}
		}
		src, packed = z, true
	}
	p := newParser(newScanner(src), name, o)
	err := p.run()
	if err == nil {
		return p.t, nil
	}
	p.t.Close()
	var syn *SyntaxError
	if !errors.As(err, &syn) {
		syn = &SyntaxError{name, p.s.lines + 1, readMessage(err, packed), err}
	}
	return nil, syn
}

// readMessage says what a failure to read means for a trace.
func readMessage(err error, packed bool) string {
	switch {
	case errors.Is(err, errLineTooLong):
		return "line longer than 65536 bytes"
	case packed && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)):
		return "truncated gzip: the data ends too early"
	case errors.Is(err, gzip.ErrChecksum):
		return "damaged gzip: the checksum does not match"
	case packed:
		return "damaged gzip: " + err.Error()
	}
	return "read: " + err.Error()
}
