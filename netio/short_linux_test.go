package netio_test

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/ioreq"
)

const alphabet = alphabetic

// cuts makes the n-th transfer of an operation at most sizes[n] bytes long, and
// those after the last one as long as they like.
func cuts(t *testing.T, op string, sizes ...int) (calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	t.Cleanup(sys.SetCut(func(o string) int {
		if o != op {
			return len(alphabet)
		}
		if n := int(calls.Add(1)); n <= len(sizes) {
			return sizes[n-1]
		}
		return len(alphabet)
	}))
	return calls
}

// shapes are the lengths of parts, taken in turns.
var shapes = [][]int{{26}, {1}, {2, 1}, {3, 5}, {1, 7, 2}}

// In every list, a first transfer of every length: the second one begins at
// every byte.
func TestShortAtEveryByte(t *testing.T) {
	h := heap(t)
	ours, peer := overUnix(t)
	a, b := stream(t, ours), stream(t, peer)
	for _, op := range []string{"writev", "readv"} {
		for _, shape := range shapes {
			for size := 1; size <= 12; size++ {
				for at := 1; at < size; at++ {
					calls, stop := new(atomic.Int32), func() {}
					stop = sys.SetCut(func(o string) int {
						if o == op && calls.Add(1) == 1 {
							return at
						}
						return len(alphabet)
					})
					src, dst := list(t, h, alphabet[:size], shape...), list(t, h, strings.Repeat(".", size), 4, 1)
					w, r := sendList(t, a, ioreq.Write, src), sendList(t, b.Full(), ioreq.Read, dst)
					require.Equal(t, ioreq.Result{N: size}, w.wait(t))
					require.Equal(t, ioreq.Result{N: size}, r.wait(t))
					stop()
					require.Equal(t, alphabet[:size], content(t, dst), "%s of %d bytes in parts of %v, the first call %d", op, size, shape, at)
					require.GreaterOrEqual(t, calls.Load(), int32(2))
					src.Release()
					dst.Release()
				}
			}
		}
	}
}

// Every way to cut seven bytes into transfers, of writes and of reads.
func TestEveryWayToBeShort(t *testing.T) {
	const size = 7
	h := heap(t)
	ours, peer := overUnix(t)
	a, b := stream(t, ours), stream(t, peer)
	for _, op := range []string{"writev", "readv"} {
		for ways := range 1 << (size - 1) {
			sizes := []int{1}
			for bit := range size - 1 {
				if ways>>bit&1 == 0 {
					sizes[len(sizes)-1]++
				} else {
					sizes = append(sizes, 1)
				}
			}
			t.Run(fmt.Sprint(op, sizes), func(t *testing.T) {
				calls := cuts(t, op, sizes...)
				src, dst := list(t, h, alphabet[:size], 2, 3), list(t, h, strings.Repeat(".", size), 3, 1)
				w := sendList(t, a, ioreq.Write, src)
				require.Equal(t, ioreq.Result{N: size}, w.wait(t)) // all is there, so that only reads are cut
				r := sendList(t, b.Full(), ioreq.Read, dst)
				require.Equal(t, ioreq.Result{N: size}, r.wait(t))
				require.Equal(t, alphabet[:size], content(t, dst))
				require.Equal(t, len(sizes), int(calls.Load()))
				src.Release()
				dst.Release()
			})
		}
	}
}

// A read that is not to be filled is over after its first bytes.
func TestAShortReadIsARead(t *testing.T) {
	h := heap(t)
	ours, peer := overUnix(t)
	a := stream(t, ours)
	_, err := peer.Write([]byte(alphabet[:6]))
	require.NoError(t, err)
	cuts(t, "readv", 4)
	dst := list(t, h, "......", 3)
	require.Equal(t, ioreq.Result{N: 4}, sendList(t, a, ioreq.Read, dst).wait(t))
	require.Equal(t, "abcd..", content(t, dst))
	require.Equal(t, ioreq.Result{N: 2}, sendList(t, a, ioreq.Read, dst).wait(t))
	require.Equal(t, "efcd..", content(t, dst))
	dst.Release()
}

// The kernel refuses after every number of bytes: the count is right, the
// memory is free, and the next request works.
func TestRefusedAfterEveryByte(t *testing.T) {
	h := heap(t)
	ours, peer := overUnix(t)
	a := stream(t, ours)
	const size = 8
	for _, op := range []ioreq.Op{ioreq.Write, ioreq.Read} {
		name := op.String() + "v"
		for after := range size {
			var calls atomic.Int32
			if op == ioreq.Read {
				_, err := peer.Write([]byte(alphabet[:size]))
				require.NoError(t, err)
			}
			uncut := sys.SetCut(func(string) int { return 1 })
			unfault := sys.SetFault(func(o string) error {
				if o == name && int(calls.Add(1)) > after {
					return syscall.ENOBUFS
				}
				return nil
			})
			l := list(t, h, strings.Repeat("x", size), 3)
			res := sendList(t, a.Full(), op, l).wait(t)
			uncut()
			unfault()
			e := why(t, res, after, size, syscall.ENOBUFS)
			require.Equal(t, syscall.ENOBUFS, e.Cause)
			l.Release()
			rest := make([]byte, after)
			if op == ioreq.Write {
				_, err := io.ReadFull(peer, rest)
				require.NoError(t, err)
			} else {
				m := block(t, h, alphabet[:size-after])
				require.Equal(t, ioreq.Result{N: size - after}, send(t, a.Full(), op, m).wait(t))
				require.Equal(t, alphabet[after:size], string(m.Bytes()), "the rest is still there")
				gone(t, m)
			}
		}
	}
}

// No room in the first moment: the poller's goroutine goes on.
func TestNoRoomAtFirst(t *testing.T) {
	h := heap(t)
	ours, peer := overUnix(t)
	a := stream(t, ours)
	var calls atomic.Int32
	stop := sys.SetFault(func(op string) error {
		if op == "writev" && calls.Add(1) == 1 {
			return syscall.EAGAIN
		}
		return nil
	})
	defer stop()
	l := list(t, h, alphabet, 5)
	require.Equal(t, ioreq.Result{N: 26}, sendList(t, a, ioreq.Write, l).wait(t))
	require.Equal(t, int32(2), calls.Load())
	got := make([]byte, 26)
	_, err := io.ReadFull(peer, got)
	require.NoError(t, err)
	require.Equal(t, alphabet, string(got))
	l.Release()
}
