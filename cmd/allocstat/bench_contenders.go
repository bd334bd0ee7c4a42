package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"offheap.example/lookaside/bench/native"
	"offheap.example/lookaside/bench/record"
	"offheap.example/lookaside/bench/work"
	"offheap.example/lookaside/bench/work/loops"
)

// fighter is a contender of a comparison.
type fighter struct {
	info record.Contender
	shot func(context.Context, work.Spec) (work.Outcome, error) // nil: not measured
	tag  string                                                 // of a Go rival: what it is built with
	c    native.Allocator                                       // of a C one, and what a cgo one needs
}

// everybody is all contenders, not yet prepared.
func everybody() []*fighter {
	var all []*fighter
	for _, name := range loops.Names() {
		all = append(all, &fighter{info: record.Contender{Name: name, Language: "go", Version: runtime.Version()}})
	}
	all[0].info.Version = commit()
	for _, r := range []struct{ name, tag string }{
		{"modernc", "rival_modernc"}, {"mcache", "rival_mcache"}, {"bytebufferpool", "rival_bytebufferpool"},
		{"go-buffer-pool", "rival_gobufferpool"}, {"arrow", "rival_arrow"}, {"grpc-mem", "rival_grpcmem"},
	} {
		all = append(all, &fighter{info: record.Contender{Name: r.name, Language: "go"}, tag: r.tag})
	}
	for _, a := range native.Allocators() {
		short := strings.TrimPrefix(a.Name, "c-")
		if short == "mimalloc" || short == "jemalloc" {
			all = append(all, &fighter{info: record.Contender{Name: "cgo-" + short, Language: "cgo"}, tag: "rival_" + short, c: a})
		}
	}
	for _, a := range native.Allocators() {
		all = append(all, &fighter{info: record.Contender{Name: a.Name, Language: "c"}, c: a})
	}
	return all
}

// choose selects contenders and workloads by the flags.
func (b *bench) choose() error {
	all := everybody()
	chosen := map[*fighter]bool{all[0]: true}
	for p := range strings.SplitSeq(b.o.against, ",") {
		found := false
		for _, f := range all {
			ok, err := path.Match(strings.TrimSpace(p), f.info.Name)
			if err != nil {
				return fmt.Errorf("-against %q: %w", p, err)
			}
			if ok {
				chosen[f], found = true, true
			}
		}
		if !found {
			var names []string
			for _, f := range all {
				names = append(names, f.info.Name)
			}
			return fmt.Errorf("-against: no contender %q: there are %s", p, strings.Join(names, ", "))
		}
	}
	b.fighters = slices.DeleteFunc(all, func(f *fighter) bool { return !chosen[f] })
	scale, _ := b.o.scale()
	specs := work.Suite(runtime.GOMAXPROCS(0), scale)
	for _, t := range b.traceFiles() {
		specs = append(specs, work.TraceSpecs(traceName(t), t, scale)...)
	}
	var err error
	b.specs, err = work.Select(specs, b.o.work)
	if err != nil {
		return fmt.Errorf("-work: %w", err)
	}
	return nil
}

// prepare builds what must be built, and says what is missing.
func (b *bench) prepare() {
	cache := cacheFolder()
	rivals, noRivals := b.rivalsFolder()
	var program string
	var noC error
	if slices.ContainsFunc(b.fighters, func(f *fighter) bool { return f.info.Language == "c" }) {
		b.progress("building the workloads in C")
		var compiler string
		if compiler, noC = native.Compiler(); noC == nil {
			program, noC = native.Build(b.ctx, compiler, cache)
		}
	}
	for _, f := range b.fighters {
		var err error
		switch {
		case f.info.Language == "c" && noC != nil:
			err = noC
		case f.info.Language == "c":
			err = f.prepareC(b.ctx, program)
		case f.tag != "" && noRivals != nil:
			err = noRivals
		case f.tag != "":
			b.progress("building %s", f.info.Name)
			err = f.prepareRival(b.ctx, rivals, cache)
		default:
			f.shot, err = b.ownShot(f.info.Name)
		}
		if err != nil {
			f.shot = nil
			f.info.Missing = notMeasured(err)
		}
	}
	b.progress("")
}

// notMeasured is why not, in one line.
func notMeasured(err error) string {
	text := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
	if native.IsMissing(err) {
		return text
	}
	return "not measured: " + text
}

func (b *bench) contenders() []record.Contender {
	var out []record.Contender
	for _, f := range b.fighters {
		out = append(out, f.info)
	}
	return out
}

// ownShot runs this program once more for every shot.
func (b *bench) ownShot(name string) (func(context.Context, work.Spec) (work.Outcome, error), error) {
	if b.o.inProcess {
		return func(_ context.Context, s work.Spec) (work.Outcome, error) { return loops.Run(name, s) }, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, s work.Spec) (work.Outcome, error) {
		return work.Shoot(exec.CommandContext(ctx, self, "bench", "-shot", name, s.Line()))
	}, nil
}

func (f *fighter) prepareC(ctx context.Context, program string) error {
	library, err := f.c.Find()
	if err != nil {
		return err
	}
	if f.info.Version, err = f.c.Identify(ctx, program, library); err != nil {
		return err
	}
	f.shot = func(ctx context.Context, s work.Spec) (work.Outcome, error) {
		return native.Shot(ctx, program, library, s)
	}
	return nil
}

// prepareRival builds the program of a Go rival.
func (f *fighter) prepareRival(ctx context.Context, folder, cache string) error {
	if f.info.Language == "cgo" {
		if _, err := f.c.Find(); err != nil {
			return err
		}
		if _, err := native.Compiler(); err != nil {
			return err
		}
	}
	program := filepath.Join(cache, f.info.Name)
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", f.tag, "-o", program, ".")
	cmd.Dir = folder
	if f.info.Language == "cgo" {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return &native.Missing{What: "go command", Install: "install Go, to build the rivals"}
		}
		return fmt.Errorf("go build -tags %s in bench/rivals: %s", f.tag, complaint(string(out)))
	}
	o, err := work.Shoot(exec.CommandContext(ctx, program, "identify"))
	if err != nil {
		return err
	}
	f.info.Version = o.Version
	f.shot = func(ctx context.Context, s work.Spec) (work.Outcome, error) {
		return work.Shoot(exec.CommandContext(ctx, program, s.Line()))
	}
	return nil
}

// complaint is the first line of a compiler's output that is no heading.
func complaint(out string) string {
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line
		}
	}
	return "it failed without a word"
}

// rivalsFolder finds the module of the Go rivals.
func (b *bench) rivalsFolder() (string, error) {
	if b.o.rivals != "" {
		if _, err := os.Stat(filepath.Join(b.o.rivals, "go.mod")); err != nil {
			return "", &native.Missing{What: "go.mod in the folder that -rivals names", Install: "name bench/rivals of a checkout"}
		}
		return b.o.rivals, nil
	}
	missing := &native.Missing{What: "bench/rivals here", Install: "run it in a checkout, or name the folder with -rivals"}
	at, err := os.Getwd()
	if err != nil {
		return "", missing
	}
	for {
		folder := filepath.Join(at, "bench", "rivals")
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		up := filepath.Dir(at)
		if up == at {
			return "", missing
		}
		at = up
	}
}

// cacheFolder is where built programs are kept.
func cacheFolder() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "lookaside-bench")
}

// commit is the revision that the program was built from, or that of the
// checkout around the current folder.
func commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		revision, changed := "", ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = "+changes"
			}
		}
		if revision != "" {
			return revision[:min(len(revision), 12)] + changed
		}
	}
	if out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output(); err == nil {
		return strings.TrimSpace(string(out))
	}
	return "unknown"
}
