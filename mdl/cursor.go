package mdl

import "fmt"

// cursor is a position in a list in normal form: byte within of segment i,
// which has that byte; or, at the end, i == hi and within == 0.
type cursor struct {
	b         *body
	i, within int
}

// at returns the position of byte off, which is within the list or at its end.
func (b *body) at(off int) cursor {
	for i := b.lo; i < b.hi; i++ {
		n := b.segments[i].len()
		if off < n {
			return cursor{b, i, off}
		}
		off -= n
	}
	return cursor{b, b.hi, 0}
}

// piece returns the contiguous bytes from the position on, none at the end.
func (c *cursor) piece() []byte {
	if c.i == c.b.hi {
		return nil
	}
	return c.b.segments[c.i].bytes()[c.within:]
}

// skip moves on by n bytes of the piece, at most all of them.
func (c *cursor) skip(n int) {
	if c.within += n; c.i < c.b.hi && c.within == c.b.segments[c.i].len() {
		c.i, c.within = c.i+1, 0
	}
}

// list returns a list of the next n bytes, which there are, and moves on behind
// them. On an error nothing is held.
func (c *cursor) list(op string, n int) (*List, error) {
	l := New()
	l.b.source = c.b.source
	if err := c.share(l.b, n); err != nil {
		l.Release()
		return nil, fmt.Errorf("mdl: %s: %w", op, err)
	}
	return l, nil
}

// share appends segments for the next n bytes, which there are, to another
// body, each with a reference of its own, and moves on behind them. On an error
// it has appended some of them.
func (c *cursor) share(to *body, n int) error {
	for n > 0 {
		s := &c.b.segments[c.i]
		if err := s.share(); err != nil {
			return err
		}
		begin := s.off + c.within
		left := len(s.window) - begin
		k := min(n, left)
		to.add(s.m, s.window[begin:begin+k], s.flags)
		if n -= k; k == left {
			c.i, c.within = c.i+1, 0
		} else {
			c.within += k
		}
	}
	return nil
}
