package lookaside_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside"
	"offheap.example/lookaside/slab"
)

func TestNewList(t *testing.T) {
	d, err := lookaside.Open(lookaside.Config{Name: "lists"})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			l, err := d.NewList()
			if err != nil || l.Retreat(100) != nil || l.Len() != 100 || l.Headroom() != 156 {
				t.Error("no list of 100 bytes")
				return
			}
			l.Release()
		})
	}
	wg.Wait()
	l, err := d.NewList()
	require.NoError(t, err)
	require.NoError(t, l.Retreat(1000))
	require.Equal(t, 4, l.Segments())
	c, err := l.Clone()
	require.NoError(t, err)
	l.Release()

	err = d.Close()
	var leak *lookaside.LeakError
	require.True(t, errors.As(err, &leak))
	require.EqualValues(t, 4, leak.Blocks, "the clone has them")
	require.ErrorContains(t, err, "list headers")
	require.NoError(t, c.Fill(0, 1000, 1), "and the pages stay")
	require.NoError(t, c.Advance(1000))
	require.ErrorIs(t, c.Retreat(1), slab.ErrClosed)
	c.Release()
}

func TestNewListOfAClosedDomain(t *testing.T) {
	for _, used := range []bool{false, true} {
		d, err := lookaside.Open(lookaside.Config{})
		require.NoError(t, err)
		if used {
			l, err := d.NewList()
			require.NoError(t, err)
			l.Release()
		}
		require.NoError(t, d.Close())
		_, err = d.NewList()
		require.ErrorIs(t, err, lookaside.ErrClosed)
	}
}

// A message is put together from the inside: the payload first, then the
// headers in front of it.
func ExampleDomain_NewList() {
	d, err := lookaside.Open(lookaside.Config{Name: "packets"})
	if err != nil {
		panic(err)
	}
	payload, err := d.NewMemory(5)
	if err != nil {
		panic(err)
	}
	copy(payload.Bytes(), "hello")
	packet, err := d.NewList()
	if err != nil {
		panic(err)
	}
	if packet.Append(payload, 0, 5) != nil || packet.Retreat(7) != nil || packet.CopyIn(0, []byte("header ")) != nil {
		panic("no packet")
	}
	for part := range packet.All() {
		fmt.Printf("%q ", part)
	}
	packet.Release()
	fmt.Println(d.Close())
	// Output:
	// "header " "hello" <nil>
}
