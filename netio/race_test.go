package netio_test

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/netio"
)

// What happens before a write happens before its bytes are read, whichever of
// the two ends is a Stream. A race build would report the variable otherwise.
func TestBytesCarryWhatHappenedBefore(t *testing.T) {
	for name, c := range map[string]connect{"tcp": overTCP, "unix": overUnix} {
		for _, ends := range []string{"stream to stream", "stream to connection", "connection to stream"} {
			t.Run(name+" "+ends, func(t *testing.T) {
				ours, peer := c(t)
				var a, b io.ReadWriter = ours, peer
				if ends != "connection to stream" {
					a = byStream(t, ours)
				}
				if ends != "stream to connection" {
					b = byStream(t, peer)
				}
				value := 0
				wrong := make(chan error, 1)
				go func() {
					value = 7
					_, err := a.Write([]byte("x"))
					wrong <- err
				}()
				_, err := b.Read(make([]byte, 1))
				require.NoError(t, err)
				require.Equal(t, 7, value)
				require.NoError(t, <-wrong)
			})
		}
	}
}

// plain reads and writes by a Stream.
type plain struct{ s *netio.Stream }

func byStream(t testing.TB, c net.Conn) io.ReadWriter { return plain{stream(t, c)} }

func (p plain) Read(b []byte) (int, error) {
	return ioreq.SendSync(bg, p.s, ioreq.Read, ioreq.Buffer(b))
}

func (p plain) Write(b []byte) (int, error) {
	return ioreq.SendSync(bg, p.s, ioreq.Write, ioreq.Buffer(b))
}

// The race detector finds whoever writes memory that the kernel reads, and
// touches memory that it writes.
func TestTheDetectorSeesMemoryInFlight(t *testing.T) {
	if !race.Enabled {
		t.Skip("for race builds")
	}
	for name, op := range map[string]ioreq.Op{"write": ioreq.Write, "read": ioreq.Read} {
		testkit.Child(t, name, testkit.Death{Status: 66, Line: "=================="}, func() {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				panic(err)
			}
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				panic(err)
			}
			peer, err := l.Accept()
			if err != nil {
				panic(err)
			}
			s, err := netio.NewStream(c)
			if err != nil {
				panic(err)
			}
			m, err := memory.Wrap(make([]byte, 8))
			if err != nil {
				panic(err)
			}
			meanwhile := make(chan struct{})
			b := m.Bytes()
			go func() {
				if op == ioreq.Read {
					_, _ = peer.Write(make([]byte, 8))
				}
				b[3] = 1
				close(meanwhile)
			}()
			_, _ = ioreq.SendSync(bg, s, op, ioreq.Memory(m, ioreq.Span{}))
			<-meanwhile
		})
	}
}
