package work

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Param is one number that an algorithm takes.
type Param struct {
	Key   string `json:"key"`
	Value int64  `json:"value"`
}

// Spec is one workload as data.
type Spec struct {
	Name   string  `json:"name"`
	Group  string  `json:"group"`
	Title  string  `json:"title"`
	Kind   string  `json:"kind"` // which algorithm
	Unit   string  `json:"unit"` // what one operation is
	Params []Param `json:"params"`
	File   string  `json:"-"` // the events of a trace, in the form of package eventfile
	GoOnly bool    `json:"go_only,omitempty"`
}

// Int returns the number named key, 0 when there is none.
func (s *Spec) Int(key string) int {
	for _, p := range s.Params {
		if p.Key == key {
			return int(p.Value)
		}
	}
	return 0
}

// With returns a copy in which key has another value.
func (s Spec) With(key string, value int64) Spec {
	s.Params = slices.Clone(s.Params)
	for i := range s.Params {
		if s.Params[i].Key == key {
			s.Params[i].Value = value
			return s
		}
	}
	s.Params = append(s.Params, Param{key, value})
	return s
}

// ParamText is the numbers as they stand in Line.
func (s *Spec) ParamText() string {
	words := make([]string, 0, len(s.Params))
	for _, p := range s.Params {
		words = append(words, fmt.Sprintf("%s=%d", p.Key, p.Value))
	}
	return strings.Join(words, " ")
}

// Line is what a program that runs workloads is given: the kind, the numbers,
// and, as the last word, the file of a trace. The file's path may have spaces.
func (s *Spec) Line() string {
	line := strings.TrimSpace(s.Kind + " " + s.ParamText())
	if s.File != "" {
		line += " file=" + s.File
	}
	return line
}

// ParseSpec reads what Line wrote. Name, group, title and unit are not in the
// line.
func ParseSpec(line string) (Spec, error) {
	var s Spec
	if at := strings.Index(line, " file="); at >= 0 {
		s.File = line[at+len(" file="):]
		line = line[:at]
	}
	words := strings.Fields(line)
	if len(words) == 0 {
		return s, fmt.Errorf("workload: an empty line names no kind")
	}
	s.Kind = words[0]
	for _, w := range words[1:] {
		key, text, ok := strings.Cut(w, "=")
		value, err := strconv.ParseInt(text, 10, 64)
		if !ok || key == "" || err != nil {
			return s, fmt.Errorf("workload %s: %q is not key=number", s.Kind, w)
		}
		s.Params = append(s.Params, Param{key, value})
	}
	return s, nil
}

// Select returns the workloads whose name or group matches one of the
// comma-separated patterns, in the order of all. A pattern that matches none is
// an error that lists the names.
func Select(all []Spec, patterns string) ([]Spec, error) {
	chosen := make([]bool, len(all))
	for p := range strings.SplitSeq(patterns, ",") {
		p = strings.TrimSpace(p)
		found := false
		for i, s := range all {
			byName, err := path.Match(p, s.Name)
			if err != nil {
				return nil, fmt.Errorf("pattern %q: %w", p, err)
			}
			byGroup, _ := path.Match(p, s.Group)
			if byName || byGroup {
				chosen[i], found = true, true
			}
		}
		if !found {
			var names []string
			for _, s := range all {
				names = append(names, s.Name)
			}
			return nil, fmt.Errorf("no workload %q: there are %s", p, strings.Join(names, ", "))
		}
	}
	var out []Spec
	for i, s := range all {
		if chosen[i] {
			out = append(out, s)
		}
	}
	return out, nil
}
