package mdl

import (
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func countRawConns() (n int) {
	rawConns.Range(func(any, any) bool { n++; return true })
	return n
}

// A raw connection is kept as long as its connection, and no longer.
func TestRawConnsGoWithTheirConnections(t *testing.T) {
	if !hasRawConn {
		t.Skip("this platform's raw connections are not used")
	}
	before := countRawConns()
	const conns = 10
	func() {
		for range conns {
			c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Skip("no UDP here")
			}
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					raw, ok := rawConn(c)
					if !ok || raw.Control(func(uintptr) {}) != nil {
						t.Error("no raw connection")
					}
				})
			}
			wg.Wait()
			require.NoError(t, c.Close())
		}
	}()
	require.LessOrEqual(t, countRawConns(), before+conns)
	for range 200 {
		if countRawConns() <= before {
			break
		}
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	require.LessOrEqual(t, countRawConns(), before+1, "a stale copy on the stack may keep one")

	_, ok := rawConn((*net.TCPConn)(nil))
	require.False(t, ok)
	_, ok = rawConn(&net.TCPConn{})
	require.False(t, ok)
	_, ok = rawConn(7)
	require.False(t, ok)
}
