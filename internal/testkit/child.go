package testkit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childVariable tells the child which crime to commit.
const childVariable = "LOOKASIDE_CHILD"

// childLimit is how long a child may live. It is there for children that hang, not to measure any.
const childLimit = 2 * time.Minute

// Death is how a process ended.
type Death struct {
	Status int    // exit status; 2 is a panic that nobody recovered, -1 a signal
	Line   string // first line on standard error, with addresses as 0x?
}

// Panicked is the death by a panic with an error of the given text.
func Panicked(text string) Death { return Death{Status: 2, Line: "panic: " + text} }

// Survived is the end of a child whose crime returned.
var Survived = Death{}

// InChild tells whether this process is the child that commits a crime. A test that calls Child and has something
// costly to do before can leave it out there.
func InChild() bool { return os.Getenv(childVariable) != "" }

// Child commits the crime of that name in a process of its own and requires that it ends as want says. The crime
// runs on a goroutine of its own, because a test's goroutine recovers panics; when it returns the child exits with 0.
// Names must differ within one test. A test that calls Child must reach the call in the child too.
func Child(t *testing.T, name string, want Death, crime func()) {
	t.Helper()
	key := t.Name() + "|" + name
	switch os.Getenv(childVariable) {
	case "":
	case key:
		commit(crime)
	default:
		return // another crime of this test is the child's
	}
	got, stderr := spawn(t, key)
	require.Equal(t, want, got, "crime %q, standard error:\n%s", name, stderr)
}

// commit runs the crime and ends the process.
func commit(crime func()) {
	done := make(chan struct{})
	go func() {
		crime()
		close(done)
	}()
	<-done
	os.Exit(0)
}

// spawn runs the test binary once more, for the one test t.
func spawn(t *testing.T, key string) (Death, string) {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(binary, "-test.run="+exactly(t.Name()), "-test.count=1", fmt.Sprintf("-test.timeout=%v", childLimit))
	cmd.Env = append(os.Environ(), childVariable+"="+key, "GOTRACEBACK=single")
	var stderr, stdout bytes.Buffer
	cmd.Stderr, cmd.Stdout = &stderr, &stdout
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	line, _, _ := strings.Cut(stderr.String(), "\n")
	if err == nil && strings.Contains(stdout.String(), "no tests to run") {
		t.Fatalf("the child found no test %q", t.Name())
	}
	return Death{Status: cmd.ProcessState.ExitCode(), Line: Masked(line)}, stderr.String()
}

// exactly is the pattern for -test.run that matches one test, however deep.
func exactly(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

var addresses = regexp.MustCompile(`0x[0-9a-f]+`)

// Masked is text with every address written as 0x?.
func Masked(text string) string { return addresses.ReplaceAllString(text, "0x?") }

// Guarded calls f and returns the error that it panicked with; nil when it returned. A panic with something that is
// no error becomes one.
func Guarded(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			err = r
		default:
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	f()
	return nil
}
