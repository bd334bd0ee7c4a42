package sys

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseNodes(t *testing.T) {
	for text, want := range map[string][]int{
		"0\n":       {0},
		"0-3":       {0, 1, 2, 3},
		"0,2":       {0, 2},
		"0-1,4-5,9": {0, 1, 4, 5, 9},
		"":          nil,
		"x":         nil,
		"1-x":       nil,
		"1-":        nil,
		"0,":        nil,
		"0-9999999": nil,
	} {
		require.Equal(t, want, parseNodes(text), "%q", text)
	}
	require.NotEmpty(t, Nodes())
	require.Len(t, Nodes(), NumNodes())
}

func TestCleanName(t *testing.T) {
	require.Equal(t, "plain name:1", cleanName("plain name:1", maxName))
	require.Equal(t, "________", cleanName("[]\\$`\n\x00\x7f", maxName))
	require.Equal(t, "__", cleanName("é", maxName))
	require.Len(t, cleanName(strings.Repeat("x", 500), maxName), maxName)
}

func TestAdviceHasNames(t *testing.T) {
	seen := map[string]bool{}
	for a := range lastAdvice {
		require.NotEmpty(t, a.String())
		require.False(t, seen[a.String()])
		seen[a.String()] = true
	}
	require.Equal(t, "unknown advice", lastAdvice.String())
}

func TestFaultHook(t *testing.T) {
	require.NoError(t, Fault("anything"))
	first, second := errors.New("first"), errors.New("second")
	restoreFirst := SetFault(func(op string) error {
		if op == "map" {
			return first
		}
		return nil
	})
	require.ErrorIs(t, Fault("map"), first)
	require.NoError(t, Fault("reserve"))
	restoreSecond := SetFault(func(string) error { return second })
	require.ErrorIs(t, Fault("map"), second)
	restoreSecond()
	require.ErrorIs(t, Fault("map"), first)
	off := SetFault(nil)
	require.NoError(t, Fault("map"))
	off()
	restoreFirst()
	require.NoError(t, Fault("map"))
}

func TestFaultHookWhileOthersAsk(t *testing.T) {
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for range 1000 {
				_ = Fault("map")
			}
		})
	}
	for range 100 {
		SetFault(func(string) error { return ErrUnsupported })()
	}
	group.Wait()
	require.NoError(t, Fault("map"))
}
