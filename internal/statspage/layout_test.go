package statspage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLayout pins what other processes read: the place of every word by its
// name. Who changes a line here changes Version.
func TestLayout(t *testing.T) {
	require.EqualValues(t, 3, Version)
	require.Equal(t, []int{4096, 256, 64, 64, 1 << 30}, []int{HeaderSize, EntrySize, CacheHead, TagCellSize, FileSize})
	for _, c := range []struct {
		record any
		size   int
		fields string
	}{
		{Header{}, 1248, "Magic 0 Version 8 PageSize 12 Size 16 PID 24 Started 32 Entries 40 HighEntry 44 Generation 48 " +
			"NameLen 56 Name 64 Arena 128 Pages 208 Books 728"},
		{Arena{}, 80, "Reserved 0 Committed 8 InUse 16 Purged 24 Limit 32 Metadata 40 Pieces 48 Purges 56 Acquires 64 Releases 72"},
		{Regions{}, 520, "Count 0 More 4 At 8"},
		{Region{}, 16, "Base 0 Size 8"},
		{Entry{}, 216, "Kind 0 Parent 4 Class 8 Tag 12 Size 16 Stride 24 Created 32 ShardOff 40 ShardStride 48 Shards 56 " +
			"NameLen 60 Name 64 Counters 112"},
		{Counters{}, 104, "Gets 0 Puts 8 Refills 16 Spills 24 Failures 32 Slabs 40 Held 48 Carved 56 OnSlabs 64 Depot 72 " +
			"Depth 80 GetBytes 88 PutBytes 96"},
		{Cache{}, 64, "W 0 Cap 8 Size 12 In 16 Out 24 Folded 32 Refills 40 Spills 44 Kept 48 Slots 52 Spilt 54 Seen 56 Epoch 60"},
		{TagCell{}, 64, "Gets 0 Puts 8 GetBytes 16 PutBytes 24"},
	} {
		r := reflect.TypeOf(c.record)
		require.Equal(t, c.fields, fieldsOf(r), "%v", r)
		require.EqualValues(t, c.size, r.Size(), "%v", r)
		require.Equal(t, c.size, binary.Size(c.record), "%v has gaps that a reader does not know", r)
	}
}

// fieldsOf lists the named fields of a record, each with its offset.
func fieldsOf(r reflect.Type) string {
	var words []string
	for i := range r.NumField() {
		if f := r.Field(i); f.Name != "_" {
			words = append(words, fmt.Sprint(f.Name, " ", f.Offset))
		}
	}
	return strings.Join(words, " ")
}

// view is what a reader finds in mem.
func view(mem []byte) (Header, error) {
	v, err := NewView(bytes.NewReader(mem), int64(len(mem)))
	if err != nil {
		return Header{}, err
	}
	return v.Header()
}

func TestRegionsArePublished(t *testing.T) {
	mem := make([]byte, SmallSize)
	f := New(mem, Options{Name: "regions", PageSize: 4096})
	require.Equal(t, SmallSize, f.Used())
	var pages []Region
	for i := range uint64(MaxRegions + 1) {
		h, err := view(mem)
		require.NoError(t, err)
		require.Equal(t, pages, append([]Region(nil), h.Pages.List()...))
		require.Empty(t, h.Books.List())
		require.Zero(t, h.Pages.More)
		pages = append(pages, Region{Base: (i + 1) << 30, Size: (i + 1) << 12})
		f.SetPages(pages)
	}
	f.SetBooks(pages[:2])
	h, err := view(mem)
	require.NoError(t, err)
	require.Equal(t, pages[:MaxRegions], h.Pages.List(), "the rest is cut off")
	require.NotZero(t, h.Pages.More, "and it says so")
	require.Equal(t, pages[:2], h.Books.List())
	require.Zero(t, h.Books.More)
}

func TestHostileRegions(t *testing.T) {
	const pages, books = 208, 728
	put := func(mem []byte, at int, v uint64) { binary.NativeEndian.PutUint64(mem[at:], v) }
	for _, c := range []struct {
		name   string
		damage func(mem []byte)
		want   string
	}{
		{"count", func(m []byte) { m[pages] = 33 }, "pages have 33 regions: at most 32"},
		{"count of books", func(m []byte) { m[books+2] = 1 }, "books have 65537 regions: at most 32"},
		{"odd base", func(m []byte) { put(m, pages+8, 7) }, "pages: region 0 is 4096 bytes at 0x7: must be multiples of 4096"},
		{"odd size", func(m []byte) { put(m, books+16, 1) }, "books: region 0 is 1 bytes at 0x10000: must be multiples of 4096"},
		{"overflow", func(m []byte) { put(m, pages+8, 1<<64-4096); put(m, pages+16, 8192) },
			"pages: region 0 is 8192 bytes at 0xfffffffffffff000: no address space is that large"},
		{"size", func(m []byte) { put(m, books+16, 1<<63) }, "no address space is that large"},
		{"sum", func(m []byte) { put(m, pages+16, 1<<44); put(m, pages+32, 4096) },
			"pages: regions are 17592186048512 bytes together: at most 17592186044416"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := make([]byte, SmallSize)
			f := New(mem, Options{PageSize: 4096})
			f.SetPages([]Region{{Base: 1 << 16, Size: 4096}, {Base: 1 << 20, Size: 4096}})
			f.SetBooks([]Region{{Base: 1 << 16, Size: 4096}})
			_, err := view(mem)
			require.NoError(t, err)
			c.damage(mem)
			_, err = view(mem)
			require.ErrorIs(t, err, ErrFormat)
			require.ErrorContains(t, err, c.want)
		})
	}
}
