package mdl_test

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/mdl"
)

// peerVariable tells a child of this test where to connect.
const peerVariable = "LOOKASIDE_MDL_PEER"

// TestPeerChild is the other process of TestPeersThatDie.
func TestPeerChild(t *testing.T) {
	path := os.Getenv(peerVariable)
	if path == "" {
		t.Skip("this is the child of another test")
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	r, err := mdl.NewReceiver(conn)
	require.NoError(t, err)
	var held []*mdl.List
	for {
		l, err := r.Receive()
		if err != nil {
			require.ErrorIs(t, err, mdl.ErrPeerGone)
			return
		}
		sum := 0
		for p := range l.All() {
			for _, v := range p {
				sum += int(v)
			}
		}
		if held = append(held, l); sum%3 != 0 || len(held) > 20 { // keep some
			held[0].Release()
			held = held[1:]
		}
	}
}

// Processes that are killed at any moment: the sender has everything back, and
// its memory is as it was.
func TestPeersThatDie(t *testing.T) {
	a := sharedArena(t)
	l := scattered(t, a, 7)
	refs, want := refsOf(l), flat(t, l)
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for seed := range uint64(rounds) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		path := filepath.Join(t.TempDir(), "s")
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		require.NoError(t, err)
		binary, err := os.Executable()
		require.NoError(t, err)
		child := exec.Command(binary, "-test.run=^TestPeerChild$", "-test.count=1", "-test.timeout=1m")
		child.Env = append(os.Environ(), peerVariable+"="+path)
		require.NoError(t, child.Start())
		require.NoError(t, ln.SetDeadline(time.Now().Add(time.Minute)))
		conn, err := ln.AcceptUnix()
		if err != nil {
			_ = child.Process.Kill()
		}
		require.NoError(t, err)
		require.NoError(t, ln.Close())
		s, err := mdl.NewSender(conn, a)
		require.NoError(t, err)

		time.AfterFunc(time.Duration(rnd.IntN(15))*time.Millisecond, func() { _ = child.Process.Kill() })
		sent := 0
		for err == nil {
			if err = s.Send(l, mdl.ReadOnly+mdl.Prot(sent%2)); err == nil {
				sent++
			}
		}
		require.ErrorIs(t, err, mdl.ErrPeerGone, "seed %d, after %d lists", seed, sent)
		require.Zero(t, s.Outstanding())
		require.Equal(t, refs, refsOf(l))
		require.Equal(t, want, flat(t, l))
		var exit *exec.ExitError
		require.True(t, errors.As(child.Wait(), &exit), "killed")
		require.NoError(t, s.Close())
	}
	l.Release()
}
