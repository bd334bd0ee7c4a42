package ioreq

// pipe is the bytes between writes and reads: a ring that grows up to a limit.
type pipe struct {
	ring  []byte // a power of two long, or limit
	head  int    // where the oldest byte is
	count int
	limit int
	block bool // a full pipe takes nothing, otherwise it forgets the oldest
	lost  int64
}

const firstRing = 4096

// room returns how many bytes a write may bring.
func (p *pipe) room() int {
	if p.block {
		return p.limit - p.count
	}
	return p.limit
}

// write takes bytes of b and returns how many.
func (p *pipe) write(b []byte) int {
	n := len(b)
	if p.block {
		n = min(n, p.room())
	} else if n > p.limit {
		p.lost += int64(n - p.limit)
		b = b[n-p.limit:]
	}
	b = b[:min(len(b), n)]
	p.grow(p.count + len(b))
	if over := p.count + len(b) - len(p.ring); over > 0 {
		p.lost += int64(over)
		p.head, p.count = (p.head+over)%len(p.ring), p.count-over
	}
	at := 0
	if len(p.ring) > 0 {
		at = (p.head + p.count) % len(p.ring)
	}
	k := copy(p.ring[at:], b)
	copy(p.ring, b[k:])
	p.count += len(b)
	return n
}

// read moves bytes to b and returns how many.
func (p *pipe) read(b []byte) int {
	n := min(len(b), p.count)
	if n == 0 {
		return 0
	}
	k := copy(b[:n], p.ring[p.head:])
	copy(b[k:n], p.ring)
	p.head, p.count = (p.head+n)%len(p.ring), p.count-n
	return n
}

// grow makes the ring large enough for n bytes, or as large as it may be.
func (p *pipe) grow(n int) {
	if n <= len(p.ring) || len(p.ring) == p.limit {
		return
	}
	size := max(len(p.ring), firstRing)
	for size < n && size < p.limit {
		size *= 2
	}
	ring := make([]byte, min(size, p.limit))
	count := p.count
	p.read(ring[:count])
	p.ring, p.head, p.count = ring, 0, count
}
