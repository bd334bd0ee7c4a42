package slab

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files of this package anew")

// census counts what a function consists of.
type census struct {
	instructions, loads, stores, calls, branches, locked int
}

var (
	symbol  = regexp.MustCompile(`^TEXT (\S+)\(SB\)`)
	line    = regexp.MustCompile(`^\s+\S+:\d+\s+0x[0-9a-f]+\s+[0-9a-f]+\s+(.*?)\s*$`)
	jump    = regexp.MustCompile(`^J[A-Z]+ `)
	memory  = regexp.MustCompile(`\(`)
	noMove  = regexp.MustCompile(`^(CMP|TEST|LEA)`)
	toWrite = regexp.MustCompile(`^(ADD|SUB|XOR|OR|AND|INC|DEC)`)
)

func (c *census) add(text string) {
	op, args, _ := strings.Cut(text, " ")
	if strings.HasPrefix(op, "NOP") || op == "INT" || op == "?" || strings.HasPrefix(op, "INT") {
		return
	}
	c.instructions++
	operands := splitOperands(args)
	last := ""
	if len(operands) > 0 {
		last = operands[len(operands)-1]
	}
	switch {
	case strings.HasPrefix(op, "LOCK"), strings.HasPrefix(op, "XCHG"):
		c.locked++
	case op == "CALL":
		c.calls++
	case op == "JMP", op == "RET":
	case jump.MatchString(text):
		c.branches++
	case strings.HasPrefix(op, "LEA"), strings.HasPrefix(op, "PREFETCH"):
	case memory.MatchString(last) && !noMove.MatchString(op):
		c.stores++
		if toWrite.MatchString(op) {
			c.loads++
		}
	case memory.MatchString(args):
		c.loads++
	}
}

// splitOperands splits at commas outside parentheses.
func splitOperands(s string) []string {
	var out []string
	depth, from := 0, 0
	for i, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			out, from = append(out, s[from:i]), i+1
		}
	}
	return append(out, s[from:])
}

// The hot functions consist of what the golden file says, and of no locked
// instruction and no call. Those that need a P are in two parts, with a
// continuation of two instructions in between. A change shows as a changed
// digit; run `go test ./slab -run Census -update` to accept it.
func TestHotPathCensus(t *testing.T) {
	if runtime.GOARCH != "amd64" || runtime.GOOS != "linux" || raceEnabled {
		t.Skip("the assembly is for linux/amd64 without race")
	}
	if testing.Short() {
		t.Skip("builds a program")
	}
	if allocEntry.code == allocEntry.whole {
		t.Skip("this build does not use the assembly")
	}
	bin := filepath.Join(t.TempDir(), "program")
	out, err := exec.Command("go", "build", "-o", bin, "offheap.example/lookaside/slab/testdata/program").CombinedOutput()
	require.NoError(t, err, "%s", out)
	dump, err := exec.Command("go", "tool", "objdump", "-s", `^slab\.(alloc|zeroed|free|get|put)(On)?$|^slab\.local(Alloc|Free)$`, bin).CombinedOutput()
	require.NoError(t, err, "%s", dump)
	var got strings.Builder
	fmt.Fprintf(&got, "%-10s %12s %6s %7s %6s %9s %7s\n", "func", "instructions", "loads", "stores", "calls", "branches", "locked")
	name, c := "", census{}
	flush := func() {
		if name != "" {
			fmt.Fprintf(&got, "%-10s %12d %6d %7d %6d %9d %7d\n", name, c.instructions, c.loads, c.stores, c.calls, c.branches, c.locked)
			require.Zero(t, c.locked, name)
			require.Zero(t, c.calls, name)
		}
	}
	for _, s := range strings.Split(string(dump), "\n") {
		if m := symbol.FindStringSubmatch(s); m != nil {
			flush()
			name, c = strings.TrimPrefix(m[1], "slab."), census{}
		} else if m := line.FindStringSubmatch(s); m != nil {
			c.add(m[1])
		}
	}
	flush()
	require.Equal(t, 13, strings.Count(got.String(), "\n"), "%s", got.String())
	golden := "testdata/hotpath_amd64.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}
