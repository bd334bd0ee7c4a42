package work

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Shoot runs a program that makes one shot and reads the outcome that it
// prints. Of a program that dies, the error has the last line that it left on
// standard error.
func Shoot(cmd *exec.Cmd) (Outcome, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ran := cmd.Run()
	o, err := ReadOutcome(&stdout)
	if err == nil && ran == nil {
		return o, nil
	}
	var exit *exec.ExitError
	if ran != nil && !errors.As(ran, &exit) {
		return o, ran
	}
	if last := lastLine(stderr.String()); last != "" {
		return o, fmt.Errorf("%w: %s", errors.Join(ran, err), last)
	}
	return o, errors.Join(err, ran)
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}
