package percpu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIDIsPinsWhilePinned(t *testing.T) {
	for range 1000 {
		id := Pin()
		read := ID()
		Unpin(id)
		if Current() == Unpreemptible {
			require.Equal(t, id, read)
		} else {
			require.Equal(t, -1, read)
		}
	}
}
