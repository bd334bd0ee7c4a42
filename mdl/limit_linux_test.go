package mdl_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/mdl"
)

// memlock is RLIMIT_MEMLOCK, which package syscall does not name.
const memlock = 8

// nobody makes this process one without privileges that may lock the given
// number of bytes. Privileged processes know no limit, so the tests that need
// one run in a child that calls this.
func nobody(limit uint64) {
	must(syscall.Setrlimit(memlock, &syscall.Rlimit{Cur: limit, Max: limit}))
	if os.Geteuid() == 0 {
		must(syscall.Setgid(65534))
		must(syscall.Setuid(65534))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func check(ok bool, format string, args ...any) {
	if !ok {
		panic(fmt.Sprintf(format, args...))
	}
}

// The limit of locked memory, for a process that has one.
func TestLockLimit(t *testing.T) {
	testkit.Child(t, "lock more than the limit", testkit.Survived, func() {
		nobody(uint64(8 * page))
		a, err := arena.Open(arena.Config{Reserve: 1 << 20})
		must(err)
		small, err := mdl.AllocatePages(a, int64(5*page), 0)
		must(err)
		large, err := mdl.AllocatePages(a, int64(4*page), 0)
		must(err)
		must(small.Lock())

		err = large.Lock()
		var e *mdl.LockError
		check(errors.As(err, &e) && errors.Is(err, mdl.ErrLockLimit), "%v", err)
		check(errors.Is(err, syscall.ENOMEM), "the kernel's reason: %v", err)
		check(e.Want == int64(4*page) && e.Locked == int64(5*page) && e.Limit == int64(8*page), "%+v", e)
		check(!large.IsLocked() && mdl.LockedBytes() == int64(5*page), "something stayed locked")
		_, now, _ := sys.LockLimit()
		check(now == int64(5*page), "the kernel has %d bytes locked", now)

		// What fits can still be had: pages locked already count once.
		part, err := large.Partial(0, 3*page)
		must(err)
		must(part.Lock())
		again, err := small.Clone()
		must(err)
		must(again.Lock())
		must(again.Unlock())
		must(part.Unlock())
		must(small.Unlock())
		must(large.Lock())
		must(large.Unlock())
		_, now, _ = sys.LockLimit()
		check(now == 0, "the kernel has %d bytes locked", now)
	})
	testkit.Child(t, "lock where nothing may be", testkit.Survived, func() {
		nobody(0)
		l, err := mdl.Describe(make([]byte, page))
		must(err)
		err = l.Lock()
		check(errors.Is(err, mdl.ErrLockLimit) && errors.Is(err, syscall.EPERM), "%v", err)
		check(mdl.LockedBytes() == 0, "something stayed locked")
	})
}

// Frame numbers are for the privileged.
func TestFramesNotPermitted(t *testing.T) {
	testkit.Child(t, "ask for frames", testkit.Survived, func() {
		nobody(0)
		l, err := mdl.Describe(make([]byte, 1))
		must(err)
		got, err := l.Frames(nil)
		check(errors.Is(err, mdl.ErrNotPermitted) && got == nil, "%v, %v", got, err)
	})
}

// The file that a peer gets for reading cannot be opened anew for writing by
// another user: what a careless program would do by its name in /proc.
func TestAFileForReadingStaysOne(t *testing.T) {
	testkit.Child(t, "open it for writing", testkit.Survived, func() {
		if os.Geteuid() != 0 {
			return // only the privileged can become somebody else
		}
		a, err := arena.Open(arena.Config{Shared: true, Reserve: 1 << 20})
		must(err)
		own, ok := a.Fd()
		if !ok {
			return // race builds have no such file
		}
		other, err := arena.Open(arena.Config{Shared: true, Reserve: 1 << 20})
		must(err)
		never, _ := other.Fd()
		ro, err := a.Reopen(false)
		must(err)
		nobody(0)
		const setDumpable = 4 // so that /proc/self/fd is ours, whatever we were
		_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setDumpable, 1, 0)
		check(errno == 0, "prctl: %v", errno)
		reopen := func(fd int) error {
			f, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDWR, 0)
			if err == nil {
				err = f.Close()
			}
			return err
		}
		check(reopen(never) == nil, "a file that nobody was given for reading: %v", reopen(never))
		for _, fd := range []int{own, ro} {
			check(errors.Is(reopen(fd), os.ErrPermission), "%d: %v", fd, reopen(fd))
		}
	})
}
