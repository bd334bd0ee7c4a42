//go:build linux

// What the compiler cannot check here: that every entry of a vector names bytes that exist as long as the kernel reads
// or writes them, and that the kernel keeps to the number of entries that it is told.
//
// Why it holds: an entry's Base is a pointer, so that the collector keeps Go memory in place of its own accord, and
// the caller keeps off-heap memory by the references that its list holds until the call has returned. The number of
// entries is the slice's length, and is cut to what the kernel takes.
//
// What would break it: an entry longer than what its Base points at.

package sys

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"offheap.example/lookaside/internal/race"
)

// MaxVector is the most entries that one system call takes: IOV_MAX.
const MaxVector = 1024

// Writev writes the bytes that v names to fd, as far as the kernel takes them at once. The error is the kernel's.
func Writev(fd uintptr, v []unix.Iovec) (int, error) { return vector("writev", unix.SYS_WRITEV, fd, v) }

// Readv reads into the bytes that v names, as far as fd has any now; 0 is the end. The error is the kernel's.
func Readv(fd uintptr, v []unix.Iovec) (int, error) { return vector("readv", unix.SYS_READV, fd, v) }

func vector(op string, call, fd uintptr, v []unix.Iovec) (int, error) {
	if err := Fault(op); err != nil {
		return 0, err
	}
	if most, ok := cutTo(op); ok {
		v = shorten(v, most)
	}
	if len(v) == 0 {
		return 0, nil
	}
	if race.Enabled && call == unix.SYS_WRITEV {
		release()
	}
	for {
		n, _, errno := unix.Syscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(v))), uintptr(min(len(v), MaxVector)))
		switch errno {
		case 0:
			if race.Enabled {
				detect(call, fd, v, int(n))
			}
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// release and detect tell the race detector what package syscall tells it of a Write and a Read: that the kernel has
// read or written n of the bytes that v names, and that what happened before a write has happened for whoever reads.
// The edge is the one of package syscall, so that it holds with connections that others use, too; nothing but its
// calls has it, therefore one that writes nothing to no file, and one that reads nothing.
func release() { _, _ = syscall.Write(-1, nil) }

func detect(call, fd uintptr, v []unix.Iovec, n int) {
	if call == unix.SYS_READV {
		_, _ = syscall.Read(int(fd), nil)
	}
	for _, e := range v {
		k := min(n, int(e.Len))
		if k == 0 {
			return
		}
		if call == unix.SYS_READV {
			race.WriteRange(unsafe.Pointer(e.Base), k)
		} else {
			race.ReadRange(unsafe.Pointer(e.Base), k)
		}
		n -= k
	}
}

// shorten returns entries for the first most bytes of v, at least one.
func shorten(v []unix.Iovec, most int) []unix.Iovec {
	most = max(1, most)
	var short []unix.Iovec
	for _, e := range v {
		n := min(int(e.Len), most)
		if n == 0 {
			break
		}
		e.SetLen(n)
		short = append(short, e)
		most -= n
	}
	return short
}

// ReceiveMessage reads one message into the bytes that v names, and tells whether it was longer than they are.
func ReceiveMessage(fd uintptr, v []unix.Iovec) (n int, cut bool, err error) {
	if err := Fault("recvmsg"); err != nil {
		return 0, false, err
	}
	var h unix.Msghdr
	h.Iov = unsafe.SliceData(v)
	h.SetIovlen(min(len(v), MaxVector))
	for {
		n, _, errno := unix.Syscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&h)), 0)
		switch errno {
		case 0:
			return int(n), h.Flags&unix.MSG_TRUNC != 0, nil
		case unix.EINTR:
		default:
			return 0, false, errno
		}
	}
}

// WouldBlock tells whether an error says that nothing can be read or written now.
func WouldBlock(err error) bool { return errors.Is(err, unix.EAGAIN) }

// KeepsMessages tells whether fd is a socket where each write is one message and each read takes one whole: not a
// stream.
func KeepsMessages(fd uintptr) bool {
	kind, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil && kind != unix.SOCK_STREAM
}
