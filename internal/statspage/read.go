package statspage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrFormat is wrapped by every error about what a file contains.
var ErrFormat = errors.New("not a page set that can be read")

// Bounds of what a reader follows, so that a hostile file costs little.
const (
	maxEntries = 1 << 16
	maxShards  = 1 << 16
	maxFile    = 1 << 40
	maxRegion  = 1 << 44 // bytes of all regions of one table: twice what an arena can have
)

func formatError(format string, args ...any) error {
	return fmt.Errorf("statspage: read: %s: %w", fmt.Sprintf(format, args...), ErrFormat)
}

// View reads a file that another process writes, through reads instead of a
// mapping, so that nothing the writer does can make the reader fault. Every
// offset is checked against the size before it is followed. Words are read
// whole, since they are aligned; words of one record may be moments apart.
type View struct {
	r    io.ReaderAt
	size int64
}

// NewView returns a view of the first size bytes that r gives, after a look at
// the header. The error wraps ErrFormat when the file is none of this version.
func NewView(r io.ReaderAt, size int64) (*View, error) {
	v := &View{r: r, size: min(size, maxFile)}
	_, err := v.Header()
	if err != nil {
		return nil, err
	}
	return v, nil
}

// read fills out, a pointer to a record of n bytes, from offset off.
func (v *View) read(off int64, n int, out any) error {
	buf := make([]byte, n)
	if err := v.bytes(off, buf); err != nil {
		return err
	}
	_, err := binary.Decode(buf, binary.NativeEndian, out)
	return err
}

func (v *View) bytes(off int64, buf []byte) error {
	if off < 0 || off > v.size || int64(len(buf)) > v.size-off {
		return formatError("%d bytes at offset %d exceed the file's %d", len(buf), off, v.size)
	}
	if n, err := v.r.ReadAt(buf, off); err != nil && !(err == io.EOF && n == len(buf)) {
		return fmt.Errorf("statspage: read %d bytes at offset %d: %w", len(buf), off, err)
	}
	return nil
}

// Header reads and checks the header.
func (v *View) Header() (Header, error) {
	var h Header
	if v.size < HeaderSize {
		return h, formatError("the file's %d bytes are less than a header's %d", v.size, HeaderSize)
	}
	if err := v.read(0, binary.Size(&h), &h); err != nil {
		return h, err
	}
	switch {
	case h.Magic != magic:
		return h, formatError("magic is % x: must be % x", h.Magic, magic)
	case h.Version != Version:
		return h, formatError("version is %d: this reader knows %d", h.Version, Version)
	case h.Size > uint64(v.size):
		return h, formatError("header speaks of %d bytes: the file has %d", h.Size, v.size)
	case h.Entries > maxEntries || HeaderSize+uint64(h.Entries)*EntrySize > h.Size:
		return h, formatError("a directory of %d records does not fit %d bytes", h.Entries, h.Size)
	case h.HighEntry > h.Entries:
		return h, formatError("record %d is in use: the directory has %d", h.HighEntry, h.Entries)
	}
	if err := h.Pages.check("pages"); err != nil {
		return h, err
	}
	return h, h.Books.check("books")
}

// check looks at every region once.
func (r *Regions) check(kind string) error {
	if r.Count > MaxRegions {
		return formatError("%s have %d regions: at most %d", kind, r.Count, MaxRegions)
	}
	var sum uint64
	for i, g := range r.List() {
		switch {
		case g.Base%RegionUnit != 0 || g.Size%RegionUnit != 0:
			return formatError("%s: region %d is %d bytes at %#x: must be multiples of %d", kind, i, g.Size, g.Base, RegionUnit)
		case g.Size > maxRegion || g.Base+g.Size < g.Base:
			return formatError("%s: region %d is %d bytes at %#x: no address space is that large", kind, i, g.Size, g.Base)
		}
		sum += g.Size
	}
	if sum > maxRegion {
		return formatError("%s: regions are %d bytes together: at most %d", kind, sum, uint64(maxRegion))
	}
	return nil
}

// List is the regions of a table that was read through a View.
func (r *Regions) List() []Region { return r.At[:min(r.Count, MaxRegions)] }

// Text returns the name in the header.
func (h *Header) Text() string { return text(h.Name[:], h.NameLen) }

// Text returns the name in the record.
func (e *Entry) Text() string { return text(e.Name[:], e.NameLen) }

// text is what a name field holds, whatever its length claims.
func text(b []byte, n uint32) string {
	return string(bytes.ToValidUTF8(b[:min(int64(n), int64(len(b)))], []byte("?")))
}

// Entries reads the header and the directory up to the highest record in use;
// an index into the result is the record's. A directory that changes while it
// is read is read again, a few times.
func (v *View) Entries() (Header, []Entry, error) {
	const tries = 4
	var entries []Entry
	for try := 1; ; try++ {
		h, err := v.Header()
		if err != nil {
			return h, nil, err
		}
		if entries, err = v.directory(int(h.HighEntry)); err != nil {
			return h, nil, err
		}
		again, err := v.Header()
		if err != nil {
			return h, nil, err
		}
		if again.Generation == h.Generation || try == tries {
			return h, entries, v.check(h, entries)
		}
	}
}

// directory reads the first n records.
func (v *View) directory(n int) ([]Entry, error) {
	buf := make([]byte, n*EntrySize)
	if err := v.bytes(HeaderSize, buf); err != nil {
		return nil, err
	}
	entries := make([]Entry, n)
	for i := range entries {
		if _, err := binary.Decode(buf[i*EntrySize:], binary.NativeEndian, &entries[i]); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// check follows every offset of the directory once.
func (v *View) check(h Header, entries []Entry) error {
	for i := range entries {
		e := &entries[i]
		if e.Kind == KindFree {
			continue
		}
		switch {
		case e.Kind > KindLocal:
			return formatError("record %d is of unknown kind %d", i, e.Kind)
		case uint64(e.Parent) > uint64(len(entries)):
			return formatError("record %d has parent %d: there are %d records", i, e.Parent, len(entries))
		case e.ShardOff == 0:
			continue
		case e.Shards > maxShards:
			return formatError("record %d has %d shards: more than %d", i, e.Shards, maxShards)
		case e.ShardOff%8 != 0 || e.ShardStride%8 != 0:
			return formatError("record %d has shards at %d, every %d bytes: must be multiples of 8", i, e.ShardOff, e.ShardStride)
		case e.ShardOff > h.Size || e.ShardStride > h.Size,
			e.Shards > 0 && e.ShardOff+uint64(e.Shards-1)*e.ShardStride+CacheHead > h.Size:
			return formatError("record %d has %d shards at %d, every %d bytes: they exceed the file's %d",
				i, e.Shards, e.ShardOff, e.ShardStride, h.Size)
		}
	}
	return nil
}

// Cache reads the head of one shard at offset off.
func (v *View) Cache(off uint64) (Cache, error) {
	var c Cache
	if off > uint64(v.size) {
		return c, formatError("a shard at offset %d exceeds the file's %d bytes", off, v.size)
	}
	var buf [CacheHead]byte
	if err := v.bytes(int64(off), buf[:]); err != nil {
		return c, err
	}
	word := func(i int) uint64 { return binary.NativeEndian.Uint64(buf[i:]) }
	half := func(i int) uint32 { return binary.NativeEndian.Uint32(buf[i:]) }
	return Cache{
		W:       word(0),
		Cap:     half(8),
		Size:    half(12),
		In:      word(16),
		Out:     word(24),
		Folded:  word(32),
		Refills: half(40),
		Spills:  half(44),
		Kept:    half(48),
		Slots:   binary.NativeEndian.Uint16(buf[52:]),
		Spilt:   binary.NativeEndian.Uint16(buf[54:]),
		Seen:    half(56),
		Epoch:   half(60),
	}, nil
}

// Parked is the number of free blocks in the cache and in the reserve behind
// it.
func (c Cache) Parked() uint64 { return c.W&CountMask/OneParked + uint64(c.Kept) }

// Gets is the number of blocks that it handed out.
func (c Cache) Gets() uint64 { return c.W>>CountBits + c.Folded }

// Puts is the number of blocks that it took back.
func (c Cache) Puts() uint64 { return c.Parked() + c.Gets() + c.Out - c.In }

// Tag reads one P's cell of a tag at offset off.
func (v *View) Tag(off uint64) (TagCell, error) {
	var c TagCell
	if off > uint64(v.size) {
		return c, formatError("a cell at offset %d exceeds the file's %d bytes", off, v.size)
	}
	err := v.read(int64(off), TagCellSize, &c)
	return c, err
}
