package mdl

import (
	"net"
	"runtime"
	"sync"
	"syscall"
	"weak"
)

// rawConns has the raw connections of package net's connections, by weak
// pointers to those, so that a call allocates none. They refer to what is
// behind a connection, not to the connection itself, so that a connection that
// everybody forgot is collected, and its entry with it.
var rawConns sync.Map // of weak.Pointer to a connection: its syscall.RawConn

// rawConn returns the raw connection of what has one. Those of *os.File and of
// types that are not package net's refer to their connection, and are made anew
// for each call.
func rawConn(v any) (syscall.RawConn, bool) {
	if !hasRawConn {
		return nil, false
	}
	switch c := v.(type) {
	case *net.TCPConn:
		return keptRawConn(c, c)
	case *net.UnixConn:
		return keptRawConn(c, c)
	case *net.UDPConn:
		return keptRawConn(c, c)
	case *net.IPConn:
		return keptRawConn(c, c)
	case syscall.Conn:
		raw, err := c.SyscallConn()
		return raw, err == nil
	}
	return nil, false
}

// keptRawConn makes a raw connection once for each connection.
func keptRawConn[T any](p *T, c syscall.Conn) (syscall.RawConn, bool) {
	if p == nil {
		return nil, false
	}
	key := weak.Make(p)
	if raw, ok := rawConns.Load(key); ok {
		return raw.(syscall.RawConn), true
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, false
	}
	if _, others := rawConns.LoadOrStore(key, raw); !others {
		runtime.AddCleanup(p, func(key weak.Pointer[T]) { rawConns.Delete(key) }, key)
	}
	return raw, true
}
