package slab

// What the compiler cannot check here: that the memory behind a *T is large
// enough, aligned, zero when it is handed out, and that T holds no Go
// pointer, which the collector would not see there. NewTyped checks all of
// that once by reflection, the lookaside keeps it for every block. A T that
// changed its layout, or a block put twice, would break it; the first cannot
// happen and the second is found.

import (
	"fmt"
	"reflect"
	"unsafe"

	"offheap.example/lookaside/arena"
)

// Typed is a lookaside of values of one type.
type Typed[T any] struct{ l *Lookaside }

// NewTyped makes a lookaside of Ts; cfg.Size is ignored, an Align below T's
// is raised to it. It returns an error that wraps ErrInvalid when T holds Go
// pointers (strings, slices, maps, channels, functions and interfaces are
// such), or has no size.
func NewTyped[T any](src *arena.Arena, cfg Config) (*Typed[T], error) {
	t := reflect.TypeFor[T]()
	if path, ok := pointerIn(t, t.String()); ok {
		return nil, fmt.Errorf("slab: new typed: %s holds a Go pointer, which the collector would not see: %w", path, ErrInvalid)
	}
	if t.Size() == 0 {
		return nil, fmt.Errorf("slab: new typed: %s has no size: %w", t, ErrInvalid)
	}
	cfg.Size = int(t.Size())
	if cfg.Align != 0 {
		cfg.Align = max(cfg.Align, t.Align())
	}
	if cfg.Name == "" {
		cfg.Name = t.String()
	}
	cfg.Zero = true
	l, err := New(src, cfg)
	if err != nil {
		return nil, err
	}
	return &Typed[T]{l}, nil
}

// pointerIn finds a pointer in t and says where it is.
func pointerIn(t reflect.Type, path string) (string, bool) {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return "", false
	case reflect.Array:
		if t.Len() == 0 {
			return "", false
		}
		return pointerIn(t.Elem(), path+"[0]")
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if p, ok := pointerIn(f.Type, path+"."+f.Name); ok {
				return p, true
			}
		}
		return "", false
	}
	return path, true
}

// New returns a zero T outside the Go heap. Errors are those of Get.
func (t *Typed[T]) New() (*T, error) {
	b, err := t.l.Get()
	if err != nil {
		return nil, err
	}
	return (*T)(addrOf(b)), nil
}

// Free gives back what New returned. Anything else panics with *MisuseError.
func (t *Typed[T]) Free(p *T) {
	t.l.Put(unsafe.Slice((*byte)(unsafe.Pointer(p)), t.l.size))
}

// Bytes is the block that p, which New returned, lies in, for those who pass
// values on as bytes. It may be used until the block is given back: as p by
// Free, or as these bytes by the Put of t's Lookaside.
func (t *Typed[T]) Bytes(p *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), t.l.size)
}

// Lookaside returns the list behind t, for Stats, Trim and Tune.
func (t *Typed[T]) Lookaside() *Lookaside { return t.l }

// Close closes the list; see Lookaside.Close.
func (t *Typed[T]) Close() error { return t.l.Close() }
