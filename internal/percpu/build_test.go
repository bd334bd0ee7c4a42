package percpu

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// listing builds one package of this module and returns what the compiler or the assembler says about it.
func listing(t *testing.T, flag, path string) string {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("reads what the go command builds, and there is none: ", err)
	}
	build := exec.Command(tool, "build", flag, path)
	build.Env = append(os.Environ(), "GOFLAGS=", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func instructions(t *testing.T, listing, function string) []string {
	t.Helper()
	_, body, found := strings.Cut(listing, function+" STEXT")
	require.True(t, found, "no %s in %s", function, listing)
	_, body, _ = strings.Cut(body, "\n")
	var code []string
	for _, line := range strings.Split(body, "\n") {
		fields := strings.Split(line, "\t")
		if len(fields) < 3 || fields[0] != "" { // Bytes and relocations follow the last instruction.
			break
		}
		code = append(code, strings.Join(fields[2:], " "))
	}
	return code
}

// TestSectionCannotBePreempted reads the compiled form of a function as the users of ID write them: it must not look
// for more stack, which is where a goroutine can be stopped on request; from before its one call, which must be the
// indirect one that ID inlines to, every point of it must be marked unsafe for being stopped by a signal.
func TestSectionCannotBePreempted(t *testing.T) {
	if !HasID {
		t.Skip("this build has no unpreemptible sections")
	}
	code := instructions(t, listing(t, "-gcflags=-S", "./testdata/section"), "testdata/section.Bump")
	require.Contains(t, code[0], "NOSPLIT")
	const unsafePoint, mark = "PCDATA $0, ", "PCDATA $0, $-2"
	var calls int
	marked := false
	for _, one := range code {
		switch {
		case strings.HasPrefix(one, unsafePoint):
			require.Equal(t, mark, one)
			marked = true
		case strings.HasPrefix(one, "CALL"):
			require.True(t, marked, "a call before the mark")
			require.Regexp(t, regexp.MustCompile(`^CALL \(?(R0|AX)\)?$`), one)
			calls++
		case strings.Contains(one, "morestack"):
			require.Fail(t, "asks for stack", one)
		}
	}
	require.Equal(t, 1, calls)
}

// TestAssemblyTakesNoStack reads the assembled functions: each of them must be marked NOSPLIT, and those that read the
// id must have no frame.
func TestAssemblyTakesNoStack(t *testing.T) {
	if !HasID {
		t.Skip("this build has no unpreemptible sections")
	}
	texts := regexp.MustCompile(`(?m)\bTEXT\t(\S+)\(SB\), (\S+), \$(\S+)$`).FindAllStringSubmatch(listing(t, "-asmflags=-S", "."), -1)
	var readers int
	for _, text := range texts {
		require.Contains(t, text[2], "NOSPLIT", text[1])
		if strings.Contains(text[1], "percpu.id") {
			require.Contains(t, text[2], "NOFRAME", text[1])
			require.Equal(t, "0-0", text[3], text[1])
			readers++
		}
	}
	require.Equal(t, 4, readers)
}

// TestDeepSectionsLink builds a section at the end of a long chain of functions that do not ask for stack either: the
// linker adds up what they may need and refuses what does not fit.
func TestDeepSectionsLink(t *testing.T) {
	if !HasID {
		t.Skip("this build has no unpreemptible sections")
	}
	require.Empty(t, listing(t, "-o="+os.DevNull, "./testdata/deep"))
}
