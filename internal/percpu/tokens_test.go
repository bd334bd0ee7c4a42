//go:build lookaside_tokens

package percpu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTokenCount(t *testing.T) {
	for _, test := range []struct{ cpus, want int }{
		{1, 16}, {2, 16}, {4, 16}, {5, 32}, {8, 32}, {9, 64}, {64, 256}, {100, 512}, {256, 1024},
	} {
		require.Equal(t, test.want, tokenCount(test.cpus), "%d processors", test.cpus)
	}
	require.Equal(t, len(tokens), MaxID())
}

// TestPinWaitsForAToken takes all tokens but the last, which Pin must find, and then all, so that Pin must wait.
func TestPinWaitsForAToken(t *testing.T) {
	last := len(tokens) - 1
	for i := range last {
		require.True(t, tokens[i].take())
	}
	require.Equal(t, last, Pin())
	require.False(t, tokens[last].take(), "taken twice")

	got := make(chan int)
	go func() { got <- Pin() }()
	const freed = 3
	Unpin(freed)
	require.Equal(t, freed, <-got)
	for i := range tokens {
		Unpin(i)
	}
}
