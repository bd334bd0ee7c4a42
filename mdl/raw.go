package mdl

import (
	"net"
	"os"
	"reflect"
	"sync"
	"syscall"
)

// edge says how bytes get through a reader or writer.
type edge uint8

const (
	edgePlain   edge = iota // Read and Write, part by part
	edgeNet                 // a stream of package net, which knows writev itself
	edgeMessage             // a connection of package net where one write is one message
	edgeRaw                 // something else with a file descriptor
)

// edgeOf looks at what a list is written to or read from.
//
// A type that embeds a connection has its SyscallConn, and may have a Write of
// its own that counts, delays or encrypts: such types are plain.
func edgeOf(v any) edge {
	switch c := v.(type) {
	case *net.TCPConn:
		return edgeNet
	case *net.UnixConn:
		if c == nil {
			return edgePlain
		}
		if a := c.LocalAddr(); a != nil && a.Network() == "unix" {
			return edgeNet
		}
		return edgeMessage
	case *net.UDPConn, *net.IPConn:
		return edgeMessage
	case *os.File:
		return edgeRaw
	case syscall.Conn:
		if hasRawConn && !embedsConn(reflect.TypeOf(v)) {
			return edgeRaw
		}
	}
	return edgePlain
}

var (
	connType = reflect.TypeFor[syscall.Conn]()
	embeds   sync.Map // of reflect.Type: whether it embeds a syscall.Conn
)

// embedsConn reports whether a struct, or what a pointer to one points at, has
// an embedded field with a SyscallConn, or an interface that may have one.
func embedsConn(t reflect.Type) bool {
	if known, ok := embeds.Load(t); ok {
		return known.(bool)
	}
	found := findConn(t)
	embeds.Store(t, found)
	return found
}

func findConn(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && (f.Type.Kind() == reflect.Interface || f.Type.Implements(connType) ||
			reflect.PointerTo(f.Type).Implements(connType)) {
			return true
		}
	}
	return false
}
