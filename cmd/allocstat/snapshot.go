package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"offheap.example/lookaside/stats"
)

// snapshot is the command of that name.
func (t *tool) snapshot(args []string) int {
	f := flags("snapshot")
	asJSON := f.Bool("json", false, "")
	rest, stop, status := t.parse(f, args)
	if stop {
		return status
	}
	if len(rest) != 1 {
		return t.fail(exitUsage, fmt.Errorf("snapshot: %d arguments: must be one, the number of a process", len(rest)))
	}
	pid, err := strconv.Atoi(rest[0])
	if err != nil || pid <= 0 {
		return t.fail(exitUsage, fmt.Errorf("snapshot: %q is no number of a process", rest[0]))
	}
	all, err := look(pid)
	if err != nil {
		return t.fail(exitUsage, err)
	}
	if len(all) == 0 {
		return t.fail(exitUsage, fmt.Errorf("snapshot: process %d publishes no counters (an arena on the Go heap has none)", pid))
	}
	if *asJSON {
		e := json.NewEncoder(t.stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(all); err != nil {
			return t.fail(exitFailed, err)
		}
		return exitOK
	}
	for _, s := range all {
		printSnapshot(t.stdout, s)
	}
	return exitOK
}

// look takes a snapshot of every source in the process.
func look(pid int) ([]stats.Snapshot, error) {
	sources, err := stats.Find(pid)
	if err != nil {
		return nil, err
	}
	var all []stats.Snapshot
	for _, src := range sources {
		r, err := stats.Attach(src)
		if err != nil {
			return nil, err
		}
		s, err := r.Snapshot()
		if e := r.Close(); err == nil {
			err = e
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// printSnapshot writes one arena's figures.
func printSnapshot(w io.Writer, s stats.Snapshot) {
	fmt.Fprintf(w, "process %d (%s), arena %q, counting for %s\n", s.Process.PID, s.Process.Command, s.Arena.Name,
		s.Time.Sub(s.Process.Started).Round(time.Second))
	a := s.Arena
	fmt.Fprintf(w, "reserved %s, limit %s, committed %s, in use %s, metadata %s, purged %s\n",
		bytesText(a.Reserved), bytesText(a.Limit), bytesText(a.Committed), bytesText(a.InUse),
		bytesText(a.Metadata), bytesText(a.Purged))
	fmt.Fprintf(w, "resident: blocks %s, metadata %s, counters %s\n",
		knownText(a.Resident), knownText(a.MetadataResident), knownText(a.CountersResident))
	if a.ResidentUnknown != "" {
		fmt.Fprintln(w, a.ResidentUnknown)
	}
	fmt.Fprintln(w)
	var t table
	t.add("list", "kind", "size", "live", "live bytes", "parked", "slabs", "held", "gets", "puts", "hit rate", "failures")
	for _, l := range s.Lists {
		if l.Kind == stats.Class && l.Gets == 0 && l.Slabs == 0 {
			continue
		}
		t.add(listCells(l)...)
	}
	t.print(w)
	fmt.Fprintln(w)
}

// knownText is a number of bytes for people, or that nobody knows it.
func knownText(n int64) string {
	if n < 0 {
		return "unknown"
	}
	return bytesText(n)
}

func listCells(l stats.List) []string {
	name := l.Name
	switch {
	case l.Kind == stats.Tag:
		name = l.Parent + " tag " + l.Tag
	case l.Parent != "" && name == "":
		name = l.Parent
	case name == "":
		name = none
	}
	size := none
	if l.Size > 0 {
		size = fmt.Sprint(l.Size)
	}
	slabs, rate := fmt.Sprint(l.Slabs), percent(l.HitRate())
	if l.Kind == stats.Large || l.Kind == stats.Tag {
		slabs, rate = none, none
	}
	return []string{
		name, string(l.Kind), size, fmt.Sprint(l.Live), bytesText(l.LiveBytes), fmt.Sprint(l.Parked), slabs,
		bytesText(l.HeldBytes), fmt.Sprint(l.Gets), fmt.Sprint(l.Puts), rate, fmt.Sprint(l.Failures),
	}
}
