package align_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHotFunctionsInline reads the compiler's own report. For the functions
// that are not generic, building the package is enough; a generic one exists
// only where it is called, so a program in testdata calls each, and the report
// must have an "inlining call" for every call in it.
func TestHotFunctionsInline(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skipf("no go command to ask: %v", err)
	}
	report := func(pkg string) string {
		cmd := exec.Command(tool, "build", "-gcflags=-m", "-o", filepath.Join(t.TempDir(), "out"), pkg)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}

	declared := report(".")
	for _, name := range []string{"PageSize", "Pages", "SpanPages", "CacheLine"} {
		require.Regexp(t, `can inline `+name+`\b`, declared)
	}

	source, err := os.ReadFile("testdata/inline/main.go")
	require.NoError(t, err)
	called := report("./testdata/inline")
	functions := map[string]bool{}
	for number, line := range strings.Split(string(source), "\n") {
		for _, call := range regexp.MustCompile(`align\.(\w+)\(`).FindAllStringSubmatch(line, -1) {
			functions[call[1]] = true
			require.Regexp(t, `main\.go:`+strconv.Itoa(number+1)+`:\d+: inlining call to align\.`+call[1]+`(\[|\n)`, called)
		}
	}
	for _, name := range []string{"Up", "Down", "TryUp", "TryDown", "Is", "IsPow2", "PageSize", "Pages", "SpanPages", "CacheLine"} {
		require.True(t, functions[name], "testdata/inline does not call %s", name)
	}
}
