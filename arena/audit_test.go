package arena

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// audit recounts every page of an arena from the page map and proves that the trees, the list, the bitsets and the
// sums agree with it.
func audit(t testing.TB, a *Arena) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	var inUse, guards, lost, free, dirty, ever int64
	seen := map[uint32]bool{}
	var before uint32
	var walked, began int
	for i, p := range a.pieces {
		require.Equal(t, uint32(i), p.index)
		require.Equal(t, before, p.first, "pieces are numbered without a gap")
		before += p.pages
		require.LessOrEqual(t, p.ever, p.ready)
		require.LessOrEqual(t, p.ready, p.pages)
		ever += int64(p.ever)
		wasFree := false
		for at := uint32(0); at < p.ever; walked++ {
			require.True(t, p.starts.has(at), "page %d of piece %d begins a run", at, i)
			w := p.heads[at]
			switch {
			case isFree(w):
				require.False(t, wasFree, "free neighbours are one run")
				id := freeRunOf(w)
				f := a.free.at(id)
				require.False(t, seen[id])
				seen[id] = true
				require.Equal(t, span{at, f.pages}, span{f.first, f.pages})
				require.Equal(t, uint32(i), f.piece)
				require.Equal(t, w, p.heads[at+f.pages-1], "last page of a free run")
				require.Equal(t, p.dirty.count(at, at+f.pages), f.dirty)
				free += int64(f.pages)
				dirty += int64(f.dirty)
				wasFree = true
				at += f.pages
			case isUsed(w) && w>>34 == 0:
				lost++
				wasFree = false
				at++
			default:
				require.True(t, isUsed(w), "word %#x", w)
				n := pagesOf(w)
				if n > 1 {
					require.Equal(t, uint64(wordNone), p.heads[at+n-1], "last page of a run in use")
				}
				require.Zero(t, p.dirty.count(at, at+n), "dirty bits are for free pages")
				inUse += int64(n - a.extra)
				guards += int64(a.extra)
				wasFree = false
				at += n
			}
		}
		for at := p.starts.bits.next(0, p.pages); at < p.pages; at = p.starts.bits.next(at+1, p.pages) {
			require.Less(t, at, p.ever)
			require.Equal(t, at, p.starts.at(at))
			began++
		}
		require.Zero(t, p.dirty.count(p.ever, p.pages))
	}
	require.Equal(t, walked, began, "marks at the first pages of runs only")
	require.Equal(t, a.nextPage, before)
	require.Equal(t, inUse, a.inUse, "pages in use")
	require.Equal(t, guards, a.guards, "guard pages")
	require.Equal(t, lost, a.lostPages, "lost pages")
	require.Equal(t, dirty, a.dirtyPages, "dirty pages")
	require.Equal(t, ever, a.everPages, "pages ever handed out")
	require.Equal(t, ever, inUse+guards+lost+free, "used + free = ever")
	require.LessOrEqual(t, a.bytesOf(a.committed()), a.cfg.Limit)
	require.Len(t, seen, a.free.count)
	auditTrees(t, &a.free, seen)
}

// auditTrees proves that each free run is in its tree, in order, and the dirty ones in the list.
func auditTrees(t testing.TB, f *freeRuns, seen map[uint32]bool) {
	t.Helper()
	var inTree int
	var walk func(id uint32, dirty bool, last *freeRun) *freeRun
	walk = func(id uint32, dirty bool, last *freeRun) *freeRun {
		if id == 0 {
			return last
		}
		n := f.at(id)
		require.True(t, seen[id])
		require.Equal(t, dirty, n.dirty > 0)
		for _, below := range []uint32{n.left, n.right} {
			require.True(t, below == 0 || f.at(below).prio <= n.prio)
		}
		last = walk(n.left, dirty, last)
		require.True(t, last == nil || last.before(n.pages, n.piece, n.first))
		inTree++
		return walk(n.right, dirty, n)
	}
	walk(f.clean, false, nil)
	walk(f.soiled, true, nil)
	require.Equal(t, f.count, inTree)
	listed := 0
	for id, older := f.cold, uint32(0); id != 0; id, older = f.at(id).newer, id {
		require.Equal(t, older, f.at(id).older)
		require.Positive(t, f.at(id).dirty)
		listed++
	}
	for id := f.hot; id != 0; id = f.at(id).older {
		listed--
	}
	require.Zero(t, listed)
	for id := range seen {
		if f.at(id).dirty > 0 {
			listed++
		}
	}
	for id := f.cold; id != 0; id = f.at(id).newer {
		listed--
	}
	require.Zero(t, listed, "the list holds the dirty runs")
}
