package netio

import (
	"fmt"
	"net"
	"reflect"
	"syscall"
)

// rawOf returns the raw connection of c for system calls of our own, nil where
// its Read and Write are to be used: on platforms whose calls are not known
// here, for types without a SyscallConn, and for those that have it from a
// connection that they embed, because their own Read and Write may count, delay
// or encrypt.
func rawOf(c net.Conn) (syscall.RawConn, error) {
	if !streams(c) {
		return nil, fmt.Errorf("%T over %s: %w", c, c.LocalAddr().Network(), ErrNotStream)
	}
	sc, ok := c.(syscall.Conn)
	if !ok || !hasVectors || embedsConn(reflect.TypeOf(c), 0) {
		return nil, nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	return raw, checkRaw(raw)
}

// streams tells by the name of the network whether c is a stream. Strangers
// are believed to be.
func streams(c net.Conn) bool {
	a := c.LocalAddr()
	if a == nil {
		return true
	}
	switch a.Network() {
	case "udp", "ip", "unixgram", "unixpacket":
		return false
	}
	return true
}

var syscallConn = reflect.TypeFor[syscall.Conn]()

// embedsConn tells whether a struct type, or the one a pointer type points at,
// embeds something that has a SyscallConn, or may have one.
func embedsConn(t reflect.Type, depth int) bool {
	const deep = 8 // types that embed pointers to themselves go round for ever
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || depth == deep {
		return depth == deep
	}
	switch t {
	case reflect.TypeFor[net.TCPConn](), reflect.TypeFor[net.UnixConn](): // they embed what package net has in common
		return depth > 0
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && (f.Type.Implements(syscallConn) || reflect.PointerTo(f.Type).Implements(syscallConn) ||
			f.Type.Kind() == reflect.Interface || embedsConn(f.Type, depth+1)) {
			return true
		}
	}
	return false
}
