package work

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"time"
)

// meter samples resident memory without allocating.
type meter struct {
	file  *os.File
	buf   [4096]byte
	total int64 // of the workload, in its own steps
	done  int64
	next  int64
}

// samples is how many points a series has, about.
const samples = 200

// Measure begins to sample resident memory in a workload of total steps, and
// takes the base. The table of samples is made here. A collection comes first:
// what the collector needs for itself when it first runs belongs to the base
// of a process with a collector.
func (r *Run) Measure(total int) {
	m := &meter{total: max(int64(total), 1)}
	m.file, _ = os.Open("/proc/self/smaps_rollup")
	r.meter = m
	r.Out.Series = make([]Sample, 0, 8*samples)
	clear(r.Out.Series[:cap(r.Out.Series)]) // its pages belong to the base, too
	runtime.GC()
	r.Out.Base = m.resident()
	r.Out.Peak = r.Out.Base
	r.point(r.Out.Base)
}

// Step says that n more steps are done, and samples when it is time to. The
// clock, which must run, stands still meanwhile.
func (r *Run) Step(n int) {
	m := r.meter
	m.done += int64(n)
	if m.done < m.next {
		return
	}
	m.next = m.done + max(m.total/samples, 1)
	r.Out.Ns += time.Since(r.begun).Nanoseconds()
	r.Sample()
	r.begun = time.Now()
}

// Advance says that n more steps are done, and does not sample.
func (r *Run) Advance(n int) { r.meter.done += int64(n) }

// Sample reads the resident memory and returns it. The clock must not run.
func (r *Run) Sample() int64 {
	n := r.meter.resident()
	r.Out.Peak = max(r.Out.Peak, n)
	r.point(n)
	return n
}

func (r *Run) point(n int64) {
	if len(r.Out.Series) < cap(r.Out.Series) {
		r.Out.Series = append(r.Out.Series, Sample{r.meter.done * 1000 / r.meter.total, n})
	}
}

// Measured ends the sampling.
func (r *Run) Measured() {
	if r.meter.file != nil {
		r.meter.file.Close()
	}
}

// resident is the process's anonymous and shared memory in bytes, 0 where the
// kernel does not tell.
func (m *meter) resident() int64 {
	if m.file == nil {
		return 0
	}
	n, _ := m.file.ReadAt(m.buf[:], 0)
	text := m.buf[:n]
	return kilobytes(text, "\nPss_Anon:") + kilobytes(text, "\nPss_Shmem:")
}

// kept returns the resident memory and its high-water mark as the kernel keeps
// them, 0 where it does not.
func kept() (now, most int64) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0
	}
	return kilobytes(text, "\nVmRSS:"), kilobytes(text, "\nVmHWM:")
}

// kilobytes is the number behind key, in bytes.
func kilobytes(text []byte, key string) int64 {
	at := bytes.Index(text, []byte(key))
	if at < 0 {
		return 0
	}
	rest := bytes.TrimLeft(text[at+len(key):], " \t")
	end := bytes.IndexByte(rest, ' ')
	if end < 0 {
		return 0
	}
	n, err := strconv.ParseInt(string(rest[:end]), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
