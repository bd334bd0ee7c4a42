package record

import (
	"os"
	"runtime"
	"strings"
)

// Machine is what was measured on. It names no host.
type Machine struct {
	CPU        string `json:"cpu"`
	Model      string `json:"model,omitempty"` // in numbers: the kernel's name for the processor may hide its generation
	Processors int    `json:"processors"`
	Kernel     string `json:"kernel"`
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	HugePages  string `json:"transparent_huge_pages,omitempty"`
}

// ThisMachine looks at the machine that the program runs on.
func ThisMachine() Machine {
	m := Machine{Processors: runtime.GOMAXPROCS(0), OS: runtime.GOOS, Arch: runtime.GOARCH}
	m.CPU = field("/proc/cpuinfo", "model name")
	if f, n := field("/proc/cpuinfo", "cpu family"), field("/proc/cpuinfo", "model"); f != "" && n != "" {
		m.Model = "family " + f + ", model " + n
	}
	m.Kernel = first("/proc/sys/kernel/osrelease")
	if mode := first("/sys/kernel/mm/transparent_hugepage/enabled"); mode != "" {
		_, mode, _ = strings.Cut(mode, "[")
		m.HugePages, _, _ = strings.Cut(mode, "]")
	}
	return m
}

func first(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// Name is the processor's name, with its model where that is known.
func (m Machine) Name() string {
	if m.Model == "" {
		return m.CPU
	}
	return m.CPU + " (" + m.Model + ")"
}

// field is the value of the first line of the form "key : value".
func field(file, key string) string {
	for line := range strings.Lines(first(file)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
