package objtab

import (
	"reflect"
	"sync"
)

// Flags say what a body's owner cannot.
type Flags uint8

// Flags of a body.
const (
	ReadOnly Flags = 1 << iota // the bytes must not be changed
	Borrowed                   // the bytes are the caller's: nothing frees them, and they can be replaced
)

// Body is what a package hangs on an object that it makes.
type Body struct {
	Buf   []byte
	Owner any // who takes Buf back; nil for nobody
	Kind  Kind
	Flags Flags
}

// Part is a handle taken apart.
type Part struct {
	Slot any
	Gen  uint32
}

// Kind is a kind of object and the key to the bodies of that kind. The zero
// Kind is that of objects without a body.
type Kind struct{ id uint8 }

// maker is what a Kind stands for.
type maker struct {
	name   string
	finish func(buf []byte, owner any)
}

var kinds struct {
	mu    sync.Mutex
	count int      // guarded by mu
	table [8]maker // written under mu before a Kind is returned, constant for that Kind from then on
}

// Register returns a new kind with the name that reports show. finish is
// called once for every object of this kind, when its last reference is gone;
// the object exists no more by then. Packages call it from variable
// initialisers; there is room for seven kinds.
func Register(name string, finish func(buf []byte, owner any)) Kind {
	kinds.mu.Lock()
	defer kinds.mu.Unlock()
	kinds.count++
	kinds.table[kinds.count] = maker{name, finish}
	return Kind{uint8(kinds.count)}
}

// String returns the name that the kind was registered under.
func (k Kind) String() string {
	if k == (Kind{}) {
		return "object"
	}
	return kinds.table[k.id%uint8(len(kinds.table))].name
}

// Finish hands what a body of this kind held back to its owner.
func (k Kind) Finish(buf []byte, owner any) {
	if f := kinds.table[k.id%uint8(len(kinds.table))].finish; f != nil {
		f(buf, owner)
	}
}

// MisuseAs tells whether target points at a misuse error of a floor above
// package object, and sets it if so. Package memory sets it once, when it is
// initialised.
var MisuseAs func(op string, kind uint8, object string, target any) bool

// IsPointer reports whether v is a pointer and not nil, as a context must be.
func IsPointer(v any) bool {
	p := reflect.ValueOf(v)
	return p.Kind() == reflect.Pointer && !p.IsNil()
}
