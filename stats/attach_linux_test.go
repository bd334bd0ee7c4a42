package stats

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/internal/statspage"
	"offheap.example/lookaside/internal/sys"
	"offheap.example/lookaside/slab"
)

// childEnv makes the test binary a process to look at.
const childEnv = "LOOKASIDE_STATS_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

// child has 100 blocks out of a list and 10 of an allocator, says so, and waits
// for the end of its input.
func child() {
	a, err := arena.Open(arena.Config{Name: "child"})
	exitOn(err)
	l, err := slab.New(a, slab.Config{Name: "packets", Size: 200})
	exitOn(err)
	for i := range 120 {
		b, err := l.Get()
		exitOn(err)
		b[0] = 1
		if i >= 100 {
			l.Put(b)
		}
	}
	s, err := slab.NewAllocator(a, slab.AllocatorConfig{Name: "heap"})
	exitOn(err)
	for range 10 {
		_, err := s.Alloc(1000)
		exitOn(err)
	}
	was := a.Stats()
	fmt.Println("ready", was.Resident, was.MetadataResident, was.CountersResident)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func exitOn(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// find returns the only list of that kind and name.
func find(t *testing.T, s Snapshot, k Kind, name string) List {
	t.Helper()
	var found []List
	for _, l := range s.Lists {
		if l.Kind == k && l.Name == name {
			found = append(found, l)
		}
	}
	require.Len(t, found, 1, "%s %q in %+v", k, name, s.Lists)
	return found[0]
}

func snapshotOf(t *testing.T, pid int, name string) Snapshot {
	t.Helper()
	sources, err := Find(pid)
	require.NoError(t, err)
	for _, src := range sources {
		if src.Name != name {
			continue
		}
		r, err := Attach(src)
		require.NoError(t, err)
		require.Equal(t, src, r.Source())
		s, err := r.Snapshot()
		require.NoError(t, err)
		require.NoError(t, r.Close())
		return s
	}
	require.Fail(t, "no such arena", "%q in %v", name, sources)
	return Snapshot{}
}

func needMapped(t *testing.T) {
	if race.Enabled {
		t.Skip("in race builds arenas are on the Go heap and publish nothing")
	}
}

// requireResident compares what is resident with what the process says itself.
// A page more or less may be touched meanwhile.
func requireResident(t *testing.T, want []int64, s Snapshot) {
	t.Helper()
	require.Empty(t, s.Arena.ResidentUnknown)
	got := []int64{s.Arena.Resident, s.Arena.MetadataResident, s.Arena.CountersResident}
	for i, name := range []string{"pages", "metadata", "counters"} {
		require.Positive(t, want[i], name)
		require.InDelta(t, want[i], got[i], 2*float64(os.Getpagesize()), name)
	}
}

// What is resident is told for every way in which an arena gets its pages, and
// falls when pages are given back.
func TestResidentMemory(t *testing.T) {
	needMapped(t)
	for name, cfg := range map[string]arena.Config{
		"resident":         {},
		"resident guarded": {Guard: true},
		"resident shared":  {Shared: true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Name = name
			a, err := arena.Open(cfg)
			require.NoError(t, err)
			check := func() Snapshot {
				t.Helper()
				s, was := snapshotOf(t, os.Getpid(), name), a.Stats()
				require.Empty(t, s.Arena.ResidentUnknown)
				for _, x := range [][2]int64{{was.Resident, s.Arena.Resident},
					{was.MetadataResident, s.Arena.MetadataResident}, {was.CountersResident, s.Arena.CountersResident}} {
					require.InDelta(t, x[0], x[1], 2*float64(a.PageSize()), "%+v", s.Arena)
				}
				return s
			}
			require.Zero(t, check().Arena.Resident)
			var runs []arena.Run
			for i := range 30 {
				r, err := a.Acquire(1 + i*i)
				require.NoError(t, err)
				for off := 0; off < len(r.Bytes()); off += 3 * a.PageSize() { // some pages of each
					r.Bytes()[off] = 1
				}
				runs = append(runs, r)
			}
			require.Positive(t, check().Arena.Resident)
			for _, r := range runs[:20] {
				a.Release(r)
			}
			check()
			a.Purge(0)
			check()
			for _, r := range runs[20:] {
				a.Release(r)
			}
			a.Purge(0)
			require.Zero(t, check().Arena.Resident, "everything went back")
			require.NoError(t, a.Close())
		})
	}
}

// Who may not look into a process learns so, and everything else all the same.
func TestResidentWithoutPermission(t *testing.T) {
	f, err := os.Open("/proc/1/pagemap")
	if !errors.Is(err, fs.ErrPermission) {
		f.Close()
		t.Skip("this process may look into process 1, or there is none")
	}
	r := newPage().reader(t)
	r.src.PID = 1
	m, err := r.Resident()
	require.ErrorIs(t, err, fs.ErrPermission)
	require.Equal(t, Residence{Blocks: -1, Metadata: -1, Counters: -1}, m, "the counters of this test are no file")
	s, err := r.Snapshot()
	require.NoError(t, err)
	require.EqualValues(t, -1, s.Arena.Resident)
	require.EqualValues(t, -1, s.Arena.MetadataResident)
	require.Contains(t, s.Arena.ResidentUnknown, "permission denied")
}

// An arena on the Go heap has no file.
func TestHeapBackedArenaIsNotFound(t *testing.T) {
	t.Setenv("LOOKASIDE_BACKING", "heap")
	a, err := arena.Open(arena.Config{Name: "unseen"})
	require.NoError(t, err)
	sources, err := Find(os.Getpid())
	require.NoError(t, err)
	for _, s := range sources {
		require.NotEqual(t, "unseen", s.Name)
	}
	require.NoError(t, a.Close())
}

// A stopped process is read as well as a running one, down to the block.
func TestAnotherProcess(t *testing.T) {
	needMapped(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	var resident, metadata, counters int64
	_, err = fmt.Sscanf(line, "ready %d %d %d\n", &resident, &metadata, &counters)
	require.NoError(t, err, "%q", line)
	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))

	s := snapshotOf(t, cmd.Process.Pid, "child")
	require.Equal(t, cmd.Process.Pid, s.Process.PID)
	require.NotEmpty(t, s.Process.Command)
	require.Positive(t, s.Arena.Committed)
	requireResident(t, []int64{resident, metadata, counters}, s)
	l := find(t, s, Lookaside, "packets")
	require.EqualValues(t, 100, l.Live)
	require.EqualValues(t, 120, l.Gets)
	require.EqualValues(t, 20, l.Puts)
	require.EqualValues(t, 10, find(t, s, Allocator, "heap").Live)

	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	require.NoError(t, in.Close())
	require.NoError(t, cmd.Wait())
	_, err = Find(cmd.Process.Pid)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// What is read from outside is what the allocator says itself.
func TestOwnProcess(t *testing.T) {
	needMapped(t)
	a, err := arena.Open(arena.Config{Name: "own"})
	require.NoError(t, err)
	h, err := slab.NewAllocator(a, slab.AllocatorConfig{Name: "heap"})
	require.NoError(t, err)
	var live [][]byte
	for i := range 3000 {
		b, err := h.Alloc(1 + i*7%100_000)
		require.NoError(t, err)
		b[0] = 1
		if i%3 == 0 {
			h.Free(b)
		} else {
			live = append(live, b)
		}
	}
	tagged := h.Tagged(slab.Tag{'N', 'e', 't', '1'})
	one, err := tagged.Alloc(500)
	require.NoError(t, err)
	local := h.NewLocal()
	two, err := local.Alloc(600)
	require.NoError(t, err)

	want := h.Stats() // looks at every shard, and so makes each resident
	was, s := a.Stats(), snapshotOf(t, os.Getpid(), "own")
	requireResident(t, []int64{was.Resident, was.MetadataResident, was.CountersResident}, s)
	sum := find(t, s, Allocator, "heap")
	require.Equal(t, want.Live, sum.Live)
	require.Equal(t, want.Gets, sum.Gets)
	require.Equal(t, want.Puts, sum.Puts)
	require.Equal(t, want.Parked, sum.Parked)
	require.Equal(t, want.LiveBytes, sum.LiveBytes)
	require.Equal(t, want.Refills, sum.Refills)
	require.Equal(t, want.Slabs, sum.Slabs)
	for _, l := range s.Lists {
		if l.Kind == Tag {
			require.EqualValues(t, 1, l.Live)
		}
	}
	first := s
	h.Free(live[0])
	second := snapshotOf(t, os.Getpid(), "own")
	d := second.Since(first)
	require.EqualValues(t, -1, d.Lists[0].DLive)

	h.Free(two)
	tagged.Free(one)
	require.NoError(t, local.Close())
	for _, b := range live[1:] {
		h.Free(b)
	}
	require.NoError(t, h.Close())
	require.NoError(t, a.Close())
}

// Counters of another version are no reason to say that there are none.
func TestFindTellsOfAnotherVersion(t *testing.T) {
	fd, err := sys.Memfd("lookaside:other")
	require.NoError(t, err)
	f := os.NewFile(uintptr(fd), "other")
	p := newPage()
	p.mem[8]++
	_, err = f.Write(p.mem)
	require.NoError(t, err)
	sources, err := Find(os.Getpid())
	require.ErrorIs(t, err, statspage.ErrFormat, "%v", sources)
	require.ErrorContains(t, err, fmt.Sprintf("version is %d: this reader knows %d", p.mem[8], statspage.Version))
	if !race.Enabled {
		a, err := arena.Open(arena.Config{Name: "readable"})
		require.NoError(t, err)
		sources, err := Find(os.Getpid())
		require.NoError(t, err)
		require.Len(t, sources, 1, "what can be read is read")
		require.NoError(t, a.Close())
	}
	require.NoError(t, f.Close())
	sources, err = Find(os.Getpid())
	require.NoError(t, err)
	require.Empty(t, sources)
}

func TestFindRefuses(t *testing.T) {
	for _, pid := range []int{0, -1, 1 << 30} {
		_, err := Find(pid)
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
}

func TestAttachRefuses(t *testing.T) {
	_, err := Attach(Source{PID: os.Getpid(), FD: 1 << 20, Name: "gone"})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, fmt.Sprintf(`stats: attach to process %d, arena "gone"`, os.Getpid()))
	r, w, err := os.Pipe()
	require.NoError(t, err)
	_, err = Attach(Source{PID: os.Getpid(), FD: int(r.Fd()), Name: "pipe"})
	require.ErrorContains(t, err, "no regular file")
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
	f, err := os.CreateTemp(t.TempDir(), "x")
	require.NoError(t, err)
	_, err = Attach(Source{PID: os.Getpid(), FD: int(f.Fd()), Name: "file"})
	require.ErrorContains(t, err, "the file's 0 bytes are less than a header's 4096")
	require.NoError(t, f.Close())
}
