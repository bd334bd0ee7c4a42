//go:build !linux

package mdl_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/mdl"
)

// canSend says that lists can be sent on this platform.
const canSend = false

// peersOf is for platforms that can.
func peersOf(testing.TB) (*arena.Arena, *mdl.Sender, *mdl.Receiver) { return nil, nil, nil }

// Where there are no memory files, both ends say so.
func TestNoPeersHere(t *testing.T) {
	a := openArena(t, arena.Config{Shared: true})
	_, err := mdl.NewSender(nil, a)
	require.ErrorIs(t, err, mdl.ErrInvalid)
	_, err = mdl.NewReceiver(nil)
	require.ErrorIs(t, err, mdl.ErrInvalid)
}
