package arena

// freeRun is one maximal run of free pages of one piece. It lives in freeRuns.all, outside the pages it describes,
// and is named by its index there; index 0 is nobody.
type freeRun struct {
	first, pages uint32 // page within the piece, and how many
	piece        uint32 // index of the piece
	dirty        uint32 // pages among them that may hold old bytes

	left, right, prio uint32 // in the tree of its kind
	older, newer      uint32 // in the list of dirty runs; meaningless for clean ones
}

// before is the order of the trees: by length, among equals by address.
func (f *freeRun) before(pages, piece, first uint32) bool {
	if f.pages != pages {
		return f.pages < pages
	}
	if f.piece != piece {
		return f.piece < piece
	}
	return f.first < first
}

// freeRuns keeps the free runs twice ordered: two trees by length and address, one of runs that have dirty pages and
// one of runs that have none, and a list of the dirty ones from the coldest to the one freed last. The trees are
// treaps: every operation takes a number of steps that grows with the logarithm of the number of runs, whatever the
// order of calls.
type freeRuns struct {
	all           []freeRun
	unused        []uint32
	clean, soiled uint32 // roots
	cold, hot     uint32 // ends of the list
	count         int
	seed          uint32
}

func (t *freeRuns) at(id uint32) *freeRun { return &t.all[id] }

func (t *freeRuns) root(f *freeRun) *uint32 {
	if f.dirty > 0 {
		return &t.soiled
	}
	return &t.clean
}

// add takes in a run and returns its index. A run with dirty pages goes to the list before the run that is newer
// than it, or, where newer is 0, to the hot end.
func (t *freeRuns) add(f freeRun, newer uint32) uint32 {
	if len(t.all) == 0 {
		t.all = make([]freeRun, 1, 64)
		t.seed = 2463534242
	}
	t.seed ^= t.seed << 13
	t.seed ^= t.seed >> 17
	t.seed ^= t.seed << 5
	f.left, f.right, f.prio = 0, 0, t.seed
	var id uint32
	if n := len(t.unused); n > 0 {
		id, t.unused = t.unused[n-1], t.unused[:n-1]
		t.all[id] = f
	} else {
		id = uint32(len(t.all))
		t.all = append(t.all, f)
	}
	t.count++
	if f.dirty > 0 {
		t.listIn(id, newer)
	}
	t.treeIn(id)
	return id
}

// drop forgets a run and returns what it was.
func (t *freeRuns) drop(id uint32) freeRun {
	f := *t.at(id)
	t.treeOut(id)
	if f.dirty > 0 {
		t.listOut(id)
	}
	t.unused = append(t.unused, id)
	t.count--
	return f
}

// cleanse takes n pages off the dirty pages of a run; the last of them moves it from the dirty tree to the clean one.
func (t *freeRuns) cleanse(id, n uint32) {
	f := t.at(id)
	if n < f.dirty {
		f.dirty -= n
		return
	}
	t.treeOut(id)
	t.listOut(id)
	f.dirty = 0
	t.treeIn(id)
}

func (t *freeRuns) listIn(id, newer uint32) {
	older := t.hot
	if newer != 0 {
		older = t.at(newer).older
		t.at(newer).older = id
	} else {
		t.hot = id
	}
	if older != 0 {
		t.at(older).newer = id
	} else {
		t.cold = id
	}
	f := t.at(id)
	f.older, f.newer = older, newer
}

func (t *freeRuns) listOut(id uint32) {
	f := t.at(id)
	if f.older != 0 {
		t.at(f.older).newer = f.newer
	} else {
		t.cold = f.newer
	}
	if f.newer != 0 {
		t.at(f.newer).older = f.older
	} else {
		t.hot = f.older
	}
}

// treeIn puts a run where its priority says, and parts what was there by its key.
func (t *freeRuns) treeIn(id uint32) {
	f := t.at(id)
	at := t.root(f)
	for *at != 0 && t.at(*at).prio >= f.prio {
		at = t.step(*at, f)
	}
	rest, less, more := *at, &f.left, &f.right
	*at = id
	for rest != 0 {
		r := t.at(rest)
		if r.before(f.pages, f.piece, f.first) {
			*less, less, rest = rest, &r.right, r.right
		} else {
			*more, more, rest = rest, &r.left, r.left
		}
	}
	*less, *more = 0, 0
}

// treeOut joins what hangs below a run and puts it in the run's place.
func (t *freeRuns) treeOut(id uint32) {
	f := t.at(id)
	at := t.root(f)
	for *at != id {
		at = t.step(*at, f)
	}
	l, r := f.left, f.right
	for l != 0 && r != 0 {
		if t.at(l).prio >= t.at(r).prio {
			*at, at, l = l, &t.at(l).right, t.at(l).right
		} else {
			*at, at, r = r, &t.at(r).left, t.at(r).left
		}
	}
	*at = l | r
}

// step is the link that leads from run id towards the place of f.
func (t *freeRuns) step(id uint32, f *freeRun) *uint32 {
	n := t.at(id)
	if n.before(f.pages, f.piece, f.first) {
		return &n.right
	}
	return &n.left
}

// fit is the smallest run under root with at least pages pages, the lowest among equals; 0 where there is none.
func (t *freeRuns) fit(root, pages uint32) uint32 { return t.from(root, pages, 0, 0) }

// after is the run that follows run id in its tree.
func (t *freeRuns) after(id uint32) uint32 {
	f := t.at(id)
	return t.from(*t.root(f), f.pages, f.piece, f.first+1)
}

// from is the first run under root that is not before the given key.
func (t *freeRuns) from(root, pages, piece, first uint32) (found uint32) {
	for root != 0 {
		f := t.at(root)
		if f.before(pages, piece, first) {
			root = f.right
		} else {
			found, root = root, f.left
		}
	}
	return found
}

// last is the longest run under root, the highest among equals.
func (t *freeRuns) last(root uint32) (id uint32) {
	for ; root != 0; root = t.at(root).right {
		id = root
	}
	return id
}

// priorTo is the run before run id in its tree.
func (t *freeRuns) priorTo(id uint32) (found uint32) {
	f := t.at(id)
	for at := *t.root(f); at != 0; {
		if n := t.at(at); n.before(f.pages, f.piece, f.first) {
			found, at = at, n.right
		} else {
			at = n.left
		}
	}
	return found
}
