package mdl_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/object"
)

// A sender that cannot send takes nothing, or takes everything back and has
// ended.
func TestSendRefusedByTheKernel(t *testing.T) {
	for _, op := range []string{"reopen", "sendmsg"} {
		a, s, _ := peers(t)
		l := scattered(t, a, 2)
		refs := refsOf(l)
		files := openFiles(t)
		stop := refuse(t, op, 0)
		err := s.Send(l, mdl.ReadOnly)
		stop()
		require.ErrorIs(t, err, errInjected, op)
		require.Zero(t, s.Outstanding())
		require.Equal(t, refs, refsOf(l))
		if op == "reopen" {
			require.NotErrorIs(t, err, mdl.ErrPeerGone)
			require.NoError(t, s.Send(l, mdl.ReadOnly), "nothing has happened")
			require.NoError(t, s.Close())
			require.Equal(t, refs, refsOf(l))
		} else {
			require.ErrorIs(t, err, mdl.ErrPeerGone)
			require.ErrorIs(t, s.Send(l, mdl.ReadOnly), errInjected, "ended")
			require.LessOrEqual(t, openFiles(t), files)
		}
		l.Release()
	}
}

// A sender whose peer does not read waits, until its deadline; a message cut
// short ends it.
func TestSendAgainstADeadline(t *testing.T) {
	a := sharedArena(t)
	x, _ := unixPair(t)
	s, err := mdl.NewSender(x, a)
	require.NoError(t, err)
	one := scattered(t, a, 1)
	l := mdl.New()
	for range 4000 {
		require.NoError(t, l.Append(objectsOf(one)[0], 0, 1))
	}
	require.NoError(t, x.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
	sent := 0
	for err == nil {
		if err = s.Send(l, mdl.ReadOnly); err == nil {
			sent++
		}
	}
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NotErrorIs(t, err, mdl.ErrPeerGone, "it is there, and slow")
	require.Positive(t, sent)
	if out := s.Outstanding(); out != sent {
		require.Zero(t, out, "a message was cut short: everything is taken back")
		require.Equal(t, 1+4000, refsOf(one)[0])
	}
	require.NoError(t, s.Close())
	require.Equal(t, 1+4000, refsOf(one)[0])
	l.Release()
	one.Release()
}

// A peer that says nonsense has everything taken away.
func TestForgedReleases(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		what string
	}{
		"garbage":        {bytes.Repeat([]byte{1}, 50), "magic"},
		"a list":         {listMessage(1, 1, 0, 1), "kind"},
		"a file":         {header(1, 1, 0, 10, 0), "kind"},
		"never sent":     {header(3, 0, 99, 0, 0), "number of the list"},
		"released twice": {append(header(3, 0, 1, 0, 0), header(3, 0, 1, 0, 0)...), "number of the list"},
	} {
		a := sharedArena(t)
		x, y := unixPair(t)
		s, err := mdl.NewSender(x, a)
		require.NoError(t, err)
		l := scattered(t, a, 2)
		refs := refsOf(l)
		require.NoError(t, s.Send(l, mdl.ReadOnly))
		require.NoError(t, s.Send(l, mdl.ReadOnly))
		_, err = y.Write(c.b)
		require.NoError(t, err)
		out, err := s.Reap()
		var e *mdl.WireError
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, c.what, e.What, name)
		require.Zero(t, out)
		require.Equal(t, refs, refsOf(l), name)
		require.ErrorIs(t, s.Send(l, mdl.ReadOnly), mdl.ErrProtocol, "final")
		_, err = s.Reap()
		require.ErrorIs(t, err, mdl.ErrProtocol)
		require.NoError(t, s.Close())
		l.Release()
	}
}

// Releases may arrive in any pieces.
func TestReleasesInPieces(t *testing.T) {
	a := sharedArena(t)
	x, y := unixPair(t)
	s, err := mdl.NewSender(x, a)
	require.NoError(t, err)
	defer s.Close()
	l := scattered(t, a, 1)
	var all []byte
	const lists = 5
	for i := range uint64(lists) {
		require.NoError(t, s.Send(l, mdl.ReadOnly))
		all = append(all, header(3, 0, i+1, 0, 0)...)
	}
	for i := range all {
		_, err := y.Write(all[i : i+1])
		require.NoError(t, err)
		reaped(t, s, lists-(i+1)/32)
	}
	l.Release()
}

// The receiver closes: the sender has everything back.
func TestReceiverCloses(t *testing.T) {
	a, s, r := peers(t)
	l := scattered(t, a, 2)
	refs := refsOf(l)
	got := sendAndReceive(t, s, r, l, mdl.ReadOnly)
	require.NoError(t, s.Send(l, mdl.ReadOnly), "on its way")
	require.NoError(t, r.Close())
	require.True(t, bytes.Equal(flat(t, l), flat(t, got)), "the list can still be read")
	out, err := s.Reap()
	require.ErrorIs(t, err, mdl.ErrPeerGone)
	require.Zero(t, out)
	require.Equal(t, refs, refsOf(l))
	require.ErrorIs(t, s.Send(l, mdl.ReadOnly), mdl.ErrPeerGone)
	require.ErrorIs(t, s.Serve(), mdl.ErrPeerGone)
	got.Release()
	require.Zero(t, r.Outstanding())
	l.Release()
}

// The sender closes: what was received stays as it is.
func TestSenderCloses(t *testing.T) {
	a, s, r := peers(t)
	l := scattered(t, a, 2)
	got := sendAndReceive(t, s, r, l, mdl.ReadWrite)
	require.NoError(t, s.Close())
	require.Equal(t, 0, s.Outstanding())
	_, err := r.Receive()
	require.ErrorIs(t, err, mdl.ErrPeerGone)
	require.True(t, errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) || err != nil)
	require.True(t, bytes.Equal(flat(t, l), flat(t, got)))
	require.NoError(t, got.CopyIn(0, []byte{1, 2, 3}))
	l.Release()
	require.Len(t, flat(t, got), 2*page)
	got.Release()
	require.ErrorIs(t, s.Send(got, mdl.ReadOnly), object.ErrDeleted)
	_, err = s.Reap()
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, s.Serve(), "closed is no failure")
	require.NoError(t, s.Close())
}

// Serve takes back as the peer releases; Close ends it.
func TestServe(t *testing.T) {
	a, s, r := peers(t)
	l := scattered(t, a, 2)
	refs := refsOf(l)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	for range 50 {
		sendAndReceive(t, s, r, l, mdl.ReadOnly).Release()
	}
	require.Eventually(t, func() bool { return s.Outstanding() == 0 }, 10*time.Second, time.Millisecond)
	require.Equal(t, refs, refsOf(l))
	require.ErrorIs(t, s.Serve(), mdl.ErrInvalid, "one is enough")
	require.NoError(t, s.Close())
	require.NoError(t, <-ended)
	l.Release()
}

// Releasing never waits for the sender, not even when the socket is full.
func TestReleaseDoesNotWait(t *testing.T) {
	a, s, r := peers(t)
	l := scattered(t, a, 1)
	lists := make(chan *mdl.List, 1)
	const count = 20000
	go func() {
		defer close(lists)
		for range count {
			got, err := r.Receive()
			if err != nil {
				t.Error(err)
				return
			}
			lists <- got
		}
	}()
	s.MuteForTest()
	go func() {
		for range count {
			if err := s.Send(l, mdl.ReadOnly); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for got := range lists {
		got.Release()
	}
	require.Zero(t, r.Outstanding())
	s.UnmuteForTest()
	flushed := make(chan error, 1)
	go func() { flushed <- r.Flush() }()
	require.Eventually(t, func() bool { out, err := s.Reap(); return out == 0 && err == nil }, 20*time.Second, time.Millisecond)
	require.NoError(t, <-flushed)
	l.Release()
}

// Receivers, and releases of what they received, by many goroutines: this one
// runs under the race detector too, because it needs no arena.
func TestReceiveConcurrently(t *testing.T) {
	fd := memfd(t, 8, sys.SealShrink)
	f := newForger(t)
	const lists = 400
	f.send(header(1, 2, 0, uint64(8*page), 0), fd)
	go func() {
		for i := range uint64(lists) {
			f.send(listMessage(2, i+1, uint64(page)*(i%8), uint64(page), 100, 100))
		}
	}()
	answers := make(chan int, 1)
	go func() {
		b, err := io.ReadAll(io.LimitReader(f.conn, lists*32))
		if err != nil {
			t.Error(err)
		}
		answers <- len(b)
	}()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range lists / 4 {
				l, err := f.r.Receive()
				if err != nil {
					t.Error(err)
					return
				}
				group.Go(func() {
					if l.Len() != page+100 {
						t.Error("wrong length")
					}
					l.Release()
				})
			}
		})
	}
	group.Wait()
	require.NoError(t, f.r.Flush())
	require.Equal(t, lists*32, <-answers, "every release was told, once")
	require.Zero(t, f.r.Outstanding())
}

// Streams with some bytes changed: an error, or lists whose bytes can be read.
func TestMutatedStreams(t *testing.T) {
	fd := memfd(t, 4, sys.SealShrink)
	p := uint64(page)
	good := append(header(1, 2, 0, 4*p, 0), listMessage(2, 1, 0, p, 2*p, p)...)
	good = append(good, listMessage(1, 2, 100, 200, 3*p+7, 90)...)
	rounds := 200
	if testing.Short() {
		rounds = 80
	}
	views := mdl.Mappings().Views
	accepted := 0
	for seed := range uint64(rounds) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		b := bytes.Clone(good)
		for range rnd.IntN(4) {
			b[rnd.IntN(len(b))] = byte(rnd.Uint32())
		}
		f := newForger(t)
		f.send(b[:rnd.IntN(len(b)+1)], fd)
		f.conn.Close()
		for {
			l, err := f.r.Receive()
			if errors.Is(err, mdl.ErrRefused) {
				continue
			}
			if err != nil {
				require.True(t, errors.Is(err, mdl.ErrProtocol) || errors.Is(err, mdl.ErrPeerGone), "seed %d: %v", seed, err)
				break
			}
			accepted++
			require.LessOrEqual(t, l.Len(), 8*page)
			require.Len(t, flat(t, l), l.Len())
			l.Release()
		}
		require.NoError(t, f.r.Close())
	}
	require.Positive(t, accepted)
	require.Equal(t, views, mdl.Mappings().Views)
}
