package native

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"offheap.example/lookaside/bench/work"
)

//go:embed src/*.c src/*.h
var sources embed.FS

// flags of the compiler. It must not know what the functions under test do, and
// must not fuse multiplications with additions, which Go is kept from too.
var flags = []string{
	"-std=gnu11", "-O2", "-Wall", "-Wextra", "-pthread", "-ffp-contract=off",
	"-fno-builtin-malloc", "-fno-builtin-calloc", "-fno-builtin-realloc", "-fno-builtin-free", "-fno-builtin-posix_memalign",
}

// Missing says what to install so that something can be measured.
type Missing struct {
	What    string // what is not there
	Install string // the command that changes it
}

// Error tells both.
func (m *Missing) Error() string {
	return fmt.Sprintf("not measured: no %s (%s)", m.What, m.Install)
}

// Compiler returns the system's C compiler, or a *Missing.
func Compiler() (string, error) {
	if runtime.GOOS != "linux" {
		return "", &Missing{"Linux", "the programs in C preload libraries and read /proc"}
	}
	for _, name := range []string{os.Getenv("CC"), "cc", "gcc", "clang"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &Missing{"C compiler", "apt install gcc libc6-dev"}
}

// Build compiles the harness with the compiler into dir, unless it lies there
// already, and returns the program's path.
func Build(ctx context.Context, compiler, dir string) (string, error) {
	dir = filepath.Join(dir, "native-"+fingerprint(compiler))
	program := filepath.Join(dir, "workloads")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	src := filepath.Join(dir, "src")
	if err := os.MkdirAll(src, 0o755); err != nil {
		return "", err
	}
	args := append(slices.Clone(flags), "-o", program+".new")
	err := fs.WalkDir(sources, "src", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := sources.ReadFile(name)
		if err != nil {
			return err
		}
		file := filepath.Join(src, entry.Name())
		if filepath.Ext(file) == ".c" {
			args = append(args, file)
		}
		return os.WriteFile(file, text, 0o644)
	})
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, compiler, append(args, "-ldl")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(compiler), err, firstLine(string(out)))
	}
	return program, os.Rename(program+".new", program)
}

// fingerprint is different for every state of sources, flags and compiler.
func fingerprint(compiler string) string {
	h := sha256.New()
	fmt.Fprintln(h, compiler, flags)
	_ = fs.WalkDir(sources, "src", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			text, _ := sources.ReadFile(name)
			fmt.Fprintf(h, "%s %d\n", name, len(text))
			h.Write(text)
		}
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// Allocator is an implementation of malloc.
type Allocator struct {
	Name    string // as contender
	Library string // pattern of the file's name; "" is the C library's own
	Package string // of Debian and its kin, that has it
	Answers string // how its version begins
}

// Allocators are those that the distribution's packages have.
func Allocators() []Allocator {
	return []Allocator{
		{"c-glibc", "", "", "glibc "},
		{"c-mimalloc", "libmimalloc.so*", "libmimalloc-dev", "mimalloc "},
		{"c-jemalloc", "libjemalloc.so*", "libjemalloc-dev", "jemalloc "},
		{"c-tcmalloc", "libtcmalloc_minimal.so*", "libgoogle-perftools-dev", "tcmalloc "},
	}
}

// folders are where libraries lie.
var folders = []string{"/usr/local/lib", "/usr/lib/*-linux-gnu*", "/lib/*-linux-gnu*", "/usr/lib64", "/lib64", "/usr/lib", "/lib"}

// Find returns the library's file, "" for the C library's own malloc, or a
// *Missing.
func (a Allocator) Find() (string, error) {
	if a.Library == "" {
		return "", nil
	}
	for _, folder := range folders {
		// The pattern is fixed and well-formed.
		found, _ := filepath.Glob(filepath.Join(folder, a.Library))
		for _, file := range found {
			if path, err := filepath.EvalSymlinks(file); err == nil {
				return path, nil
			}
		}
	}
	return "", &Missing{strings.TrimSuffix(a.Library, "*"), "apt install " + a.Package}
}

// Shot makes one shot of a workload with the program that Build made and the
// library that Find found.
func Shot(ctx context.Context, program, library string, s work.Spec) (work.Outcome, error) {
	line := s.Line()
	file := ""
	if at := strings.Index(line, " file="); at >= 0 {
		line, file = line[:at], line[at+1:]
	}
	args := strings.Fields(line)
	if file != "" {
		args = append(args, file)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(withoutMalloc(os.Environ()), "LC_ALL=C")
	if library != "" {
		cmd.Env = append(cmd.Env, "LD_PRELOAD="+library)
	}
	return work.Shoot(cmd)
}

// withoutMalloc leaves out what would change an allocator or preload another.
func withoutMalloc(env []string) []string {
	return slices.DeleteFunc(env, func(v string) bool {
		for _, p := range []string{"LD_PRELOAD=", "MALLOC_", "GLIBC_TUNABLES=", "MIMALLOC_", "TCMALLOC_", "LC_ALL="} {
			if strings.HasPrefix(v, p) {
				return true
			}
		}
		return false
	})
}

// Identify asks the program which malloc answers, and makes sure that it is a.
func (a Allocator) Identify(ctx context.Context, program, library string) (string, error) {
	o, err := Shot(ctx, program, library, work.Spec{Kind: "identify"})
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(o.Version, a.Answers) {
		return "", fmt.Errorf("%s was preloaded, but malloc is that of %s", library, o.Version)
	}
	return o.Version, nil
}

// IsMissing tells whether err says that something is not installed.
func IsMissing(err error) bool {
	var m *Missing
	return errors.As(err, &m)
}
