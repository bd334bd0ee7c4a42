package slab

import "fmt"

// Tag says whose memory a block is: one to four printable ASCII characters,
// padded with zero bytes. The zero Tag means "no tag". It is the pool tag of
// ExAllocatePool2.
type Tag [4]byte

// ParseTag returns the tag that s spells. It returns an error that wraps
// ErrInvalid when s is not one to four characters from 0x20 to 0x7E.
func ParseTag(s string) (Tag, error) {
	var t Tag
	if len(s) < 1 || len(s) > len(t) {
		return Tag{}, fmt.Errorf("slab: parse tag %q: %d characters: must be 1 to 4: %w", s, len(s), ErrInvalid)
	}
	copy(t[:], s)
	return t, t.check()
}

// String returns the characters of the tag without padding.
func (t Tag) String() string {
	n := len(t)
	for n > 0 && t[n-1] == 0 {
		n--
	}
	return string(t[:n])
}

// check returns an error unless t is zero or well-formed.
func (t Tag) check() error {
	end := false
	for _, c := range t {
		switch {
		case c == 0:
			end = true
		case end || c < 0x20 || c > 0x7E:
			return fmt.Errorf("slab: tag % x: characters must be printable ASCII, padded at the end: %w", t[:], ErrInvalid)
		}
	}
	return nil
}
