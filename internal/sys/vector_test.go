//go:build linux

package sys

import (
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// entries names the bytes of each part.
func entries(parts ...[]byte) []unix.Iovec {
	v := make([]unix.Iovec, 0, len(parts))
	for _, p := range parts {
		e := unix.Iovec{Base: &p[0]}
		e.SetLen(len(p))
		v = append(v, e)
	}
	return v
}

// pair is two ends of a stream that do not wait.
func pair(t *testing.T) (a, b uintptr) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = Close(fds[0]); _ = Close(fds[1]) })
	return uintptr(fds[0]), uintptr(fds[1])
}

func TestVectors(t *testing.T) {
	a, b := pair(t)
	x, y := make([]byte, 2), make([]byte, 9)
	_, err := Readv(b, entries(x))
	require.True(t, WouldBlock(err))
	n, err := Writev(a, entries([]byte("abc"), []byte("defg")))
	require.NoError(t, err)
	require.Equal(t, 7, n)
	n, err = Readv(b, entries(x, y))
	require.NoError(t, err)
	require.Equal(t, 7, n)
	require.Equal(t, "ab", string(x))
	require.Equal(t, "cdefg", string(y[:5]))
	n, err = Writev(a, nil)
	require.NoError(t, err)
	require.Zero(t, n)
	require.False(t, KeepsMessages(a))
}

func TestSetCutMakesTransfersShort(t *testing.T) {
	a, b := pair(t)
	most := map[string]int{"writev": 4, "readv": 3}
	stop := SetCut(func(op string) int { return most[op] })
	defer stop()
	v := entries([]byte("abc"), []byte("defg"))
	n, err := Writev(a, v)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	require.Equal(t, uint64(4), uint64(v[1].Len), "the caller's entries are as they were")
	x := make([]byte, 9)
	n, err = Readv(b, entries(x))
	require.NoError(t, err)
	require.Equal(t, "abc", string(x[:n]))
	most["readv"] = 0
	n, err = Readv(b, entries(x))
	require.NoError(t, err)
	require.Equal(t, "d", string(x[:n]), "never none: that would be the end")
	stop()
	n, err = Writev(a, v)
	require.NoError(t, err)
	require.Equal(t, 7, n)
}

func TestVectorRefusals(t *testing.T) {
	a, _ := pair(t)
	refused := errors.New("refused")
	for _, call := range []struct {
		op string
		f  func(uintptr, []unix.Iovec) (int, error)
	}{{"writev", Writev}, {"readv", Readv}} {
		stop := SetFault(func(op string) error {
			require.Equal(t, call.op, op)
			return refused
		})
		_, err := call.f(a, entries([]byte("x")))
		stop()
		require.ErrorIs(t, err, refused)
		_, err = call.f(^uintptr(0), entries([]byte("x")))
		require.ErrorIs(t, err, syscall.EBADF)
	}
}
