package replay

import (
	"errors"

	"offheap.example/lookaside/bench/contender"
	"offheap.example/lookaside/bench/trace"
	"offheap.example/lookaside/slab"
)

// memory prepares the memory pass.
func (s *session) memory(title string) prepared {
	m := &meter{peakOp: s.t.Totals.PeakOp, every: max(s.t.Totals.Ops()/256, 1)}
	w := s.newWalk(m, title, "memory")
	w.after = m.sample
	return func(c contender.Contender, r *Result) error {
		m.c = c
		err := w.run(c)
		if errors.Is(err, errInterrupted) {
			return nil
		}
		if err != nil {
			return err
		}
		r.PeakResident = m.resident
		if m.stats != nil && s.report.Classes == nil {
			s.report.Classes = m.classes()
		}
		return nil
	}
}

// meter is the visitor that writes every byte and measures.
type meter struct {
	c        contender.Contender
	live     int64 // bytes asked for
	sampled  int64 // live when it was sampled for a maximum
	peakOp   int64
	every    int64
	resident int64 // largest seen

	stats *slab.Stats   // the contender's counters at the peak
	use   map[int64]use // by capacity, at the peak
}

// use is what the live blocks of one capacity were.
type use struct{ blocks, asked, held int64 }

// ink is what blocks are written with.
var ink = func() (b [64 << 10]byte) {
	for i := range b {
		b[i] = 0xA5
	}
	return b
}()

func write(b []byte) {
	for len(b) > 0 {
		b = b[copy(b, ink[:]):]
	}
}

func (m *meter) fresh(b []byte, _ uint64, n int, _ trace.Op, _ int) {
	m.live += int64(n)
	write(b)
}

func (m *meter) moved(b []byte, _ uint64, old, n int) {
	m.live += int64(n) - int64(old)
	if old < len(b) {
		write(b[old:])
	}
}

func (m *meter) gone(b []byte, _ uint64) { m.live -= int64(len(b)) }

func (m *meter) enough() bool { return false }

// floor is the number of live bytes below which maxima are not sampled.
const floor = 64 << 10

// sample is called after every operation.
func (m *meter) sample(ops int64, blocks [][]byte) error {
	peak := ops == m.peakOp
	if !peak && ops%m.every != 0 && (m.live < floor || m.live < m.sampled+m.sampled/100) {
		return nil
	}
	m.sampled = max(m.sampled, m.live)
	n, err := m.c.Resident()
	if err != nil {
		return err
	}
	m.resident = max(m.resident, n)
	if peak {
		m.atPeak(blocks)
	}
	return nil
}

// atPeak keeps the counters and what the program asked for.
func (m *meter) atPeak(blocks [][]byte) {
	a, ok := m.c.(contender.Accountant)
	if !ok {
		return
	}
	s := a.Stats()
	m.stats, m.use = &s, make(map[int64]use)
	for _, b := range blocks {
		if cap(b) > 0 {
			u := m.use[int64(cap(b))]
			m.use[int64(cap(b))] = use{u.blocks + 1, u.asked + int64(len(b)), u.held + int64(cap(b))}
		}
	}
}

// classes joins the counters with the use. Capacities that are no class's size
// are those of large blocks.
func (m *meter) classes() []Class {
	out := make([]Class, 0, len(m.stats.Classes))
	large := -1
	for _, s := range m.stats.Classes {
		u := m.use[int64(s.Size)]
		delete(m.use, int64(s.Size))
		if s.Size == 0 {
			large = len(out)
		}
		out = append(out, Class{
			Size: int64(s.Size), Live: s.Live, Parked: s.Parked, Slabs: s.Slabs, Gets: s.Gets,
			HitRate: s.HitRate(), LiveBytes: s.LiveBytes, Asked: u.asked, HeldBytes: s.HeldBytes,
		})
	}
	for _, u := range m.use {
		if large < 0 {
			large = len(out)
			out = append(out, Class{HitRate: 1})
		}
		out[large].Asked += u.asked
	}
	return out
}
