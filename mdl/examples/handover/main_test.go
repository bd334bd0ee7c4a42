package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The test binary is the child as well.
func TestMain(m *testing.M) {
	if path := os.Getenv(socketVariable); path != "" {
		if err := child(path, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestHandover(t *testing.T) {
	out := output(t)
	if out == "no memory files here\n" {
		t.Skip("arenas have no memory file here")
	}
	size := os.Getpagesize()
	want := []string{
		"parent: 3 pages in 3 parts",
		"parent: sending for read and write",
		fmt.Sprintf("child: %d bytes in capitals", 3*size),
		"parent: PAGES OF ONE PROCESS",
		"parent: BECOME PAGES OF ANOTHER",
		"parent: AND NOTHING IS COPIED",
		"parent: sending for read only",
		fmt.Sprintf("child: %d bytes, for reading only", 3*size),
		"parent: PAGES OF ONE PROCESS",
		"parent: BECOME PAGES OF ANOTHER",
		"parent: AND NOTHING IS COPIED",
		"parent: sending to a child that dies",
		"parent: the peer is gone: true - lists outstanding: 0",
	}
	require.Equal(t, strings.Join(want, "\n")+"\n", out)
}

// output is what the program prints, parent and child together.
func output(t *testing.T) string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "out")
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, parent(f))
	b, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	return string(b)
}
