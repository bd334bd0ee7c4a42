package mdl_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/slab"
)

// do is how examples handle errors.
func do(err error) {
	if err != nil {
		panic(err)
	}
}

// describe is a list of borrowed parts.
func describe(parts ...string) *mdl.List {
	l := mdl.New()
	for _, p := range parts {
		do(l.AppendBuffer([]byte(p)))
	}
	return l
}

// A buffer is made with room for headers: each layer puts its own in front
// where that room is, and the layer below takes more when it is used up.
func ExampleList_Retreat() {
	buffer, err := memory.Wrap([]byte("........payload"))
	do(err)
	packet, err := mdl.Of(buffer)
	do(err)
	defer packet.Release()
	do(packet.Advance(8)) // the payload begins there

	do(packet.Retreat(4))
	do(packet.CopyIn(0, []byte("tcp ")))
	do(packet.Retreat(3))
	do(packet.CopyIn(0, []byte("ip ")))
	fmt.Printf("%s: %d segment, %d bytes of room\n", buffer.Bytes(), packet.Segments(), packet.Headroom())

	do(packet.Retreat(4)) // one more than there is room
	do(packet.CopyIn(0, []byte("eth ")))
	_, err = packet.WriteTo(writerOf(func(p []byte) { fmt.Printf("%q ", p) }))
	do(err)
	fmt.Println(packet.Segments(), "segments")
	do(buffer.Delete())
	// Output:
	// .ip tcp payload: 1 segment, 1 bytes of room
	// "eth" " ip tcp payload" 2 segments
}

// writerOf makes a writer of a function.
type writerOf func(p []byte)

func (f writerOf) Write(p []byte) (int, error) { f(p); return len(p), nil }

// Retreat takes memory where it is told to.
func ExampleList_SetSource() {
	src, err := arena.Open(arena.Config{})
	do(err)
	defer src.Close()
	headers, err := slab.New(src, slab.Config{Name: "headers", Size: 128})
	do(err)
	defer headers.Close()
	packet := describe("payload")
	do(packet.SetSource(headers))
	do(packet.Retreat(40))
	fmt.Println("headers out:", headers.Stats().Live, "- room for the next:", packet.Headroom())
	packet.Release()
	fmt.Println("headers out:", headers.Stats().Live)
	// Output:
	// headers out: 1 - room for the next: 88
	// headers out: 0
}

// A transfer in stages of a size that the device can take: each is a partial
// list, and no byte is copied.
func ExampleList_Partial() {
	whole := describe("abcde", "fghij", "klm")
	defer whole.Release()
	for off := 0; off < whole.Len(); off += 6 {
		stage, err := whole.Partial(off, min(6, whole.Len()-off))
		do(err)
		fmt.Printf("%q in %d segments\n", bytes.Join(stage.Buffers(), nil), stage.Segments())
		stage.Release()
	}
	_, err := whole.Partial(10, 4)
	fmt.Println(err)
	// Output:
	// "abcdef" in 2 segments
	// "ghijkl" in 2 segments
	// "m" in 1 segments
	// mdl: partial: 4 bytes at offset 10 exceed 13: buffer too small
}

// A message is cut into packets, and the packets make the message again.
func ExampleList_Fragments() {
	message := describe("hello, ", "world")
	packets, err := message.Fragments(5)
	do(err)
	message.Release()
	for _, p := range packets {
		fmt.Printf("%q ", bytes.Join(p.Buffers(), nil))
	}
	again, err := mdl.Join(packets...)
	do(err)
	for _, p := range packets {
		p.Release()
	}
	fmt.Printf("%q in %d segments\n", bytes.Join(again.Buffers(), nil), again.Segments())
	again.Release()
	// Output:
	// "hello" ", wor" "ld" "hello, world" in 2 segments
}

// Records of a stream are split off as they are complete.
func ExampleList_Split() {
	stream := describe("first\nsec", "ond\nrest")
	for _, n := range []int{6, 7} {
		rest, err := stream.Split(n)
		do(err)
		fmt.Printf("%q ", bytes.Join(stream.Buffers(), nil))
		stream.Release()
		stream = rest
	}
	fmt.Printf("%q\n", bytes.Join(stream.Buffers(), nil))
	stream.Release()
	// Output:
	// "first\n" "second\n" "rest"
}

// A parser needs its header in one piece: in place where it is, and else in a
// few bytes on the stack.
func ExampleList_View() {
	for _, packet := range []*mdl.List{describe("\x00\x2apayload"), describe("\x00", "\x2apayload")} {
		var scratch [2]byte
		header, err := packet.View(2, scratch[:])
		do(err)
		fmt.Println(binary.BigEndian.Uint16(header), "in place:", &header[0] != &scratch[0])
		packet.Release()
	}
	// Output:
	// 42 in place: true
	// 42 in place: false
}

// Two lists that are cut differently, copied as if each were one piece.
func ExampleCopy() {
	to, from := describe("......", "...."), describe("abc", "defg")
	fmt.Println(mdl.Copy(to, from))
	for part := range to.All() {
		fmt.Printf("%q ", part)
	}
	fmt.Println(mdl.Equal(to, from), mdl.Compare(to, from) > 0)
	to.Release()
	from.Release()
	// Output:
	// 7
	// "abcdef" "g..." false true
}

// Sums are those of all bytes together, wherever they are cut.
func ExampleList_Checksum() {
	whole, cut := describe("123456789"), describe("123", "4", "56789")
	for _, l := range []*mdl.List{whole, cut} {
		sum, err := l.Checksum(0, 0)
		do(err)
		crc, err := l.CRC32C(0, 0)
		do(err)
		fmt.Printf("%#04x %#08x\n", sum, crc)
		l.Release()
	}
	// Output:
	// 0xf62a 0xe3069283
	// 0xf62a 0xe3069283
}

// What a list has of each page, as a device wants to know it.
func ExampleList_Pages() {
	src, err := arena.Open(arena.Config{})
	do(err)
	defer src.Close()
	run, err := src.Acquire(3)
	do(err)
	pages := mdl.New()
	do(pages.AppendRun(src, run))
	size := len(run.Bytes()) / 3
	list, err := pages.Partial(size-10, size+20)
	do(err)
	pages.Release()
	fmt.Println(list.ByteCount()-size, "bytes more than a page, at", size-list.ByteOffset(), "before a page's end")
	for f := range list.Pages() {
		fmt.Println(f.Length == size, f.Length%size, f.Offset == 0)
	}
	list.Release()
	fmt.Println("pages in use:", src.Stats().InUse)
	// Output:
	// 20 bytes more than a page, at 10 before a page's end
	// false 10 false
	// true 0 true
	// false 10 true
	// pages in use: 0
}

// A header is a value of its type, made where it is sent from.
func ExampleAppendTyped() {
	type header struct{ Length, Kind uint8 }
	src, err := arena.Open(arena.Config{})
	do(err)
	defer src.Close()
	headers, err := slab.NewTyped[header](src, slab.Config{})
	do(err)
	defer headers.Close()
	h, err := headers.New()
	do(err)
	h.Length, h.Kind = 5, 'T'
	message := mdl.New()
	do(mdl.AppendTyped(message, headers, h))
	do(message.AppendBuffer([]byte("hello")))
	fmt.Printf("%q\n", bytes.Join(message.Buffers(), nil))
	message.Release()
	fmt.Println("headers out:", headers.Lookaside().Stats().Live)
	// Output:
	// "\x05Thello"
	// headers out: 0
}

// A connection fills scattered memory in one system call, and is written to in
// one.
func ExampleList_ReadFrom() {
	a, b := net.Pipe() // any reader will do; what has a file descriptor is read by readv
	go func() {
		_, _ = io.WriteString(a, "0123456789")
		_ = a.Close()
	}()
	list := describe("....", "....", "....")
	n, err := list.ReadFrom(b)
	fmt.Println(n, err)
	for part := range list.All() {
		fmt.Printf("%q ", part)
	}
	fmt.Println()
	list.Release()
	// Output:
	// 10 <nil>
	// "0123" "4567" "89.."
}

// Entries for a readv or writev of one's own, into a slice that is used again.
func ExampleList_Iovecs() {
	list := describe("abc", "defg")
	var room [16]mdl.Iovec
	v := list.Iovecs(room[:0])
	for _, e := range v {
		fmt.Print(e.Len, " ")
	}
	do(list.Advance(5)) // the kernel took five
	v = list.Iovecs(room[:0])
	fmt.Println("-", len(v), "left, of", v[0].Len)
	list.Release()
	// Output:
	// 3 4 - 1 left, of 2
}

// Code that knows package io reads a list as it reads anything.
func ExampleList_Reader() {
	list := describe("one two", " three", " four")
	r := list.Reader()
	_, err := r.Seek(4, io.SeekStart)
	do(err)
	words, err := io.ReadAll(r)
	do(err)
	fmt.Println(strings.Fields(string(words)))
	section := io.NewSectionReader(list.ReaderAt(), 4, 3)
	word, err := io.ReadAll(section)
	do(err)
	fmt.Printf("%s\n", word)
	list.Release()
	// Output:
	// [two three four]
	// two
}
