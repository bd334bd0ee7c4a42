//go:build linux

package sys

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Reopen opens a memory file once more, for somebody else: with write, for reading and writing; without, for reading
// alone. From then on the file's mode allows nobody but its owner to open it by its name in /proc, so that who gets the
// second kind does not simply make the first of it. (A process of the same user can, if it wants to: it may change the
// mode. Nothing stands between processes that may debug each other.)
func Reopen(fd int, write bool) (again int, err error) {
	fail := func(err error) (int, error) {
		return -1, fmt.Errorf("opening a memory file again: %w", err)
	}
	if err := Fault("reopen"); err != nil {
		return fail(err)
	}
	if write {
		again, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	} else if err = unix.Fchmod(fd, 0o400); err == nil {
		again, err = unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return fail(err)
	}
	return again, nil
}

// FileOf looks at a file that came from somebody else.
func FileOf(fd int) (File, error) {
	fail := func(err error) (File, error) { return File{}, fmt.Errorf("looking at a file: %w", err) }
	if err := Fault("fstat"); err != nil {
		return fail(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fail(err)
	}
	var where unix.Statfs_t
	if err := unix.Fstatfs(fd, &where); err != nil {
		return fail(err)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return fail(err)
	}
	f := File{
		Size:   st.Size,
		Memory: st.Mode&unix.S_IFMT == unix.S_IFREG && int64(where.Type) == unix.TMPFS_MAGIC,
		Writes: flags&unix.O_ACCMODE == unix.O_RDWR,
	}
	if f.Seals, err = SealsOf(fd); err != nil {
		f.Seals = 0 // a file that cannot bear any
	}
	return f, nil
}

// SendNow writes to a socket what fits without waiting; an error that is os.ErrDeadlineExceeded where nothing does.
func SendNow(fd int, b []byte) (n int, err error) {
	if err = Fault("sendmsg"); err == nil {
		n, err = unix.SendmsgN(fd, b, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	}
	return now("sendmsg", n, err)
}

// ReceiveNow reads from a socket what is there; an error that is os.ErrDeadlineExceeded where nothing is, and 0 bytes
// at the end. Files that come along are closed.
func ReceiveNow(fd int, b []byte) (n int, err error) {
	if err = Fault("recvmsg"); err == nil {
		n, _, err = unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
	}
	return now("recvmsg", n, err)
}

func now(op string, n int, err error) (int, error) {
	switch err {
	case nil:
		return n, nil
	case unix.EAGAIN, unix.EINTR:
		err = os.ErrDeadlineExceeded
	}
	return 0, fmt.Errorf("%s: %w", op, err)
}

// Rights is the control message that carries a file.
func Rights(fd int) []byte { return unix.UnixRights(fd) }

// RightsSpace is how long a buffer for the control message of n files must be.
func RightsSpace(n int) int { return unix.CmsgSpace(4 * n) }

// ParseRights takes the files out of control messages. Nobody but the caller closes them; with an error there are
// none.
func ParseRights(oob []byte) (files []int, err error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("control message: %w", err)
	}
	for i := range messages {
		some, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue // something else than files: credentials, say
		}
		files = append(files, some...)
	}
	for _, fd := range files {
		unix.CloseOnExec(fd)
	}
	return files, nil
}

// Truncated tells whether the flags of a received message say that control messages were lost.
func Truncated(flags int) bool { return flags&unix.MSG_CTRUNC != 0 }
