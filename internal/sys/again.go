package sys

import (
	"errors"
	"fmt"
)

// ErrNotPermitted says that the kernel tells or does this for others, not for this process.
var ErrNotPermitted = errors.New("not permitted")

// Prot is who may do what with pages.
type Prot uint8

// The protections that a mapping can have.
const (
	NoAccess Prot = iota
	ReadOnly
	ReadWrite
	lastProt
)

var protNames = [lastProt]string{"no access", "read only", "read and write"}

// String says it in words.
func (p Prot) String() string {
	if p < lastProt {
		return protNames[p]
	}
	return fmt.Sprintf("Prot(%d)", uint8(p))
}

// File is what can be known about a file that came from somebody else.
type File struct {
	Size   int64
	Memory bool // it lives in memory and its pages are pages of ordinary size
	Writes bool // it may be mapped for writing
	Seals  Seals
}
