package sys

import "errors"

// ErrUnsupported says that this platform or this kernel does not know the call.
var ErrUnsupported = errors.New("not supported here")

// Advice is what Advise tells the kernel about a range of pages.
type Advice uint8

// The advice that the library gives.
const (
	DontNeed     Advice = iota // drop the pages: they read zero at the next touch
	Huge                       // back the range with huge pages where possible
	NoHuge                     // never do
	Collapse                   // make huge pages of it now
	GuardInstall               // make it inaccessible without splitting the mapping; drops the pages
	GuardRemove                // make it accessible again, reading zero
	Populate                   // fault all of it in now, for writing
	lastAdvice
)

var adviceNames = [lastAdvice]string{
	"dontneed", "hugepage", "nohugepage", "collapse", "guard install", "guard remove", "populate",
}

// String names the advice as the kernel's manual does, without its prefix.
func (a Advice) String() string {
	if a < lastAdvice {
		return adviceNames[a]
	}
	return "unknown advice"
}

// Seals are restrictions of a memory file that can never be lifted.
type Seals uint8

// The seals that the library sets.
const (
	SealShrink      Seals = 1 << iota // the file never becomes shorter: its pages never fault
	SealGrow                          // it never becomes longer
	SealFutureWrite                   // no new writable mapping, no write call; mappings made before stay writable
	SealSeals                         // this set is final
)

// maxName is the longest name that the kernel takes for an anonymous mapping.
const maxName = 79

// cleanName makes a name that the kernel accepts: printable ASCII without the characters that it refuses, and at
// most limit bytes.
func cleanName(name string, limit int) string {
	b := []byte(name)
	if len(b) > limit {
		b = b[:limit]
	}
	for i, c := range b {
		if c < ' ' || c > '~' || c == '\\' || c == '`' || c == '$' || c == '[' || c == ']' {
			b[i] = '_'
		}
	}
	return string(b)
}
