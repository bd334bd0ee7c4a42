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
// it has appended and taken nothing. All segments are copied at once and then
// put right at both ends.
func (c *cursor) share(to *body, n int) error {
	if n == 0 {
		return nil
	}
	last, k := c.reach(n)
	parts := to.places(last - c.i + 1)
	copy(parts, c.b.segments[c.i:last+1])
	for i := range parts {
		if err := parts[i].share(); err != nil {
			for _, s := range parts[:i] {
				drop(s.m)
			}
			clear(parts)
			to.hi -= len(parts)
			return err
		}
	}
	to.size += n
	end := &parts[len(parts)-1]
	end.window = end.window[:end.off+k]
	begin := &parts[0]
	begin.window, begin.off = begin.window[begin.off+c.within:], 0
	if c.i, c.within = last, k; k == c.b.segments[last].len() {
		c.i, c.within = last+1, 0
	}
	return nil
}

// reach returns the segment in which the next n bytes end, and how many of its
// bytes are before that end. n is above 0.
func (c *cursor) reach(n int) (last, k int) {
	b := c.b
	if n == b.size {
		return b.hi - 1, b.segments[b.hi-1].len()
	}
	k = c.within + n
	for last = c.i; k > b.segments[last].len(); last++ {
		k -= b.segments[last].len()
	}
	return last, k
}
