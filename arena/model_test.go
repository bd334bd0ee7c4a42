package arena

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// held is a run as the model knows it.
type held struct {
	run   Run
	stamp byte
	start int64 // page in the arena
}

// model is an arena beside the simplest thing that could be one: a map from page to the run that holds it.
type model struct {
	t    *testing.T
	a    *Arena
	rnd  *rand.Rand
	page map[int64]int // page -> number of the run; guard pages too
	runs map[int]held
	next int
	most int // pages asked for at once, at most
}

func (m *model) inUse() (n int64) {
	for _, h := range m.runs {
		n += int64(h.run.Pages())
	}
	return n
}

// gap tells whether the model sees n adjacent free pages among the first limit.
func (m *model) gap(n, limit int64) bool {
	free := int64(0)
	for p := range limit {
		if free++; m.taken(p) {
			free = 0
		}
		if free == n {
			return true
		}
	}
	return false
}

func (m *model) taken(p int64) bool { _, ok := m.page[p]; return ok }

func (m *model) some() (id int, h held, ok bool) {
	if len(m.runs) == 0 {
		return 0, held{}, false
	}
	k := m.rnd.IntN(m.next)
	for ; ; k = (k + 1) % m.next {
		if h, ok := m.runs[k]; ok {
			return k, h, true
		}
	}
}

func (m *model) take(id int, h held) {
	for p := h.start; p < h.start+int64(h.run.Pages())+int64(m.a.extra); p++ {
		must(m.t, !m.taken(p), "page %d is handed out twice", p)
		m.page[p] = id
	}
	m.runs[id] = h
}

func (m *model) forget(id int) {
	h := m.runs[id]
	for p := h.start; p < h.start+int64(h.run.Pages())+int64(m.a.extra); p++ {
		delete(m.page, p)
	}
	delete(m.runs, id)
}

// acquire acquires in one of the three ways and checks the answer against the map.
func (m *model) acquire() {
	n := 1 + m.rnd.IntN(m.most)
	if m.rnd.IntN(4) > 0 {
		n = 1 + m.rnd.IntN(4)
	}
	var r Run
	var err error
	way, to := m.rnd.IntN(3), m.a.PageSize()<<m.rnd.IntN(4)
	switch way {
	case 0:
		r, err = m.a.Acquire(n)
	case 1:
		r, err = m.a.AcquireUninitialized(n)
	case 2:
		r, err = m.a.AcquireAligned(n, to)
	}
	limited := m.a.bytesOf(m.inUse()+int64(n)) > m.a.cfg.Limit
	switch {
	case errors.Is(err, ErrLimit):
		require.True(m.t, limited, "%v with %d pages in use", err, m.inUse())
		return
	case errors.Is(err, ErrExhausted):
		if way < 2 && !m.a.piecewise {
			require.False(m.t, m.gap(int64(n)+int64(m.a.extra), m.a.cfg.Reserve>>m.a.shift), "there is room: %v", err)
		}
		return
	}
	require.NoError(m.t, err)
	require.False(m.t, limited)
	if way != 1 {
		require.True(m.t, isFilled(r.Bytes(), 0), "the run reads zero")
	}
	place, ok := m.a.Locate(r.Bytes())
	require.True(m.t, ok)
	require.Equal(m.t, Place{Page: place.Page, State: PageUsed, RunPage: place.Page, RunPages: n}, place)
	if way == 2 {
		require.Zero(m.t, r.addr()%uintptr(to))
	}
	h := held{run: r, stamp: byte(1 + m.rnd.IntN(255)), start: place.Page}
	fill(r, h.stamp)
	m.take(m.next, h)
	m.next++
}

func (m *model) release() {
	id, h, ok := m.some()
	if !ok {
		return
	}
	require.True(m.t, isFilled(h.run.Bytes(), h.stamp), "nobody else wrote")
	m.a.Release(h.run)
	m.forget(id)
	var misuse *MisuseError
	requireMisuse(m.t, &misuse, func() { m.a.Release(h.run) })
	require.Equal(m.t, NotInUse, misuse.Kind)
}

func (m *model) extend() {
	id, h, ok := m.some()
	if !ok {
		return
	}
	old, n := h.run, h.run.Pages()+m.rnd.IntN(m.most)
	grown, ok := m.a.Extend(old, n)
	if !ok {
		require.Equal(m.t, old, grown)
		return
	}
	require.Equal(m.t, n, grown.Pages())
	b := grown.Bytes()
	cut := old.Pages() * m.a.PageSize()
	require.True(m.t, isFilled(b[:cut], h.stamp))
	require.True(m.t, isFilled(b[cut:], 0), "new pages read zero")
	m.forget(id)
	h.run = grown
	fill(grown, h.stamp)
	m.take(id, h)
	if n > old.Pages() {
		var misuse *MisuseError
		requireMisuse(m.t, &misuse, func() { m.a.Release(old) })
	}
}

func (m *model) purge() {
	keep := m.rnd.Int64N(64) << m.a.shift
	before := m.a.Stats()
	got := m.a.Purge(keep)
	after := m.a.Stats()
	require.Equal(m.t, got, before.Committed-after.Committed)
	require.LessOrEqual(m.t, after.Committed-after.InUse, keep)
	if before.Committed-before.InUse <= keep {
		require.Zero(m.t, got)
	}
}

func requireMisuse(t testing.TB, out **MisuseError, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		v := recover()
		require.NotNil(t, v, "must panic")
		e, ok := v.(*MisuseError)
		require.True(t, ok, "%v", v)
		*out = e
	}()
	f()
}

func TestModel(t *testing.T) {
	for _, size := range []struct {
		name                 string
		reserve, limit, most int // pages
		steps                int
	}{
		{"roomy", 1 << 16, 0, 64, 600},
		{"limited", 1 << 16, 400, 64, 600},
		{"cramped", 300, 0, 40, 900},
		{"cramped and limited", 300, 200, 40, 900},
	} {
		t.Run(size.name, func(t *testing.T) {
			page := int64(pageSize())
			cfg := Config{Reserve: int64(size.reserve) * page, Limit: int64(size.limit) * page}
			eachVariant(t, cfg, func(t *testing.T, cfg Config) {
				seed := rand.Uint64()
				t.Logf("seed %d", seed)
				m := &model{
					t: t, a: open(t, cfg), rnd: rand.New(rand.NewPCG(seed, 1)),
					page: map[int64]int{}, runs: map[int]held{}, most: size.most,
				}
				steps := size.steps
				if testing.Short() || heapOnly {
					steps /= 4
				}
				for range steps {
					m.step()
				}
			})
		})
	}
}

func (m *model) step() {
	switch k := m.rnd.IntN(20); {
	case k < 9:
		m.acquire()
	case k < 15:
		m.release()
	case k < 18:
		m.extend()
	default:
		m.purge()
	}
	audit(m.t, m.a)
	require.Equal(m.t, m.inUse(), m.a.inUse)
	require.Equal(m.t, len(m.page), int(m.a.inUse+m.a.guards))
}
